"""Points in time as the home reads them: in its own zone, not in the terminal's."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from homechain.ledger.wording import FAR_FUTURE_S

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)


@lru_cache(maxsize=8)
def zone_of(name: str) -> tzinfo:
    """The zone of that name, UTC if this machine knows none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def local(at_ms: int, zone: str) -> datetime:
    """The instant in the home's zone; the ends of the calendar for what lies beyond it."""
    at_s = min(max(at_ms // 1000, 0), FAR_FUTURE_S)
    return datetime.fromtimestamp(at_s, tz=zone_of(zone))


def clock(at_ms: int, zone: str) -> str:
    """`14:02`."""
    return local(at_ms, zone).strftime("%H:%M")


def moment(at_ms: int, zone: str, *, now_ms: int) -> str:
    """`14:02` on the day of `now_ms`, `12 Jun 14:02` in its year, else with the year."""
    if at_ms // 1000 >= FAR_FUTURE_S:
        return "for ever"
    at, now = local(at_ms, zone), local(now_ms, zone)
    day = f"{at.day} {_MONTHS[at.month - 1]}"
    if at.date() == now.date():
        return at.strftime("%H:%M")
    if at.year == now.year:
        return f"{day} {at:%H:%M}"
    return f"{day} {at.year} {at:%H:%M}"


def short_moment(at_ms: int, zone: str, *, now_ms: int) -> str:
    """`14:02` on the day of `now_ms`, else `12 Jun`: at most six characters."""
    at = local(at_ms, zone)
    if at.date() == local(now_ms, zone).date():
        return at.strftime("%H:%M")
    return f"{at.day} {_MONTHS[at.month - 1]}"


def full(at_ms: int, zone: str) -> str:
    """`Thu 12 Jun 2025 14:02:05`."""
    if at_ms // 1000 >= FAR_FUTURE_S:
        return "for ever"
    at = local(at_ms, zone)
    return f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S}"


def ago(at_ms: int, *, now_ms: int) -> str:
    """`just now`, `4 min ago`, `3 h ago`, `2 days ago`."""
    passed_s = max(0, now_ms - at_ms) // 1000
    if passed_s < 60:
        return "just now"
    if passed_s < 3600:
        return f"{passed_s // 60} min ago"
    if passed_s < 48 * 3600:
        return f"{passed_s // 3600} h ago"
    return f"{passed_s // 86400} days ago"


def end_of_day_s(now_ms: int, zone: str, *, days: int = 0) -> int:
    """The midnight that ends the day `days` after today, in seconds since 1970."""
    day = local(now_ms, zone).date() + timedelta(days=days + 1)
    return int(datetime.combine(day, time(), tzinfo=zone_of(zone)).timestamp())


def parsed_moment(text: str, *, now_ms: int, zone: str) -> int | None:
    """Milliseconds for `22:00` (the next such time), `2025-06-12` (its end) or `2025-06-12 22:00`.

    None if the text is none of these.
    """
    words = text.strip()
    now = local(now_ms, zone)
    for form in ("%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            parsed = datetime.strptime(words, form).replace(tzinfo=zone_of(zone))
        except ValueError:
            continue
        if form == "%H:%M":
            parsed = datetime.combine(now.date(), parsed.time(), tzinfo=zone_of(zone))
            if parsed < now:
                parsed = datetime.combine(
                    now.date() + timedelta(days=1), parsed.time(), tzinfo=zone_of(zone)
                )
        elif form == "%Y-%m-%d":
            parsed = datetime.combine(
                parsed.date() + timedelta(days=1), time(), tzinfo=zone_of(zone)
            )
        return int(parsed.timestamp() * 1000)
    return None
