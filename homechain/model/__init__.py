"""The words of homechain: ids, records, blocks, statements, certificates.

What may live here: frozen types and the exact bytes they stand for. What may not: signatures,
hash trees, clocks, disks, networks, or any rule about what may follow what. Everything above
imports this package; it imports nothing of homechain.
"""
