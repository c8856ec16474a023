"""What crosses the HTTP interfaces: one frozen type a body, one module a resource.

May live here: types. May not: HTTP, signatures, or what a hub does with them. The OpenAPI document
is generated from these same types. Conventions: times are `…_ms` since 1970 (`…_s` where a record
says seconds), digests and nonces are base64url without padding, a record is its compact JWS.
Proofs are the ledger's own types: bytes in them are base64 with padding, certificates are arrays.
"""
