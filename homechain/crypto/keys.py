"""Ed25519 keys and the one routine that verifies signatures.

May live here: the two key types. May not: randomness (the caller brings the seed), files, or a
second way to verify. Every path that checks a signature ends in `PublicKey.verify`, because two
verifiers that disagree on one crafted signature are a fork.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NoReturn, Self

from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError

from homechain.crypto.did_key import decode_did_key, encode_did_key
from homechain.crypto.errors import InvalidKey

PUBLIC_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
REMEMBERED_KEYS_COUNT: Final = 1024


@dataclass(frozen=True, slots=True, repr=False)
class PublicKey:
    """An Ed25519 public key that was checked; its name is `did`.

    However it is made, the 32 bytes are a canonical encoding of a point of the prime-order group
    other than the identity: small-order and mixed-order keys would verify signatures that other
    implementations refuse (RFC 8032 leaves that open). Otherwise making it raises `InvalidKey`.
    """

    raw: bytes
    did: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_KEY_BYTES:
            raise InvalidKey(f"a public key has {PUBLIC_KEY_BYTES} bytes, not {len(self.raw)}")
        if not crypto_core_ed25519_is_valid_point(self.raw):
            raise InvalidKey("not a canonical Ed25519 point of prime order")
        object.__setattr__(self, "did", encode_did_key(self.raw))

    @staticmethod
    def from_bytes(raw: bytes) -> "PublicKey":
        """Return the key with these 32 bytes; raises `InvalidKey` as the class says."""
        return _checked_key(bytes(raw))

    @staticmethod
    def from_did(did: str) -> "PublicKey":
        """Return the key that `did` names; raises `InvalidDid` or `InvalidKey`."""
        return _checked_key(decode_did_key(did))

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Say whether `signature` (64 bytes) is this key's signature of `message`.

        Never raises for bad input. The verdict is libsodium's: S must be canonical, R must not be
        of small order. libsodium works without Python's lock, so threads verify side by side.
        """
        if len(signature) != SIGNATURE_BYTES:
            return False  # longer ones would otherwise borrow bytes from the message
        try:
            crypto_sign_open(signature + message, self.raw)
        except BadSignatureError:
            return False
        return True

    def __repr__(self) -> str:
        return f"PublicKey({self.did})"


class PrivateKey:
    """An Ed25519 private key. Its seed is in no `repr` and it cannot be pickled."""

    __slots__ = ("_public", "_secret")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise InvalidKey(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        raw, self._secret = crypto_sign_seed_keypair(bytes(seed))
        self._public = PublicKey.from_bytes(raw)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Return the key of a 32-byte seed (RFC 8032, section 5.1.5); else `InvalidKey`."""
        return cls(seed)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for the key file alone."""
        return self._secret[:SEED_BYTES]

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`; the same message gives the same bytes."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"PrivateKey(of {self._public.did})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled or copied")


def verify_batch(items: Sequence[tuple[PublicKey, bytes, bytes]]) -> list[bool]:
    """Verify many `(key, signature, message)`; one verdict each, in order.

    A plain loop: it exists so that one hop to a worker thread carries many signatures.
    """
    return [key.verify(signature, message) for key, signature, message in items]


# Checking that a point is of prime order costs nearly as much as a verification, and a home has
# few keys that it meets again and again. Refusals are not remembered.
@lru_cache(maxsize=REMEMBERED_KEYS_COUNT)
def _checked_key(raw: bytes) -> PublicKey:
    return PublicKey(raw)
