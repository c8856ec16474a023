"""`Queries` on SQLite: reads of the final ledger that never block the event loop or the writer."""

from pathlib import Path
from types import TracebackType
from typing import Self

from homechain.storage import limits
from homechain.storage.chain_reads import ChainReads
from homechain.storage.home_reads import HomeReads
from homechain.storage.readers import Readers


class SqliteQueries(ChainReads, HomeReads):
    """All questions, on a few connections of their own. A row that cannot be read, or a disk that
    does not answer, raises `StorageFailed`.
    """

    def __init__(self, readers: Readers) -> None:
        super().__init__(readers)

    @classmethod
    async def open(cls, path: Path, *, readers: int = limits.READERS) -> Self:
        """Connect to the database file that a `SqliteStore` has opened (`SqliteStore.path`)."""
        return cls(await Readers.open(path, count=readers))

    async def close(self) -> None:
        """Wait for running questions, then disconnect."""
        await self._readers.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
