"""Moments as people type and read them."""

import argparse
import time

import pytest

from homechain.cli.moments import moment, spoken


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield None
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "span_s"),
    [("now", 0), ("+5m", 300), ("+2h", 7_200), ("+3d", 259_200), ("+1w", 604_800)],
)
def test_spans_count_from_now(text: str, span_s: int) -> None:
    before_s = int(time.time())
    assert before_s <= moment(text) - span_s <= int(time.time())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T01:00", 0),
        ("2026-11-26T09:00", 1_795_680_000),
        ("2026-11-26T09:00+00:00", 1_795_683_600),
        ("2026-11-26", 1_795_647_600),
    ],
)
def test_dates_are_in_this_machines_time_zone_unless_they_say_another(
    text: str, seconds: int
) -> None:
    assert moment(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "soon", "+h", "+2y", "-2h", "2026-13-01", "09:00", "+999999h", "1969-12-31", "0001-01-01"],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        moment(text)


def test_moments_are_spoken_with_their_weekday() -> None:
    assert spoken(1_795_680_000) == "Thu 2026-11-26 09:00"


def test_a_record_may_name_a_moment_that_no_calendar_has() -> None:
    assert spoken(2**53 - 1) == "the end of time"
