import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from homechain.ledger.names import forbidden_character
from homechain_tui.plain_text import (
    SHOWN_CHARACTERS,
    fingerprint,
    fitted,
    plain,
    plain_json,
    styled,
    warned_name,
    wrapped,
)

NAUGHTY: list[str] = json.loads(
    (Path(__file__).parents[2] / "vectors/blns/blns.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("[@click=app.quit]Kitchen[/]", "[@click=app.quit]Kitchen[/]"),
        ("[/x]", "[/x]"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]0;title\x07bell", "]0;titlebell"),
        ("\u202egnirts\u202c", "gnirts"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("two\nlines\r\nthree", "two lines three"),
        ("  a \t b  ", "a b"),
        ("", "(no name)"),
        ("\u200b\u2060", "(no name)"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("Ku\u0308che", "Küche"),
    ],
)
def test_what_a_terminal_could_obey_is_gone(hostile: str, shown: str) -> None:
    assert plain(hostile) == shown


@pytest.mark.parametrize("text", NAUGHTY)
def test_every_naughty_string_becomes_one_harmless_line(text: str) -> None:
    assert_harmless(plain(text))


@given(st.text(max_size=400))
def test_any_text_becomes_one_harmless_line(text: str) -> None:
    assert_harmless(plain(text))


def assert_harmless(line: str) -> None:
    assert line.strip()
    assert len(line) <= SHOWN_CHARACTERS
    assert forbidden_character(line) is None
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in line)


def test_marks_do_not_climb_over_other_lines() -> None:
    assert sum(unicodedata.combining(c) > 0 for c in plain("Z" + "\u0302" * 40)) <= 4


def test_long_names_are_cut_with_an_ellipsis() -> None:
    assert plain("x" * 500, limit=10) == "xxxxxxxxx…"


def test_a_name_like_another_one_carries_a_warning_and_the_end_of_its_key() -> None:
    name = warned_name("Frоnt door", did="did:key:z6MkabcdefGH", others=["Front door"])
    assert name == "Frоnt door (! looks like Front door; key …abcdefGH)"


def test_an_honest_name_carries_no_warning() -> None:
    assert warned_name("Hall", did="did:key:z6Mkx", others=["Hall", "Kitchen"]) == "Hall"


def test_a_fingerprint_is_the_end_of_the_key() -> None:
    assert fingerprint("did:key:z6MkqqqqXy7QpL2m") == "…Xy7QpL2m"


@given(st.text(max_size=60), st.integers(min_value=1, max_value=40))
def test_fitted_fills_exactly_its_cells(text: str, width: int) -> None:
    assert cell_len(fitted(plain(text), width)) == width


def test_a_sentence_wraps_at_spaces_and_ends_in_an_ellipsis_when_it_is_too_long() -> None:
    assert wrapped("one two three four five six", 9, lines=2) == ["one two", "three fo…"]
    assert wrapped("short", 20, lines=2) == ["short"]


def test_styled_reads_no_markup() -> None:
    content = styled("[b]", ("[/x]", "bold"))
    assert content.plain == "[b][/x]"


def test_a_payload_is_shown_line_by_line_and_clean() -> None:
    shown = plain_json({"name": "a\u202eb", "n": [1]})
    assert "\u202e" not in shown
    assert shown.splitlines()[1] == '  "name": "ab",'
