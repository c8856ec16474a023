"""The hub's two HTTP interfaces: the wire types, a client, and the server.

What may live here: HTTP, and the types that cross it. What may not: SQL, consensus, links between
hubs, or a rule about who may do what; those are asked for through `server.ports`.
"""
