"""Who needs to be told: bounded, deduplicated relaying (consensus.md, Relaying).

Statements and pending records are signed, so any hub may carry them. A hub relays what it has not
seen before, and only to peers that have no link of their own to where it came from: in a full mesh
nothing travels twice, in a line A–B–C everything still arrives.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

SEEN_DIGESTS: Final = 16_384
"""Remembered messages; beyond it the oldest is forgotten, and at worst relayed once more."""


class Flood:
    """Remembers what passed, and who is linked with whom."""

    def __init__(self, *, capacity: int = SEEN_DIGESTS) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._links: dict[str, frozenset[str]] = {}

    def is_new(self, message: bytes) -> bool:
        """True the first time that these bytes pass."""
        is_new = not self.has_seen(message)
        self.note(message)
        return is_new

    def has_seen(self, message: bytes) -> bool:
        """Whether these bytes were noted of late."""
        return _digest(message) in self._seen

    def note(self, message: bytes) -> None:
        """These bytes need not be looked at again."""
        digest = _digest(message)
        self._seen[digest] = None
        self._seen.move_to_end(digest)
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)

    def learn_links(self, hub: str, linked: Iterable[str]) -> None:
        """`hub` says which hubs it has links to."""
        self._links[hub] = frozenset(linked)

    def forget(self, hub: str) -> None:
        """The link to `hub` broke: what it said of its own links is out of date."""
        self._links.pop(hub, None)

    def relay_to(self, *, origin: str, came_from: str, peers: Iterable[str]) -> list[str]:
        """Peers that would miss a message signed by `origin` unless this hub passes it on."""
        return [
            peer
            for peer in peers
            if peer not in (origin, came_from) and origin not in self._links.get(peer, frozenset())
        ]


def _digest(message: bytes) -> bytes:
    return hashlib.blake2b(message, digest_size=16).digest()
