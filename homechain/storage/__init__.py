"""The hub's disk: one SQLite file a home, one writer, and the stills beside it.

What may live here: all SQL, the schema, and the rows that are folded from final blocks. What may
not: any rule about what may follow what, signatures, or the network. A failed write ends the
store: it is reported once and never tried again, because after a failed fsync nobody knows what
is on the medium.
"""
