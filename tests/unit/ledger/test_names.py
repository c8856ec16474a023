import json
import unicodedata
from pathlib import Path

import pytest

from homechain.ledger.names import (
    BadName,
    check_name,
    clean_name,
    confusable_with,
    forbidden_character,
)
from homechain.model import limits

NAUGHTY = json.loads(
    (Path(__file__).parents[2] / "vectors" / "blns" / "blns.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    "name",
    [
        "Front door",
        "Küche",
        "Мария",
        "寝室",
        "Wohnzimmer (oben)",
        "O'Neill's",
        "1",
        "📷 Porch",
        "🇩🇪",
    ],
)
def test_ordinary_names_pass(name: str) -> None:
    check_name(name)
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a\nb",
        "a\x1b[31mb",
        "a\x07",
        "a\u202eb",
        "zero\u200bwidth",
        "\ufeffdoor",
        "a\u2066b",
        "tag\U000e0041",
        "private\ue000",
        " door",
        "door ",
        "e\u0301",  # not NFC
        "\u3164",  # a blank that passes for a letter
        "\u00a0",
        "x" * (limits.NAME_GRAPHEMES + 1),
        "寝" * 86,  # few graphemes, too many bytes
        "Z" + "\u0335" * 5,  # marks that climb over other lines
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        check_name(name)


def test_a_typed_name_is_tidied_before_it_is_signed() -> None:
    assert clean_name("  Front   door ") == "Front door"
    assert clean_name("Kaffeeku\u0308che") == "Kaffeek\u00fcche"


def test_graphemes_are_counted_and_not_code_points() -> None:
    check_name("🇩🇪" * 30)
    check_name("👍🏽" * 30)
    with pytest.raises(BadName, match="64"):
        check_name("ö" * 65)


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_strings_are_refused_or_stay_one_plain_line(text: str) -> None:
    try:
        name = clean_name(text)
    except BadName:
        return
    assert forbidden_character(name) is None
    assert name.isprintable()
    assert len(name.splitlines()) == 1
    assert all(unicodedata.category(character)[0] != "C" for character in name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Аnna", "Anna"),  # Cyrillic А
        ("anna", "Anna"),
        ("Front d00r", "Front door"),
        ("Bi11", "Bill"),
        ("Marіa", "Maria"),  # Cyrillic і
        ("rnother", "mother"),
        ("Café", "Cafe"),
        ("Front door", "Frontdoor"),
    ],
)
def test_look_alikes_are_flagged(name: str, other: str) -> None:
    assert confusable_with(name, ["Somebody", other]) == other


def test_different_names_and_the_same_name_are_not_flagged() -> None:
    assert confusable_with("Anna", ["Anna", "Ben", "Hanna"]) is None
