"""Certified terms: the consensus core. Pure: no clock, randomness, signature, disk, network, log, await."""
