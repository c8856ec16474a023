"""Each low-level error has one name, by whose fault it is."""

import errno
import sqlite3

import pytest

from homechain.storage.errors import (
    DatabaseDamaged,
    DirectoryRefused,
    DiskBroken,
    DiskFull,
    MediaRefused,
    StorageError,
    StorageFailed,
    damage_named,
    failure_of,
    failures_named,
)


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("told so")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "no space"), DiskFull),
        (OSError(errno.EDQUOT, "quota"), DiskFull),
        (OSError(errno.EFBIG, "file too large"), DiskFull),
        (OSError(errno.EIO, "input/output error"), DiskBroken),
        (sqlite_error(sqlite3.SQLITE_FULL), DiskFull),
        (sqlite_error(sqlite3.SQLITE_IOERR | 4 << 8), DiskBroken),
        (sqlite_error(sqlite3.SQLITE_BUSY), DiskBroken),
        (sqlite_error(sqlite3.SQLITE_CORRUPT), DatabaseDamaged),
        (sqlite_error(sqlite3.SQLITE_CORRUPT | 1 << 8), DatabaseDamaged),
        (sqlite_error(sqlite3.SQLITE_NOTADB), DatabaseDamaged),
        (sqlite3.OperationalError("Could not decode to UTF-8"), DatabaseDamaged),
    ],
)
def test_errors_are_split_by_what_failed(
    error: sqlite3.Error | OSError, kind: type[StorageFailed]
) -> None:
    assert type(failure_of(error)) is kind
    with pytest.raises(kind) as caught, failures_named():
        raise error
    assert caught.value.__cause__ is error


def test_rows_of_another_shape_are_damage() -> None:
    with pytest.raises(DatabaseDamaged), damage_named():
        int(None)  # type: ignore[call-overload]  # what a damaged row may hold


def test_blame_is_never_mixed() -> None:
    assert not issubclass(DirectoryRefused, StorageFailed)
    assert not issubclass(MediaRefused, StorageFailed)
    assert issubclass(StorageFailed, StorageError)
