"""A few read-only connections, each with its own thread, so that no question blocks the writer."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiosqlite

from homechain.storage import limits
from homechain.storage.database import connect_reader, reader_address
from homechain.storage.errors import failures_named

Row = tuple[Any, ...]


class Readers:
    """Connections that are lent to one question at a time."""

    def __init__(self, connections: Sequence[aiosqlite.Connection]) -> None:
        self._all = tuple(connections)
        self._free: asyncio.Queue[aiosqlite.Connection] = asyncio.Queue()
        for connection in connections:
            self._free.put_nowait(connection)

    @classmethod
    async def open(cls, path: Path, *, count: int = limits.READERS) -> Self:
        """Open `count` connections to an existing database.

        Raises `NotALedger` or `MadeByNewerVersion`, or `StorageFailed` from the disk.
        """
        # Looked at first: aiosqlite leaves a thread behind when it cannot connect.
        await asyncio.to_thread(lambda: connect_reader(path).close())
        connections: list[aiosqlite.Connection] = []
        try:
            with failures_named():
                for _ in range(count):
                    connection = await aiosqlite.connect(
                        reader_address(path), uri=True, isolation_level=None
                    )
                    connections.append(connection)
                    await connection.execute_fetchall("PRAGMA query_only = ON")
                    await connection.execute_fetchall(
                        f"PRAGMA busy_timeout = {limits.BUSY_TIMEOUT_MS}"
                    )
                    await connection.execute_fetchall(
                        f"PRAGMA cache_size = -{limits.READER_CACHE_KIB}"
                    )
        except BaseException:
            for connection in connections:
                await connection.close()
            raise
        return cls(connections)

    async def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of one statement."""
        async with self.connection() as connection:
            return list(_rows(await connection.execute_fetchall(sql, parameters)))

    async def first(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """The first row, or None."""
        rows = await self.rows(sql, parameters)
        return rows[0] if rows else None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[aiosqlite.Connection]:
        """Borrow a connection; waits for a free one. Errors become `StorageFailed`."""
        connection = await self._free.get()
        try:
            with failures_named():
                yield connection
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        """Close all connections, the lent ones when they come back."""
        for _ in self._all:
            await (await self._free.get()).close()


def _rows(rows: Iterable[Any]) -> Iterable[Row]:
    return rows
