"""How a hub that was away gets the final blocks it lacks (consensus.md R12).

Which peer is asked, for what, and when to ask another. May not live here: checking blocks, or
sending. A peer that promises heights and does not deliver is passed over for a while, so that a
liar cannot keep a hub behind (security.md, line 27).
"""

from collections.abc import Collection
from typing import Final

from msgspec import Struct

ANSWER_TIMEOUT_MS: Final = 3_000
DISTRUST_MS: Final = 30_000
PAGE_BLOCKS: Final = 256
PAGE_BYTES: Final = 4 * 1024 * 1024


class Request(Struct, frozen=True, kw_only=True):
    """Ask `hub` for final blocks from `from_height` on."""

    hub: str
    from_height: int


class CatchUp:
    """Decides whom to ask next."""

    def __init__(self) -> None:
        self._heights: dict[str, int] = {}
        self._distrusted_until_ms: dict[str, int] = {}
        self._asked: tuple[str, int] | None = None
        """Who was asked, and until when the answer is awaited."""

    def learn_height(self, hub: str, height: int) -> None:
        """`hub` says that its final head is at `height`."""
        self._heights[hub] = height

    def height_of(self, hub: str) -> int | None:
        """What `hub` said last about its head."""
        return self._heights.get(hub)

    def forget(self, hub: str) -> None:
        """The link to `hub` broke."""
        self._heights.pop(hub, None)
        if self._asked and self._asked[0] == hub:
            self._asked = None

    @property
    def target(self) -> int:
        """Highest height that anybody claims."""
        return max(self._heights.values(), default=0)

    def delivered(self, hub: str, *, useful: bool, now_ms: int) -> None:
        """An answer came. A useless one earns `DISTRUST_MS` of silence."""
        if self._asked and self._asked[0] == hub:
            self._asked = None
        if not useful:
            self._distrusted_until_ms[hub] = now_ms + DISTRUST_MS

    def next_request(self, *, head: int, connected: Collection[str], now_ms: int) -> Request | None:
        """Whom to ask now; None while an answer is awaited or nobody has more."""
        if self._asked is not None:
            hub, until_ms = self._asked
            if now_ms < until_ms and hub in connected:
                return None
            self._asked = None
            self._distrusted_until_ms[hub] = now_ms + DISTRUST_MS
        candidates = [
            (height, hub)
            for hub, height in self._heights.items()
            if height > head
            and hub in connected
            and self._distrusted_until_ms.get(hub, now_ms) <= now_ms
        ]
        if not candidates:
            return None
        _, hub = max(candidates)
        self._asked = (hub, now_ms + ANSWER_TIMEOUT_MS)
        return Request(hub=hub, from_height=head + 1)
