"""The hub's HTTP servers: one for devices (plain, signed requests), one for residents (private).

May live here: HTTP, sessions, request signatures, limits, and the way from rows to wire types. May
not: SQL, rules about who may do what (`ledger.policy` is asked), or anything that a hub believes
because it came from here: records are judged by the ledger, whoever carries them.
"""
