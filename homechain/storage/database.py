"""One directory, one hub: the lock, the file, and how connections to it are set up.

Durable means here: `COMMIT` has returned, with the write-ahead log synced (`synchronous=FULL`).
"""

import fcntl
import os
import sqlite3
import stat
from pathlib import Path
from typing import Final, Self

from homechain.storage import limits
from homechain.storage.errors import (
    DirectoryInUse,
    DirectoryOpen,
    NotALedger,
    failures_named,
)
from homechain.storage.migrations import check_ours, migrate

LEDGER_FILE: Final = "ledger.sqlite"
LOCK_FILE: Final = "lock"
_OPEN_TO_OTHERS: Final = 0o077


class Database:
    """The exclusive right to write in a directory, until `close`."""

    def __init__(self, directory: Path, lock: int) -> None:
        self.directory = directory
        self._lock = lock

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Lock the directory and bring its database to the newest schema.

        What is missing is made: the directory 0700, the file 0600. Raises `DirectoryRefused`
        (in use, open to others, not ours, too new) or `StorageFailed`. Blocks: not for the loop.
        """
        with failures_named():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if stat.S_IMODE(directory.stat().st_mode) & _OPEN_TO_OTHERS:
                raise DirectoryOpen(f"{directory} can be entered by others: chmod 700 {directory}")
            lock = _take_lock(directory)
            database = cls(directory, lock)
            try:
                _create_file(directory / LEDGER_FILE)
                connection = database.connect_writer()
                try:
                    migrate(connection)
                finally:
                    connection.close()
            except BaseException:
                database.close()
                raise
            return database

    @property
    def path(self) -> Path:
        """The database file."""
        return self.directory / LEDGER_FILE

    def connect_writer(self) -> sqlite3.Connection:
        """The one connection that writes. Transactions are begun and ended by hand."""
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # opened here, then used by the writer's thread alone
            cached_statements=256,
        )
        try:
            # No page size or mmap: the defaults were as quick, and mmap turns EIO into SIGBUS.
            connection.execute(f"PRAGMA busy_timeout = {limits.BUSY_TIMEOUT_MS}")
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                raise NotALedger(f"{self.path}: this file system cannot keep a write-ahead log")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute(f"PRAGMA cache_size = -{limits.WRITER_CACHE_KIB}")
            # SQLite ignores what goes wrong in its own checkpoints; the writer makes them itself.
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(f"PRAGMA journal_size_limit = {limits.WAL_KEPT_BYTES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Give the directory back. Connections must be closed before."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read, whether or not a hub is running.

    Raises `NotALedger` if there is no ledger, `StorageFailed` if it cannot be read.
    """
    if not path.is_file():
        raise NotALedger(f"there is no ledger in {path.parent}")
    with failures_named():
        connection = _connect_read_only(path, immutable=False)
        try:
            check_ours(connection)
        except sqlite3.OperationalError:
            connection.close()
            # A log that nobody left cannot be made on a read-only medium: then nothing changes.
            if path.with_name(f"{path.name}-wal").exists():
                raise
            connection = _connect_read_only(path, immutable=True)
            check_ours(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def reader_address(path: Path) -> str:
    """The URI that opens the file for reading only."""
    return f"{path.absolute().as_uri()}?mode=ro"


def _connect_read_only(path: Path, *, immutable: bool) -> sqlite3.Connection:
    address = reader_address(path) + ("&immutable=1" if immutable else "")
    return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)


def _take_lock(directory: Path) -> int:
    lock = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise DirectoryInUse(f"another hub runs on {directory}: stop it first") from error
    except BaseException:
        os.close(lock)
        raise
    return lock


def _create_file(path: Path) -> None:
    """SQLite gives its log and its index the permissions of this file."""
    if path.exists():
        return
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
