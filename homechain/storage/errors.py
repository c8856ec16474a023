"""What can go wrong with the disk, split by blame: the medium's, the operator's, the sender's."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from homechain.model.errors import FormatError
from homechain.node.ports import StoreFailed


class StorageError(Exception):
    """Anything that the storage refuses or cannot do."""


class StorageFailed(StorageError, StoreFailed):
    """The medium failed. What was being written may or may not be there; the hub has to stop."""


class DiskFull(StorageFailed):
    """There is no room left, or the file may not grow any more."""


class DiskBroken(StorageFailed):
    """Reading, writing or syncing failed."""


class DatabaseDamaged(StorageFailed):
    """The file does not hold what was written to it."""


class DirectoryRefused(StorageError):
    """This directory cannot be used as it is; the message says what to do."""


class DirectoryInUse(DirectoryRefused):
    """Another hub runs on this directory."""


class DirectoryOpen(DirectoryRefused):
    """Others on this machine can enter the directory."""


class NotALedger(DirectoryRefused):
    """The file is something else, or there is none."""


class MadeByNewerVersion(DirectoryRefused):
    """A newer homechain has written here; this one would not understand it."""


class MediaRefused(StorageError):
    """A still that is too large, or is not what its hash says. The sender's fault."""


_FULL = {sqlite3.SQLITE_FULL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_NO_ROOM_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PRIMARY_CODE = 0xFF


def failure_of(error: sqlite3.Error | OSError) -> StorageFailed:
    """The failure that a low-level error means."""
    if isinstance(error, OSError):
        kind = DiskFull if error.errno in _NO_ROOM_ERRNOS else DiskBroken
        return kind(str(error))
    code = getattr(error, "sqlite_errorcode", None)
    name = getattr(error, "sqlite_errorname", "no code")
    message = f"{error} ({name})"
    if code is None:
        # The module itself complains, for example about text that is not UTF-8.
        return DatabaseDamaged(message)
    if code & _PRIMARY_CODE in _FULL:
        return DiskFull(message)
    if code & _PRIMARY_CODE in _DAMAGED:
        return DatabaseDamaged(message)
    return DiskBroken(message)


@contextmanager
def damage_named() -> Iterator[None]:
    """Around code that only turns stored rows into values: whatever goes wrong there is damage.

    A flipped bit can put any type into any column, so the list of errors is as wide as that.
    """
    try:
        yield
    except (
        FormatError,
        msgspec.MsgspecError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise DatabaseDamaged(f"a stored row cannot be read: {error!r}") from error


@contextmanager
def failures_named() -> Iterator[None]:
    """Turns errors of SQLite and of the file system into `StorageFailed`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise failure_of(error) from error
