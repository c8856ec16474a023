"""Per-signer counters: each may be used once, and may arrive a little out of order.

A sliding window as in RFC 4303, section 3.4.3: what is left of the window is refused, because
nobody remembers whether it was seen.
"""

from enum import Enum
from typing import Final

from msgspec import Struct

from homechain.model import limits

WINDOW_BYTES: Final = limits.COUNTER_WINDOW // 8
_MASK: Final = (1 << limits.COUNTER_WINDOW) - 1


class CounterUse(Enum):
    """What a window says of a counter."""

    FRESH = "fresh"
    REPLAYED = "replayed"
    TOO_OLD = "too old"


class CounterWindow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The highest counter seen and the ones below it: bit i of `seen` stands for `highest - i`."""

    highest: int
    seen: bytes
    """32 bytes, big-endian."""

    def use_of(self, counter: int) -> CounterUse:
        """Say whether `counter` was used, could have been, or is free."""
        if counter > self.highest:
            return CounterUse.FRESH
        age = self.highest - counter
        if age >= limits.COUNTER_WINDOW:
            return CounterUse.TOO_OLD
        used = int.from_bytes(self.seen, "big") >> age & 1
        return CounterUse.REPLAYED if used else CounterUse.FRESH

    def with_used(self, counter: int) -> "CounterWindow":
        """Return the window after a fresh `counter` was used."""
        assert self.use_of(counter) is CounterUse.FRESH
        seen = int.from_bytes(self.seen, "big")
        if counter > self.highest:
            # A jump beyond the window forgets everything; shifting by 2^53 must not be tried.
            shift = min(counter - self.highest, limits.COUNTER_WINDOW)
            seen = (seen << shift | 1) & _MASK
            return CounterWindow(counter, seen.to_bytes(WINDOW_BYTES, "big"))
        seen |= 1 << self.highest - counter
        return CounterWindow(self.highest, seen.to_bytes(WINDOW_BYTES, "big"))


UNUSED: Final = CounterWindow(0, bytes(WINDOW_BYTES))
"""The window of a signer who has signed nothing. Counters begin at 1."""
