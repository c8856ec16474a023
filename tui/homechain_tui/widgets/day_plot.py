"""The temperature of a day, and what it was set to."""

from collections.abc import Sequence
from typing import Final

from textual_plotext import PlotextPlot

from homechain_tui.times import clock

DAY_MS: Final = 24 * 3600 * 1000
_TICKS: Final = 5

Points = Sequence[tuple[int, float]]
"""(milliseconds since 1970, degrees), oldest first."""


class DayPlot(PlotextPlot):
    """24 hours up to now: a line for the room, a stepped one for the setpoint."""

    def show(self, room: Points, setpoint: Points, *, now_ms: int, zone: str) -> None:
        """Draw again."""
        plot = self.plt
        plot.clear_figure()
        start_ms = now_ms - DAY_MS
        if room:
            plot.plot(
                [at - start_ms for at, _ in room],
                [value for _, value in room],
                marker="braille",
                color=(224, 164, 88),
            )
        steps = _stepped(setpoint, start_ms=start_ms, now_ms=now_ms)
        if steps:
            plot.plot(
                [at - start_ms for at, _ in steps],
                [value for _, value in steps],
                marker="·",
                color=(79, 168, 160),
            )
        ticks: list[float] = [DAY_MS * number // (_TICKS - 1) for number in range(_TICKS)]
        plot.xticks(ticks, [clock(start_ms + int(tick), zone) for tick in ticks])
        plot.xlim(0, DAY_MS)
        plot.frame(frame=False)
        self.refresh()


def _stepped(points: Points, *, start_ms: int, now_ms: int) -> list[tuple[int, float]]:
    """Each value lasts until the next one; the last before the window reaches into it."""
    steps: list[tuple[int, float]] = []
    for at_ms, value in points:
        if steps:
            steps.append((max(at_ms, start_ms), steps[-1][1]))
        steps.append((max(at_ms, start_ms), value))
    if steps:
        steps.append((now_ms, steps[-1][1]))
    return steps
