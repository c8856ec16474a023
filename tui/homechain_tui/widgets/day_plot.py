"""The temperature of a day, and what it was set to."""

from collections.abc import Sequence
from typing import Final

from textual.app import RenderResult
from textual_plotext import PlotextPlot

from homechain_tui.times import clock

DAY_MS: Final = 24 * 3600 * 1000
ROOM_COLOR: Final = (224, 164, 88)
SETPOINT_COLOR: Final = (79, 168, 160)
_TICKS_WIDE, _TICKS_NARROW = 5, 3
_WIDE_CELLS: Final = 60

Points = Sequence[tuple[int, float]]
"""(milliseconds since 1970, degrees), oldest first."""


class DayPlot(PlotextPlot):
    """24 hours up to now: a line for the room, a stepped one for the setpoint."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word for it
        super().__init__(id=id)
        self._room: Points = ()
        self._setpoint: Points = ()
        self._now_ms = 0
        self._time_zone = "UTC"

    def show(self, room: Points, setpoint: Points, *, now_ms: int, zone: str) -> None:
        """Draw again."""
        self._room, self._setpoint = tuple(room), tuple(setpoint)
        self._now_ms, self._time_zone = now_ms, zone
        self.refresh()

    def render(self) -> RenderResult:
        """The plot at the widget's size."""
        # Drawing changes plotext's figure, so that a second drawing of the same looks different.
        self._draw()
        return super().render()

    def _draw(self) -> None:
        plot = self.plt
        plot.clear_figure()
        start_ms = self._now_ms - DAY_MS
        if self._room:
            plot.plot(
                [at - start_ms for at, _ in self._room],
                [value for _, value in self._room],
                marker="braille",
                color=ROOM_COLOR,
            )
        steps = _stepped(self._setpoint, start_ms=start_ms, now_ms=self._now_ms)
        if steps:
            plot.plot(
                [at - start_ms for at, _ in steps],
                [value for _, value in steps],
                marker="·",
                color=SETPOINT_COLOR,
            )
        # Labels that come too close are left out by plotext, in an order that nobody chose.
        count = _TICKS_WIDE if self.size.width >= _WIDE_CELLS else _TICKS_NARROW
        ticks: list[float] = [DAY_MS * number // (count - 1) for number in range(count)]
        labels = [clock(start_ms + int(tick), self._time_zone) for tick in ticks]
        plot.xticks(ticks, labels)
        plot.xlim(0, DAY_MS)
        plot.frame(frame=False)


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
