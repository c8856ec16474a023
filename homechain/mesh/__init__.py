"""How hubs find each other, and how they talk: discovery, pairing, links, relaying.

Nothing here decides what a home believes. mDNS gives hints, certificates give identity, and both
are only as good as the membership that the ledger holds and the caller hands to `Mesh.trust`.
"""
