"""What may follow what: records, state as a fold, decisions, certificates, proofs, audit. Pure."""
