"""What reaches the terminal cannot move its cursor; what reaches a script is JSON."""

import json

import pytest

from homechain.cli.output import emit, printable, say, table, warn


def test_names_from_strangers_move_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say("\x1b[2Jdoor\u202e")
    warn("\x07bell")
    table(["name"], [["a\x1b]0;x\x07"]])
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "\\u001b[2Jdoor\\u202e"
    assert told.err == "\\u0007bell\n"
    assert "\x1b" not in told.out


def test_columns_are_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name", "n"), [("Anna", 1), ("Bartholomew", 22)])
    assert capsys.readouterr().out == "NAME         N\nAnna         1\nBartholomew  22\n"


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name",), [])
    assert capsys.readouterr().out == "nothing yet\n"


def test_json_is_one_line_in_plain_letters(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"name": "Küche\n", "bytes": b"\0"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"name": "Küche\n", "bytes": "AA=="}


def test_words_from_strangers_stay_on_their_line() -> None:
    assert printable("jammed\nFront door: unlock done.") == "jammed\\u000aFront door: unlock done."
