"""The scalar types that the bodies are made of."""

from typing import Annotated

from msgspec import Meta, Struct

from homechain.model import limits

JwsText = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$(?!\n)",
        max_length=limits.RECORD_BYTES,
    ),
]
"""A compact JWS: the exact bytes that were signed."""

NonceText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)")]
"""32 random bytes, base64url."""

Digits = Annotated[str, Meta(pattern=r"^[0-9]{6}$(?!\n)")]
"""Six digits that a resident compares on two screens."""


class Body(Struct, frozen=True, kw_only=True):
    """What a hub answers. Members that a reader does not know are passed over, so hubs may grow."""


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a hub is asked. Unknown members are refused, so that typing errors show."""
