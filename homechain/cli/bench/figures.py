"""A figure: what was measured, in which unit, by which command, how often, and how it spread."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

DIGITS: Final = 3
"""Significant digits that are shown; the spread is wider than the fourth."""


class Figure(Struct, frozen=True, kw_only=True):
    """One measured quantity. `values` has one entry a run, at least one."""

    name: str
    unit: str
    values: tuple[float, ...]
    command: str

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.values)

    def facts(self) -> dict[str, Any]:
        """The JSON object of `homechain bench --json`."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": shortened(self.median),
            "min": shortened(min(self.values)),
            "max": shortened(max(self.values)),
            "runs": len(self.values),
            "command": self.command,
        }


def shortened(value: float) -> float | int:
    """`value` to the digits that mean something; whole from 1000 on."""
    if value == 0:
        return 0
    places = DIGITS - 1 - math.floor(math.log10(abs(value)))
    return round(value, places) if places > 0 else round(value)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of a hundred are not above (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def ratio(figures: Iterable[Figure], *, name: str, of: str, to: str, unit: str) -> Figure | None:
    """The median of `of` in units of the median of `to`; None unless both were measured."""
    known = {figure.name: figure for figure in figures}
    if of not in known or to not in known:
        return None
    value = known[of].median / known[to].median
    return Figure(name=name, unit=unit, values=(value,), command=known[of].command)


def rows(figures: Iterable[Figure]) -> list[tuple[str, str, str, str, str, str]]:
    """For a table: name, median, unit, min, max, runs."""
    return [
        (
            figure.name,
            spelled(figure.median),
            figure.unit,
            spelled(min(figure.values)),
            spelled(max(figure.values)),
            str(len(figure.values)),
        )
        for figure in figures
    ]


def spelled(value: float) -> str:
    """`value` for people: thousands apart, no digits that mean nothing."""
    short = shortened(value)
    return f"{short:,}" if isinstance(short, int) else f"{short:,.{_places(short)}f}"


def _places(value: float) -> int:
    return max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))
