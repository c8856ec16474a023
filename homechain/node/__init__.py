"""The driver of the pure core, and the ports it needs from the world.

verify → step → persist → send → apply. What may live here: order, waiting, verification off the
event loop. What may not: SQL, sockets, HTTP, or a rule of consensus or of the ledger.
"""
