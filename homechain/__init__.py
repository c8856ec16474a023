"""homechain: a home's hubs keep one signed ledger of what happened and who was allowed to do it."""

__version__ = "0.1.0"
