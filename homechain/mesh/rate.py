"""A token bucket: so much at once, so much a second. Pure; the caller brings the time."""


class TokenBucket:
    """Allows bursts up to `burst` and `per_second` in the long run."""

    __slots__ = ("_burst", "_filled_at_s", "_per_second", "_tokens")

    def __init__(self, *, per_second: float, burst: float) -> None:
        assert per_second > 0
        assert burst > 0
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._filled_at_s: float | None = None

    def take(self, cost: float, *, now_s: float) -> bool:
        """Pay `cost` if it is there; otherwise pay nothing and return False."""
        self._fill(now_s)
        if self._tokens < cost:
            return False
        self._tokens -= cost
        return True

    def owe(self, cost: float, *, now_s: float) -> float:
        """Pay `cost` in any case; return the seconds to pause until the debt is gone."""
        self._fill(now_s)
        self._tokens -= cost
        return max(0.0, -self._tokens / self._per_second)

    def _fill(self, now_s: float) -> None:
        # Time that runs backwards fills nothing.
        passed_s = max(0.0, now_s - self._filled_at_s) if self._filled_at_s is not None else 0.0
        self._tokens = min(self._burst, self._tokens + passed_s * self._per_second)
        self._filled_at_s = now_s
