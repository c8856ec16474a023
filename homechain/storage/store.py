"""`Store` on SQLite: what the driver hands over is on the medium when `write` returns."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from homechain.node.ports import Batch, Loaded
from homechain.storage import limits
from homechain.storage.database import Database, connect_reader
from homechain.storage.errors import failures_named
from homechain.storage.loading import load
from homechain.storage.tables import Tables
from homechain.storage.writer import WriteCounts, Writer


class SqliteStore:
    """A hub's own ledger directory, held exclusively from `open` to `close`."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        readings_per_property: int = limits.READINGS_PER_PROPERTY,
        properties_per_device: int = limits.PROPERTIES_PER_DEVICE,
    ) -> Self:
        """Lock the directory, bring its schema up to date, and start the writer.

        Raises `DirectoryRefused` with what to do about it, or `StorageFailed`.
        """

        def prepare() -> tuple[Database, Writer]:
            database = Database.open(directory)
            try:
                with failures_named():
                    connection = database.connect_writer()
                    try:
                        tables = Tables(
                            connection,
                            readings_per_property=readings_per_property,
                            properties_per_device=properties_per_device,
                        )
                    except BaseException:
                        connection.close()
                        raise
            except BaseException:
                database.close()
                raise
            return database, Writer(database.path, connection, tables)

        database, writer = await asyncio.to_thread(prepare)
        writer.start()
        return cls(database, writer)

    @property
    def path(self) -> Path:
        """The database file, for `SqliteQueries`."""
        return self._database.path

    @property
    def counts(self) -> WriteCounts:
        """Batches and transactions since `open`."""
        return self._writer.counts

    async def load(self) -> Loaded | None:
        """What was there at the last `write` that returned; see `Store`."""

        def read() -> Loaded | None:
            connection = connect_reader(self._database.path)
            try:
                return load(connection)
            finally:
                connection.close()

        return await asyncio.to_thread(read)

    async def write(self, batch: Batch) -> None:
        """Make the batch durable; see `Store`."""
        await self._writer.write(batch)

    async def close(self) -> None:
        """Finish what was handed in, then give the directory back."""
        await self._writer.close()
        self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
