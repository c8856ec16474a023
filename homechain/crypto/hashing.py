"""SHA-256 and canonical base64url: the two encodings that everything signed is built from.

May live here: total functions over bytes and text. May not: knowledge of what is hashed.
"""

import base64
import binascii
import hashlib

from homechain.crypto.errors import InvalidEncoding

HASH_BYTES = 32


def sha256(*parts: bytes) -> bytes:
    """Return the 32-byte SHA-256 of the parts, one after the other.

    The parts are not separated: a caller whose parts vary in length must frame them.
    """
    return hashlib.sha256(b"".join(parts)).digest()


def b64u(data: bytes) -> str:
    """Return `data` as base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64u(text: str | bytes) -> bytes:
    """Return the bytes behind canonical base64url without padding.

    Raises `InvalidEncoding` for a foreign character, padding, white space, an impossible length,
    or unused bits that are not zero (RFC 4648, section 3.5), so every value has one spelling.
    """
    try:
        encoded = text.encode("ascii") if isinstance(text, str) else text
        data = base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise InvalidEncoding("not base64url without padding") from error
    # The decoder skips what it does not know; only the canonical spelling survives the way back.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != encoded:
        raise InvalidEncoding("not canonical base64url without padding")
    return data
