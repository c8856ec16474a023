"""Who may use a directory, and what is in it afterwards."""

import sqlite3
import stat
from pathlib import Path

import pytest

from homechain.model.records import RECORD_TYPES
from homechain.storage.database import Database, connect_reader
from homechain.storage.errors import (
    DirectoryInUse,
    DirectoryOpen,
    MadeByNewerVersion,
    NotALedger,
    StorageFailed,
)
from homechain.storage.migrations import STEPS
from homechain.storage.schema import EVENT_NUMBER, KIND_NUMBERS, SCHEMA_1


def test_two_hubs_never_share_a_directory(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "hub")
    with pytest.raises(DirectoryInUse, match="another hub"):
        Database.open(tmp_path / "hub")
    database.close()
    database.close()
    Database.open(tmp_path / "hub").close()


def test_nobody_else_can_enter(tmp_path: Path) -> None:
    directory = tmp_path / "home" / "hub"
    Database.open(directory).close()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for file in directory.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    directory.chmod(0o750)
    with pytest.raises(DirectoryOpen, match="chmod 700"):
        Database.open(directory)


def test_commits_are_synced(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "hub")
    connection = database.connect_writer()
    settings = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "user_version")
    }
    connection.close()
    database.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "user_version": len(STEPS),
    }


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ("PRAGMA application_id = 7", NotALedger),
        (f"PRAGMA user_version = {len(STEPS) + 1}", MadeByNewerVersion),
    ],
)
def test_a_file_of_something_else_or_of_tomorrow_is_left_alone(
    tmp_path: Path, change: str, refusal: type[Exception]
) -> None:
    directory = tmp_path / "hub"
    Database.open(directory).close()
    connection = sqlite3.connect(directory / "ledger.sqlite")
    connection.execute(change)
    connection.close()
    before = (directory / "ledger.sqlite").read_bytes()
    for _ in range(2):
        with pytest.raises(refusal):
            Database.open(directory)
    with pytest.raises(refusal):
        connect_reader(directory / "ledger.sqlite")
    assert (directory / "ledger.sqlite").read_bytes() == before


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    directory = tmp_path / "hub"
    directory.mkdir(mode=0o700)
    (directory / "ledger.sqlite").write_bytes(b"not a database, but long enough to be one" * 100)
    with pytest.raises(StorageFailed):
        Database.open(directory)


def test_a_reader_cannot_write_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotALedger, match="no ledger"):
        connect_reader(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []
    Database.open(tmp_path / "hub").close()
    connection = connect_reader(tmp_path / "hub" / "ledger.sqlite")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM blocks")
    connection.close()


def test_every_kind_of_record_has_a_number_of_its_own() -> None:
    assert set(KIND_NUMBERS) == {record.KIND for record in RECORD_TYPES}
    assert len(set(KIND_NUMBERS.values())) == len(KIND_NUMBERS)
    assert f"WHERE kind <> {EVENT_NUMBER};" in SCHEMA_1
