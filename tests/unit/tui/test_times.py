import pytest

from homechain.ledger.wording import FAR_FUTURE_S
from homechain_tui.times import (
    ago,
    clock,
    end_of_day_s,
    full,
    local,
    moment,
    parsed_moment,
    short_moment,
    zone_of,
)

BERLIN = "Europe/Berlin"
NOON_MS = 1_781_265_720_000  # Friday 12 June 2026, 14:02 in Berlin
DAY_MS = 86_400_000


def test_times_are_told_in_the_homes_zone() -> None:
    assert clock(NOON_MS, BERLIN) == "14:02"
    assert clock(NOON_MS, "UTC") == "12:02"
    assert full(NOON_MS, BERLIN) == "Fri 12 Jun 2026 14:02:00"


def test_an_unknown_zone_is_utc() -> None:
    assert clock(NOON_MS, "Nowhere/Atall") == clock(NOON_MS, "UTC")


def test_other_days_and_years_are_named() -> None:
    assert moment(NOON_MS, BERLIN, now_ms=NOON_MS) == "14:02"
    assert moment(NOON_MS - DAY_MS, BERLIN, now_ms=NOON_MS) == "11 Jun 14:02"
    assert moment(NOON_MS - 365 * DAY_MS, BERLIN, now_ms=NOON_MS) == "12 Jun 2025 14:02"
    assert short_moment(NOON_MS, BERLIN, now_ms=NOON_MS) == "14:02"
    assert short_moment(NOON_MS - DAY_MS, BERLIN, now_ms=NOON_MS) == "11 Jun"


def test_an_end_that_is_none_and_a_hostile_time_are_bearable() -> None:
    assert moment(FAR_FUTURE_S * 1000, BERLIN, now_ms=NOON_MS) == "for ever"
    assert full(FAR_FUTURE_S * 1000, BERLIN) == "for ever"
    assert local(2**53, BERLIN).year == 9999
    assert local(-5, BERLIN).year == 1970


@pytest.mark.parametrize(
    ("passed_s", "words"),
    [
        (5, "just now"),
        (-5, "just now"),
        (300, "5 min ago"),
        (7200, "2 h ago"),
        (3 * 86400, "3 days ago"),
    ],
)
def test_the_past_is_told_roughly(passed_s: int, words: str) -> None:
    assert ago(NOON_MS - passed_s * 1000, now_ms=NOON_MS) == words


def test_a_day_ends_at_the_homes_midnight_also_when_clocks_change() -> None:
    assert full(end_of_day_s(NOON_MS, BERLIN) * 1000, BERLIN) == "Sat 13 Jun 2026 00:00:00"
    before_change_ms = 1_792_850_400_000  # 24 October 2026, the night before the hour repeats
    ends = end_of_day_s(before_change_ms, BERLIN, days=1)
    assert full(ends * 1000, BERLIN) == "Mon 26 Oct 2026 00:00:00"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("22:00", "Fri 12 Jun 2026 22:00:00"),
        ("08:00", "Sat 13 Jun 2026 08:00:00"),
        ("2026-12-31", "Fri 1 Jan 2027 00:00:00"),
        ("2026-12-31 18:30", "Thu 31 Dec 2026 18:30:00"),
    ],
)
def test_typed_times_are_understood(text: str, words: str) -> None:
    at_ms = parsed_moment(text, now_ms=NOON_MS, zone=BERLIN)
    assert at_ms is not None
    assert full(at_ms, BERLIN) == words


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-13-01", "12/06/2026"])
def test_other_typed_times_are_not(text: str) -> None:
    assert parsed_moment(text, now_ms=NOON_MS, zone=BERLIN) is None


def test_zones_are_remembered() -> None:
    assert zone_of(BERLIN) is zone_of(BERLIN)
