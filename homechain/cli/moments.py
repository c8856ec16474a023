"""Moments as people type them: `now`, `+2h`, `2026-11-26T09:00` in this machine's time zone."""

import argparse
import re
import time
from datetime import UTC, datetime
from typing import Final

_UNITS_S: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_SPAN: Final = re.compile(r"^\+(\d{1,5})([mhdw])$")


def moment(text: str) -> int:
    """Seconds since 1970. `argparse` turns the error into a usage message."""
    if text == "now":
        return int(time.time())
    span = _SPAN.match(text)
    if span is not None:
        return int(time.time()) + int(span[1]) * _UNITS_S[span[2]]
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no moment: write now, +2h, +3d, or 2026-11-26T09:00"
        ) from error


def spoken(seconds: int) -> str:
    """A moment in this machine's time zone, for a person."""
    return datetime.fromtimestamp(seconds, tz=UTC).astimezone().strftime("%a %Y-%m-%d %H:%M")
