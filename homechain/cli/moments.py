"""Moments as people type them: `now`, `+2h`, `2026-11-26T09:00` in this machine's time zone."""

import argparse
import re
import time
from datetime import UTC, datetime
from typing import Final

WHEN: Final = "now, +2h, +3d, or 2026-11-26T09:00"
_UNITS_S: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_LAST_S: Final = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp())
_SPAN: Final = re.compile(r"^\+(\d{1,5})([mhdw])$")


def moment(text: str) -> int:
    """Seconds since 1970. `argparse` turns the error into a usage message."""
    if text == "now":
        return int(time.time())
    span = _SPAN.match(text)
    if span is not None:
        return int(time.time()) + int(span[1]) * _UNITS_S[span[2]]
    try:
        seconds = int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment: write {WHEN}") from error
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is before 1970")
    return seconds


def spoken(seconds: int) -> str:
    """A moment in this machine's time zone, for a person."""
    if seconds > _LAST_S:
        return "the end of time"  # a record may say any number; a calendar may not
    return datetime.fromtimestamp(seconds, tz=UTC).astimezone().strftime("%a %Y-%m-%d %H:%M")
