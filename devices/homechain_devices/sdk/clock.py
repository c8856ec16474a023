"""What time a device believes it is, when it may have no clock at all.

May live here: arithmetic on given clocks. The floor is a block time that a quorum of hubs signed,
plus what has passed since on a clock that is never set back. So no single hub can turn time
forward, and nobody can turn it back to revive an expired command.
"""

import time
from collections.abc import Callable


class DeviceClock:
    """Milliseconds since 1970: the later of the box's own clock and the proven floor."""

    def __init__(
        self,
        *,
        wall_ms: Callable[[], int] | None = None,
        monotonic_ms: Callable[[], int] | None = None,
    ) -> None:
        """`wall_ms` reads the box's clock; pass one that returns 0 for a box that has none."""
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)
        self._monotonic_ms = monotonic_ms or (lambda: time.monotonic_ns() // 1_000_000)
        self._proven_ms = 0
        self._proven_at_ms = self._monotonic_ms()

    def now_ms(self) -> int:
        """Now, as far as this device can know. Never before a proven block time."""
        return max(self._wall_ms(), self.floor_ms())

    def floor_ms(self) -> int:
        """The newest proven time, grown by what has passed since."""
        return self._proven_ms + (self._monotonic_ms() - self._proven_at_ms)

    def monotonic_ms(self) -> int:
        """A clock for intervals."""
        return self._monotonic_ms()

    def learn(self, block_time_ms: int) -> None:
        """Take in the time of a header whose certificate was checked. Earlier ones say nothing."""
        if block_time_ms > self.floor_ms():
            self._proven_ms = block_time_ms
            self._proven_at_ms = self._monotonic_ms()
