"""The dashboard: a client of the residents' interface, in a terminal.

May live here: screens, and how things are said. May not: a rule about who may do what, a store of
facts, or a way to the hub's inside: everything comes through `homechain.api.client`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homechain_tui.ports import HubCalls

__all__ = ["run_dashboard"]


async def run_dashboard(client: "HubCalls") -> None:
    """Show the dashboard in this terminal until it is left. The caller closes the client."""
    from homechain_tui.app import Dashboard  # a quick start for who only asks for --help

    await Dashboard(client).run_async()
