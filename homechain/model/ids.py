"""Names of things: homes, principals, records, blocks.

A principal's name is the `did:key` of its Ed25519 key. A home's name is the id of its genesis
record. A record's id is the SHA-256 of its JWS signing input, so it does not depend on the
signature's bytes; a block's hash is the SHA-256 of its header's exact bytes behind a tag.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, NewType

from msgspec import Meta

from homechain.model.errors import FormatError

# `$` alone also matches before a line break at the end, in Python though not in JSON Schema; so
# every pattern here says that none follows.
Did = Annotated[str, Meta(pattern=r"^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$(?!\n)")]
"""`did:key` of an Ed25519 key: 56 characters."""

Digest = NewType("Digest", bytes)
"""32 bytes: a SHA-256."""

DigestText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)")]
"""A digest where people and JSON read it: base64url without padding, 43 characters."""

DIGEST_BYTES = 32


def digest_text(digest: bytes) -> str:
    """The 43 characters that stand for a 32-byte digest in JSON and in addresses."""
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def digest_from_text(text: str) -> Digest:
    """The digest that `text` stands for; `FormatError` unless it is the one canonical spelling."""
    try:
        digest = urlsafe_b64decode(text.encode("ascii") + b"=")
    except ValueError as error:
        raise FormatError(f"not a base64url digest: {text[:50]!r}") from error
    if len(digest) != DIGEST_BYTES or digest_text(digest) != text:
        raise FormatError(f"not a canonical 32-byte digest: {text[:50]!r}")
    return Digest(digest)
