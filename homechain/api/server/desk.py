"""Devices that introduced themselves here: bounded, and fair to each source address."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.refusals import Refused
from homechain.ledger.records import SignedDescription, read_description


class Introduction(Struct, frozen=True, kw_only=True):
    """One device that waits, and where it was seen."""

    description: SignedDescription
    hub_nonce: bytes
    source: str
    ends_s: float
    revealed: bytes | None = None
    """The device's nonce, once it was revealed."""


class Desk:
    """What waits, one entry a key.

    When the table is full, a newcomer takes the place of the oldest entry of the source that has
    most, unless it comes from that very source. So a flood from one address displaces nobody else.
    """

    def __init__(
        self,
        *,
        capacity: int,
        per_source: int,
        lifetime_s: float,
        now_s: Callable[[], float],
        nonce: Callable[[], bytes],
    ) -> None:
        self._capacity = capacity
        self._per_source = per_source
        self._lifetime_s = lifetime_s
        self._now_s = now_s
        self._nonce = nonce
        self._entries: OrderedDict[str, Introduction] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, device: str) -> Introduction | None:
        """What this device said, if it still waits."""
        self._forget_old()
        return self._entries.get(device)

    def introduce(self, description: SignedDescription, *, source: str) -> Introduction:
        """Take a verified description in. The same again gets the same nonce again.

        `too-many-requests-pending` where there is no room for this source.
        """
        self._forget_old()
        device = description.signer
        known = self._entries.get(device)
        if known is not None and known.description.id == description.id:
            return known
        if known is None:
            self._make_room(source)
        entry = Introduction(
            description=description,
            hub_nonce=self._nonce(),
            source=source,
            ends_s=self._now_s() + self._lifetime_s,
        )
        self._entries[device] = entry
        self._entries.move_to_end(device)
        return entry

    def reveal(self, entry: Introduction, device_nonce: bytes) -> None:
        """The device has shown the nonce that it committed to."""
        self._entries[entry.description.signer] = Introduction(
            description=entry.description,
            hub_nonce=entry.hub_nonce,
            source=entry.source,
            ends_s=entry.ends_s,
            revealed=device_nonce,
        )

    def discard(self, device: str) -> None:
        """It waits no longer."""
        self._entries.pop(device, None)

    def _make_room(self, source: str) -> None:
        counts = Counter(entry.source for entry in self._entries.values())
        if counts[source] >= self._per_source:
            raise _no_room("from this address")
        if len(self._entries) < self._capacity:
            return
        greediest, most = counts.most_common(1)[0]
        if counts[source] + 1 >= most:
            raise _no_room("at this hub")
        oldest = next(did for did, entry in self._entries.items() if entry.source == greediest)
        del self._entries[oldest]

    def _forget_old(self) -> None:
        now_s = self._now_s()
        while self._entries:
            device, entry = next(iter(self._entries.items()))
            if entry.ends_s > now_s:
                return
            del self._entries[device]


# Anybody may ask where a device stands, which looks at each that waits: reading them again each
# time would let a few large descriptions and a hundred questions a second keep the hub busy.
described = lru_cache(maxsize=128)(read_description)
"""A waiting device's description, read once. Raises `Inadmissible`."""


def _no_room(where: str) -> Refused:
    return Refused(
        ProblemCode.TOO_MANY_REQUESTS_PENDING,
        f"Too many devices {where} wait for a resident: try again later, or at another hub.",
        retry_after_s=60,
    )
