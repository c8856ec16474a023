"""Points in time as residents read them: in the home's own zone, in one fixed English form.

The only place of the ledger that looks at time-zone tables. What it says stands in reasons, which
no hash covers, so two hubs with different tables still agree on every block.
"""

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

FAR_FUTURE_S: Final = 253_370_764_800
"""1 January 9999: from here on an end is no end, and calendars give out."""

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def when(seconds: int, *, zone: str) -> str:
    """`Thu 12 Jun 2025 12:00` in the time zone of that name, or marked UTC if there is none."""
    if seconds >= FAR_FUTURE_S:
        return "for ever"
    known = _zone(zone)
    local = datetime.fromtimestamp(seconds, tz=known or UTC)
    clock = f"{local.hour:02d}:{local.minute:02d}"
    day = f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{day} {clock}" if known else f"{day} {clock} UTC"


@lru_cache(maxsize=16)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone, or a folder of zones
        return None
