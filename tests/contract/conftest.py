"""The store and the queries under test: the real ones on a disk, and the fakes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from homechain.node.ports import Store
from homechain.node.queries import Queries
from homechain.storage.reads import SqliteQueries
from homechain.storage.store import SqliteStore
from tests.fakes.store import MemoryQueries, MemoryStore


@dataclass
class Disk:
    """A store, the queries on it, and a way to come back to it after a restart."""

    store: Store
    queries: Queries
    directory: Path | None
    _stack: AsyncExitStack

    async def restarted(self) -> "Disk":
        if self.directory is None:
            return self
        await self._stack.aclose()
        await self._open()
        return self

    async def _open(self) -> None:
        assert self.directory is not None
        store = await self._stack.enter_async_context(await SqliteStore.open(self.directory))
        self.store = store
        self.queries = await self._stack.enter_async_context(await SqliteQueries.open(store.path))


@pytest.fixture(params=["sqlite", "memory"])
async def disk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Disk]:
    async with AsyncExitStack() as stack:
        memory = MemoryStore()
        disk = Disk(memory, MemoryQueries(memory), None, stack)
        if request.param == "sqlite":
            disk.directory = tmp_path / "hub"
            await disk._open()
        yield disk
