"""How many wrong codes a hub puts up with, over all its pairing windows. Pure but for its clock."""

from collections.abc import Callable
from typing import Final

from homechain.mesh.errors import PairingPaused
from homechain.node.ports import Clock

WRONG_CODES_BEFORE_ALARM: Final = 20
PAUSE_FIRST_MS: Final = 15 * 60 * 1000
PAUSE_MOST_MS: Final = 24 * 60 * 60 * 1000


class TryBudget:
    """Counts wrong codes; a pairing that succeeds clears the count. One a hub, for all windows."""

    def __init__(self, *, clock: Clock, on_alarm: Callable[[str], None]) -> None:
        """`on_alarm` gets a sentence for residents."""
        self._clock = clock
        self._on_alarm = on_alarm
        self._wrong = 0
        self._pause_ms = PAUSE_FIRST_MS
        self._paused_until_ms: int | None = None

    def check(self) -> None:
        """Raise `PairingPaused` while no window may be opened."""
        if self.is_exhausted():
            assert self._paused_until_ms is not None
            rest_ms = self._paused_until_ms - self._clock.monotonic_ms()
            raise PairingPaused(
                f"too many wrong pairing codes; try again in {-(-rest_ms // 60_000)} minutes"
            )

    def is_exhausted(self) -> bool:
        """Say whether the pause that follows too many wrong codes is on."""
        until_ms = self._paused_until_ms
        return until_ms is not None and self._clock.monotonic_ms() < until_ms

    def count_wrong(self) -> None:
        """Count one wrong code. The twentieth raises the alarm and starts a pause that doubles."""
        self._wrong += 1
        if self._wrong < WRONG_CODES_BEFORE_ALARM:
            return
        self._wrong = 0
        self._paused_until_ms = self._clock.monotonic_ms() + self._pause_ms
        self._pause_ms = min(PAUSE_MOST_MS, self._pause_ms * 2)
        self._on_alarm(f"{WRONG_CODES_BEFORE_ALARM} wrong codes were tried to add a hub")

    def count_success(self) -> None:
        """Forget the wrong codes: somebody mistyped and then got it right."""
        self._wrong = 0
        self._pause_ms = PAUSE_FIRST_MS
