"""One running hub: the composition root, the only place that names concrete adapters.

May live here: which adapter serves which port, how a home is founded or joined, and the task group
that everything runs in. May not: rules of consensus, of the ledger, or of HTTP.
"""
