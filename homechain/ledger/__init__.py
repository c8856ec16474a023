"""What may follow what: records, state as a fold, decisions, certificates, proofs, audit. Pure.

May live here: rules over values. May not: clocks, randomness, disks, sockets, `async`, logs; time
comes in with the call. Signatures are checked here, never made (but for `sign_record`, which a
person's or a device's own program calls).
"""
