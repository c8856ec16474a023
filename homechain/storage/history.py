"""Readings as people look at them: the newest value of each property, and a bounded past.

A series is one name of one device. A device may invent names, so their number is bounded too; what
goes beyond is still in its record, it is only not shown as a property.
"""

import sqlite3
from collections.abc import Callable, Sequence

from homechain.storage.projection import ReadingEntry, newest

_SLACK_DIVISOR = 100
"""A series is cut when it is one hundredth too long, not at every reading."""


class History:
    """The tables `properties` and `readings` as the writer sees them."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        readings_per_property: int,
        properties_per_device: int,
    ) -> None:
        self._connection = connection
        self._readings_limit = readings_per_property
        self._properties_limit = properties_per_device
        self._series: dict[tuple[int, str], int] = {
            (device, name): series
            for device, name, series in connection.execute(
                "SELECT device, name, series FROM properties"
            )
        }
        self._names_count: dict[int, int] = {}
        for device, _ in self._series:
            self._names_count[device] = self._names_count.get(device, 0) + 1
        self._counts: dict[int, int] = {}
        last = connection.execute("SELECT max(seq) FROM readings").fetchone()[0]
        self._next_seq = 1 if last is None else last + 1

    def add(
        self,
        readings: Sequence[ReadingEntry],
        *,
        height: int,
        number_of: Callable[[str], int],
    ) -> None:
        """Add one block's readings, in order."""
        rows = []
        grown: dict[int, int] = {}
        for reading in readings:
            series = self._series_of(reading, device=number_of(reading.device), height=height)
            if series is None:
                continue
            rows.append(
                (
                    self._next_seq,
                    series,
                    reading.at_ms,
                    reading.value,
                    reading.index,
                    reading.command,
                )
            )
            self._next_seq += 1
            grown[series] = grown.get(series, 0) + 1
        self._connection.executemany(
            "INSERT INTO readings (seq, series, at_ms, value, idx, command)"
            " VALUES (?, ?, ?, ?, ?, (SELECT idx FROM commands WHERE id = ?))",
            rows,
        )
        self._show_newest(readings, height=height, number_of=number_of)
        for series, count in grown.items():
            self._cut(series, added=count)

    def _show_newest(
        self,
        readings: Sequence[ReadingEntry],
        *,
        height: int,
        number_of: Callable[[str], int],
    ) -> None:
        self._connection.executemany(
            "UPDATE properties SET value = ?, at_ms = ?, order_ms = ?, height = ?"
            " WHERE device = ? AND name = ? AND order_ms <= ?",
            [
                (
                    reading.value,
                    reading.at_ms,
                    reading.order_ms,
                    height,
                    number_of(device),
                    name,
                    reading.order_ms,
                )
                for (device, name), reading in newest(readings).items()
            ],
        )

    def _series_of(self, reading: ReadingEntry, *, device: int, height: int) -> int | None:
        """The series of a reading, made if it is new; None beyond the device's limit."""
        key = (device, reading.name)
        series = self._series.get(key)
        if series is not None:
            return series
        names = self._names_count.get(device, 0)
        if names >= self._properties_limit:
            return None
        series = self._series[key] = len(self._series) + 1
        self._names_count[device] = names + 1
        self._connection.execute(
            "INSERT INTO properties (series, device, name, value, at_ms, order_ms, height)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                series,
                device,
                reading.name,
                reading.value,
                reading.at_ms,
                reading.order_ms,
                height,
            ),
        )
        return series

    def _cut(self, series: int, *, added: int) -> None:
        count = self._counts.get(series)
        if count is None:  # first since the start: the new rows are counted as well
            count = self._connection.execute(
                "SELECT count(*) FROM readings WHERE series = ?", (series,)
            ).fetchone()[0]
        else:
            count += added
        if count > self._readings_limit + self._readings_limit // _SLACK_DIVISOR:
            self._connection.execute(
                "DELETE FROM readings WHERE series = ?1 AND seq <= (SELECT seq FROM readings"
                " WHERE series = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
                (series, self._readings_limit),
            )
            count = self._readings_limit
        self._counts[series] = count
