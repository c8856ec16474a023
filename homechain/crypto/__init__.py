"""Keys, signatures, names of keys, hashes, trees and locked secrets.

May live here: pure functions and frozen values over bytes. May not: clocks, randomness, files,
sockets, `async`, logging, or any knowledge of what a record means. Randomness (seeds, salts,
nonces) comes in with the call.
"""
