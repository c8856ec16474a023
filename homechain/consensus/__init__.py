"""Certified terms: the consensus core (`core.Consensus`).

Pure: no clock, randomness, signature, disk, network, log, await. It sees terms, slots, hashes and
signers' numbers, never bytes.
"""
