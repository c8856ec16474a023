"""`homechain ledger verify` on ledgers that are good, tampered with, or none at all."""

import os
import pty
import sqlite3
from pathlib import Path

import pytest

from homechain.cli import DONE, FAILED, INTERRUPTED, USAGE, ledger
from tests.unit.cli.conftest import Home, Run

LEDGER = "ledger.sqlite"


@pytest.fixture
def copied(home: Home, tmp_path: Path) -> Path:
    """A copy of the home's ledger that nobody runs on."""
    target = tmp_path / "copy"
    target.mkdir(mode=0o700)
    here, there = sqlite3.connect(home.hub / LEDGER), sqlite3.connect(target / LEDGER)
    here.backup(there)
    here.close()
    there.close()
    return target


def flip(directory: Path, table: str, column: str, where: str, place: int) -> None:
    """Changes one bit of one stored value."""
    connection = sqlite3.connect(directory / LEDGER)
    (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()
    changed = bytearray(value)
    changed[place] ^= 1
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (bytes(changed),))
    connection.commit()
    connection.close()


def test_a_copy_is_as_good_as_the_ledger(run: Run, copied: Path) -> None:
    told = run("ledger", "verify", copied)
    assert (told.code, "all good" in told.out, told.err) == (DONE, True, "")


def test_a_changed_record_is_named_with_its_block_and_bytes(run: Run, copied: Path) -> None:
    flip(copied, "records", "raw", "idx = 1", -3)
    told = run("ledger", "verify", copied)
    assert told.code == FAILED
    assert told.out.startswith("WRONG: block 1")
    facts = run("ledger", "verify", copied, "--json").facts
    assert facts["verified"] is False
    assert (facts["height"], facts["part"], facts["record"]) == (1, "record", 0)
    begin, end = facts["byte_range"]
    assert 0 <= begin < end
    assert facts["reason"]


@pytest.mark.parametrize("column", ["header", "certificate"])
def test_a_changed_block_is_named(run: Run, copied: Path, column: str) -> None:
    flip(copied, "blocks", column, "height = 1", 20)
    told = run("ledger", "verify", copied, "--json")
    assert (told.code, told.facts["verified"]) == (FAILED, False)
    assert told.facts["height"] in {1, 2}


def test_a_directory_without_a_ledger_is_said_to_be_none(run: Run, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        for verb in ("verify", "export"):
            told = run("ledger", verb, place)
            assert (told.code, told.out) == (FAILED, "")
            assert str(place) in told.err


def test_a_file_of_something_else_is_no_ledger(run: Run, tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(b"Dear diary, " * 1_000)
    assert run("ledger", "verify", tmp_path).code == FAILED


def test_a_home_that_is_no_id_is_wrong_usage(run: Run, copied: Path) -> None:
    told = run("ledger", "verify", copied, "--home", "our home")
    assert (told.code, "--home" in told.err) == (USAGE, True)


def test_verifying_can_be_interrupted(
    run: Run, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("homechain.ledger.audit.Auditor.feed", interrupted)
    assert run("ledger", "verify", copied).code == INTERRUPTED


def test_the_bar_is_for_people_and_leaves_the_line_even_when_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as screen:
        monkeypatch.setattr("sys.stderr", screen)
        bar = ledger._bar(10)
        bar.__enter__()(10)
        assert not bar.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        shown = b""
        while not shown.endswith(b"\n"):
            shown += os.read(control, 1_000)
    os.close(control)
    assert shown.decode() == "\r" + "█" * 30 + " 10/10 blocks\r\n"


def test_nothing_but_words_goes_into_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with ledger._bar(10) as show_progress:
        show_progress(10)
    assert capsys.readouterr().err == ""
