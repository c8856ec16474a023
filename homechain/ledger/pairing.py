"""The six digits that a resident compares before a device is taken in.

Commit and reveal: the device commits to a nonce in its signed description, the hub answers with
its own, then the device reveals. So a man in the middle cannot search for a key or a nonce that
gives the digits of another conversation: it has one guess in a million. The hub itself is trusted
here: it makes up both sides of a conversation with a device of its own (docs/security.md).
"""

from typing import Final

from homechain.crypto.hashing import HASH_BYTES, b64u, sha256

DIGITS: Final = 6
_HUB_CHARACTERS: Final = 56


def commitment_to(device_nonce: bytes) -> str:
    """What a description's `commitment` says for a 32-byte nonce: 43 characters."""
    _check_digest(device_nonce)
    return b64u(sha256(b"homechain commitment\0", device_nonce))


def check_commitment(commitment: str, *, device_nonce: bytes) -> bool:
    """Say whether a description's `commitment` is to this nonce."""
    return len(device_nonce) == HASH_BYTES and commitment == commitment_to(device_nonce)


def pairing_digits(
    *, home: bytes, hub: str, description_id: bytes, hub_nonce: bytes, device_nonce: bytes
) -> str:
    """Six digits that both sides show. Every part has one length, so their border is certain."""
    for part in (home, description_id, hub_nonce, device_nonce):
        _check_digest(part)
    if len(hub) != _HUB_CHARACTERS:
        raise ValueError(f"a hub's name has {_HUB_CHARACTERS} characters")
    digest = sha256(
        b"homechain digits 1\0", home, hub.encode("ascii"), description_id, hub_nonce, device_nonce
    )
    return f"{int.from_bytes(digest[:8], 'big') % 10**DIGITS:0{DIGITS}d}"


def _check_digest(part: bytes) -> None:
    if len(part) != HASH_BYTES:
        raise ValueError(f"a nonce or id has {HASH_BYTES} bytes, not {len(part)}")
