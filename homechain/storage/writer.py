"""The one thread that writes. Batches that arrive while it is busy share the next transaction.

The order of the calls is the order of the effects. The first failure is the last thing that
happens: nothing after it is written, and every later call fails at once (consensus.md, "Durable
before sent": a failed fsync stops the hub and is never tried again).
"""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from homechain.node.ports import Batch
from homechain.storage import limits
from homechain.storage.database import connect_reader
from homechain.storage.errors import StorageError, StorageFailed, failure_of
from homechain.storage.tables import Tables

_Request = tuple[Batch, "asyncio.Future[None]"]
_STOP: Final = None


class WriteCounts(NamedTuple):
    """What was written since the start. Each transaction is one fsync of the log."""

    batches: int
    transactions: int


class Writer:
    """Owns the write connection from `start` on, closes it in `close`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, tables: Tables) -> None:
        self._path = path
        self._connection = connection
        self._tables = tables
        self._queue: SimpleQueue[_Request | None] = SimpleQueue()
        self._failure: StorageFailed | None = None
        self._is_closed = False
        self._counts = WriteCounts(0, 0)
        self._log_pages = 0
        # A daemon: a hub that dies without closing must not hang, and a commit may break off.
        self._thread = threading.Thread(target=self._run, name="ledger writer", daemon=True)

    @property
    def counts(self) -> WriteCounts:
        """Batches and transactions so far."""
        return self._counts

    def start(self) -> None:
        """Begin to take batches."""
        self._thread.start()

    async def write(self, batch: Batch) -> None:
        """Return once the batch is on the medium; raise `StorageFailed` if it may not be.

        Whoever stops waiting does not take the batch back.
        """
        if self._is_closed:
            raise StorageFailed("the ledger is closed")
        if self._failure is not None:
            raise _again(self._failure)
        future = asyncio.get_running_loop().create_future()
        self._queue.put((batch, future))
        await future

    async def close(self) -> None:
        """Write what was handed in before, then close the connection."""
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.put(_STOP)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            while True:
                requests, is_last = self._next_group()
                if requests:
                    self._write_group(requests)
                if is_last:
                    return
        finally:
            self._close_connection()

    def _next_group(self) -> tuple[list[_Request], bool]:
        """Wait for one request, then take what else is there."""
        requests: list[_Request] = []
        request = self._queue.get()
        while request is not _STOP:
            requests.append(request)
            if len(requests) == limits.BATCHES_PER_TRANSACTION:
                return requests, False
            try:
                request = self._queue.get_nowait()
            except Empty:
                return requests, False
        return requests, True

    def _write_group(self, requests: list[_Request]) -> None:
        error: BaseException | None = self._failure
        if error is None:
            try:
                self._write_transaction([batch for batch, _ in requests])
            except sqlite3.Error as cause:
                self._failure = error = failure_of(cause)
                error.__cause__ = cause
            except BaseException as cause:  # noqa: BLE001 - a bug stops the store and is passed on
                self._failure = StorageFailed(f"a batch could not be written: {cause!r}")
                error = cause
        _answer([future for _, future in requests], error)
        if self._failure is None and self._log_pages >= limits.WAL_PAGES:
            self._copy_log()

    def _write_transaction(self, batches: Sequence[Batch]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for batch in batches:
            self._tables.apply(batch)
        self._connection.execute("COMMIT")
        self._log_pages += limits.PAGES_PER_TRANSACTION + sum(map(_pages, batches))
        self._counts = WriteCounts(
            self._counts.batches + len(batches), self._counts.transactions + 1
        )

    def _copy_log(self) -> None:
        """Copy the log into the file, after those who waited have their answer.

        What was acknowledged is durable in the log. A disk that fails now fails the store.
        """
        self._log_pages = 0
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as cause:
            self._failure = failure_of(cause)
            self._failure.__cause__ = cause

    def _close_connection(self) -> None:
        try:
            if self._failure is None:
                self._connection.close()
            else:
                self._close_without_checkpoint()
        except sqlite3.Error as error:
            # All that was acknowledged is in the log; there is nobody left to tell.
            self._failure = self._failure or failure_of(error)

    def _close_without_checkpoint(self) -> None:
        """Touch nothing more: the last connection to close would copy the log and sync again, and a
        sync that succeeds after one that failed proves nothing. A reader that closes later keeps
        SQLite from that; it has no right to write.
        """
        bystander = None
        with suppress(sqlite3.Error, StorageError):
            bystander = connect_reader(self._path)
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._connection.close()
        if bystander is not None:
            bystander.close()


def _pages(batch: Batch) -> int:
    """About how many pages of the log the batch's records take."""
    sizes = [len(record.raw) for record in batch.pending]
    bodies = [stored.block for stored in batch.blocks] + [final.block for final in batch.final]
    for body in bodies:
        sizes += map(len, body.records)
    return len(sizes) + sum(sizes) // limits.PAGE_BYTES


def _again(failure: StorageFailed) -> StorageFailed:
    """The same failure for another caller: an exception that is raised twice mixes up traces."""
    copy = type(failure)(*failure.args)
    copy.__cause__ = failure
    return copy


def _answer(futures: list["asyncio.Future[None]"], error: BaseException | None) -> None:
    def resolve() -> None:
        for future in futures:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(_again(error) if isinstance(error, StorageFailed) else error)

    with suppress(RuntimeError):  # the loop may be gone, and with it whoever waited
        futures[0].get_loop().call_soon_threadsafe(resolve)
