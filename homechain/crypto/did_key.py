"""The name of a key: `did:key:z6Mk…` (W3C CCG did:key method, Ed25519 only).

May live here: the spelling. May not: whether the bytes are an acceptable point, which is
`PublicKey`'s business.
"""

from typing import Final

from homechain.crypto.errors import InvalidDid

DID_KEY_CHARACTERS: Final = 56
"""Every Ed25519 did:key has exactly this length, because the multicodec prefix fixes it."""

_PREFIX: Final = "did:key:z"
_MULTICODEC_ED25519: Final = b"\xed\x01"
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {character: digit for digit, character in enumerate(_ALPHABET)}
_KEY_BYTES: Final = 32


def encode_did_key(raw: bytes) -> str:
    """Return the did:key of a raw 32-byte Ed25519 public key.

    Raises `InvalidDid` if `raw` does not have 32 bytes.
    """
    if len(raw) != _KEY_BYTES:
        raise InvalidDid(f"an Ed25519 key has {_KEY_BYTES} bytes, not {len(raw)}")
    # The multicodec prefix starts with a non-zero byte, so base58's leading-zero rule never
    # applies and the number alone carries the bytes.
    number = int.from_bytes(_MULTICODEC_ED25519 + raw, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    return _PREFIX + "".join(reversed(digits))


def decode_did_key(did: str) -> bytes:
    """Return the raw 32-byte key that `did` names.

    Raises `InvalidDid` for anything but the one canonical spelling.
    """
    if len(did) != DID_KEY_CHARACTERS:
        raise InvalidDid(f"an Ed25519 did:key has {DID_KEY_CHARACTERS} characters, not {len(did)}")
    if not did.startswith(_PREFIX):
        raise InvalidDid(f"a did:key starts with {_PREFIX}")
    number = 0
    for character in did[len(_PREFIX) :]:
        digit = _DIGITS.get(character)
        if digit is None:
            raise InvalidDid("a did:key holds a character that base58btc does not have")
        number = number * 58 + digit
    prefix, raw = divmod(number, 1 << 8 * _KEY_BYTES)
    # Equality with the whole prefix refuses other key types and leading '1's alike.
    if prefix != int.from_bytes(_MULTICODEC_ED25519, "big"):
        raise InvalidDid("a did:key of something other than an Ed25519 key")
    return raw.to_bytes(_KEY_BYTES, "big")
