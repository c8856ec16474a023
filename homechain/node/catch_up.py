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
    """Decides whom to ask next, and whose answer is welcome."""

    def __init__(self) -> None:
        self._heights: dict[str, int] = {}
        self._lags: dict[str, int] = {}
        self._distrusted_until_ms: dict[str, int] = {}
        self._owed: dict[str, int] = {}
        """Who was asked and has not answered, and until when others wait for that answer."""
        self._taking: str | None = None
        """Whose page is being checked and installed."""

    def learn_height(self, hub: str, height: int, *, head: int) -> None:
        """`hub` says that its final head is at `height`, while this hub's is at `head`."""
        self._heights[hub] = height
        self._lags[hub] = max(0, head - height)

    def hear_of(self, hub: str, height: int) -> None:
        """`hub` said so in passing: never takes back what it said before."""
        self._heights[hub] = max(height, self._heights.get(hub, 0))

    def lag_of(self, hub: str) -> int | None:
        """Blocks that `hub` was behind this one when it last spoke. The heads move on meanwhile."""
        return self._lags.get(hub)

    def height_of(self, hub: str) -> int | None:
        """What `hub` said last about its head."""
        return self._heights.get(hub)

    def forget(self, hub: str) -> None:
        """The link to `hub` broke: no answer will come over it."""
        self._heights.pop(hub, None)
        self._lags.pop(hub, None)
        self._owed.pop(hub, None)

    def begin(self, hub: str) -> bool:
        """A page of `hub` came: whether to look at it. Only what was asked for, one at a time.

        An answer that comes late is as good as any: it took a slow disk, and no ill will.
        """
        if self._taking is not None or self._owed.pop(hub, None) is None:
            return False
        self._taking = hub
        return True

    def end(self, *, useful: bool, now_ms: int) -> None:
        """The page is done with. A useless one earns `DISTRUST_MS` of silence."""
        assert self._taking is not None, "begin() comes first"
        if useful:
            self._distrusted_until_ms.pop(self._taking, None)
        else:
            self._distrusted_until_ms[self._taking] = now_ms + DISTRUST_MS
        self._taking = None

    def next_request(self, *, head: int, connected: Collection[str], now_ms: int) -> Request | None:
        """Whom to ask now; None while an answer is awaited or nobody has more."""
        if self._taking is not None:
            return None
        for hub, until_ms in self._owed.items():
            if hub in connected and now_ms < until_ms:
                return None
            if self._distrusted_until_ms.get(hub, 0) < until_ms:
                self._distrusted_until_ms[hub] = until_ms + DISTRUST_MS
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
        self._owed[hub] = now_ms + ANSWER_TIMEOUT_MS
        return Request(hub=hub, from_height=head + 1)
