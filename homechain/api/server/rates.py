"""Token buckets, one a key, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable
from math import ceil


class Rates:
    """So many at once and so many a second, for each of at most `keys` keys.

    A key that was forgotten starts with a full bucket again, so `keys` has to be larger than what
    one attacker can be; the one that was quiet longest is forgotten first.
    """

    def __init__(
        self, *, per_second: float, burst: float, keys: int, now_s: Callable[[], float]
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._keys = keys
        self._now_s = now_s
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def available(self, key: str) -> float:
        """Tokens that `key` has now; negative where it owes."""
        level, filled_at_s = self._levels.get(key, (self._burst, 0.0))
        if key not in self._levels:
            return self._burst
        return min(self._burst, level + (self._now_s() - filled_at_s) * self._per_second)

    def take(self, key: str, cost: float = 1.0) -> bool:
        """Pay if it is there; else pay nothing and say False."""
        available = self.available(key)
        if available < cost:
            return False
        self._store(key, available - cost)
        return True

    def charge(self, key: str, cost: float = 1.0) -> None:
        """Pay in any case: what was done already is owed."""
        self._store(key, self.available(key) - cost)

    def retry_after_s(self, key: str) -> int:
        """How many whole seconds until `key` can pay for one more, at least one."""
        return max(1, ceil((1 - self.available(key)) / self._per_second))

    def _store(self, key: str, level: float) -> None:
        self._levels[key] = (level, self._now_s())
        self._levels.move_to_end(key)
        while len(self._levels) > self._keys:
            self._levels.popitem(last=False)
