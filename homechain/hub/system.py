"""The machine itself as ports: its clocks, its randomness, this hub's key."""

import secrets
import time

from homechain.crypto.keys import PrivateKey


class SystemClock:
    """This box's clocks."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, as far as this box knows."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment in the past; never set back."""
        return time.monotonic_ns() // 1_000_000


class SystemRandomness:
    """The kernel's randomness."""

    def bits(self) -> int:
        """64 random bits."""
        return secrets.randbits(64)

    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        return secrets.token_bytes(count)


class KeySigner:
    """Signs with a key in this process' memory."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    @property
    def did(self) -> str:
        """Who signs."""
        return self._key.public.did

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)
