"""What a hub passes on: what it has not seen, from whoever does not overdo it.

May live here: remembering digests, and budgets. May not: sockets, clocks, what a message means.
Statements and records are signed, so any member may carry them (consensus.md, "Relaying").
"""

from collections import OrderedDict
from typing import Final

from homechain.crypto.hashing import sha256
from homechain.mesh.rate import TokenBucket

SEEN_COUNT: Final = 16_384
"""Digests remembered: minutes of a busy home; about 2 MB."""
RELAYS_PER_SECOND: Final = 500.0
"""What one peer may make this hub pass on, in the long run."""
RELAYS_BURST: Final = 2_000.0
SENDERS_COUNT: Final = 16
"""Peers with a budget of their own: the members of a home, and a few that just left."""


class SeenFilter:
    """Decides, once for each message, whether it is news and whether to pass it on."""

    def __init__(
        self,
        *,
        seen_count: int = SEEN_COUNT,
        relays_per_second: float = RELAYS_PER_SECOND,
        relays_burst: float = RELAYS_BURST,
    ) -> None:
        assert seen_count > 0
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._seen_count = seen_count
        self._relays_per_second = relays_per_second
        self._relays_burst = relays_burst
        self._budgets: OrderedDict[str, TokenBucket] = OrderedDict()
        self.repeated = 0
        """Messages that came again."""
        self.over_budget = 0
        """News that was not passed on because its sender overdid it."""

    def is_news(self, message: bytes) -> bool:
        """Remember `message` (exact bytes); say whether it was unknown before."""
        digest = sha256(message)
        if digest in self._seen:
            self._seen.move_to_end(digest)
            self.repeated += 1
            return False
        self._seen[digest] = None
        if len(self._seen) > self._seen_count:
            self._seen.popitem(last=False)
        return True

    def should_relay(self, message: bytes, *, sender: str, now_s: float) -> bool:
        """Say whether to pass on `message` (exact bytes), which `sender`'s link brought.

        True at most once for each message while it is remembered. A message that exceeds its
        carrier's budget is forgotten again, so that an honest carrier can still bring it.
        """
        if not self.is_news(message):
            return False
        if self._budget(sender).take(1.0, now_s=now_s):
            return True
        del self._seen[sha256(message)]
        self.over_budget += 1
        return False

    def _budget(self, sender: str) -> TokenBucket:
        budget = self._budgets.get(sender)
        if budget is None:
            budget = TokenBucket(per_second=self._relays_per_second, burst=self._relays_burst)
            self._budgets[sender] = budget
            if len(self._budgets) > SENDERS_COUNT:
                self._budgets.popitem(last=False)
        self._budgets.move_to_end(sender)
        return budget
