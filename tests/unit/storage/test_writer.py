"""One thread, shared fsyncs, and a failure that stays."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from homechain.node.ports import Batch
from homechain.storage import limits
from homechain.storage.errors import DiskFull, StorageFailed
from homechain.storage.reads import SqliteQueries
from homechain.storage.store import SqliteStore
from tests.fakes.made_chain import MadeChain, key

LOCK = key(20)


async def head_after_restart(directory: Path) -> int:
    async with await SqliteStore.open(directory) as store:
        found = await store.load()
        return -1 if found is None else found.head_height


async def test_batches_that_wait_share_one_transaction(tmp_path: Path) -> None:
    chain = MadeChain()
    async with await SqliteStore.open(tmp_path / "hub") as store:
        await store.write(Batch(final=(chain.genesis,)))
        before = store.counts
        foreign = sqlite3.connect(store.path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")  # the writer waits, and meanwhile the others queue up
        writes = [
            asyncio.ensure_future(store.write(Batch(final=(chain.block(),)))) for _ in range(100)
        ]
        await asyncio.sleep(0)
        foreign.execute("ROLLBACK")
        foreign.close()
        await asyncio.gather(*writes)
        assert store.counts.batches - before.batches == 100
        assert store.counts.transactions - before.transactions <= 2


async def test_a_batch_is_there_as_soon_as_its_write_returns(tmp_path: Path) -> None:
    chain = MadeChain()
    async with (
        await SqliteStore.open(tmp_path / "hub") as store,
        await SqliteQueries.open(store.path) as queries,
    ):
        for final in (chain.genesis, chain.block(), chain.block()):
            await store.write(Batch(final=(final,)))
            assert await queries.block(final.height) is not None


async def test_questions_are_answered_while_a_transaction_is_open(tmp_path: Path) -> None:
    chain = MadeChain()
    async with (
        await SqliteStore.open(tmp_path / "hub") as store,
        await SqliteQueries.open(store.path) as queries,
    ):
        await store.write(Batch(final=(chain.genesis,)))
        foreign = sqlite3.connect(store.path, isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        answers = await asyncio.gather(*(queries.block(0) for _ in range(10)))
        assert all(answer is not None for answer in answers)
        foreign.execute("ROLLBACK")
        foreign.close()


async def test_a_full_disk_fails_the_store_for_good(tmp_path: Path) -> None:
    chain = MadeChain()
    directory = tmp_path / "hub"
    store = await SqliteStore.open(directory)
    await store.write(Batch(final=(chain.genesis,)))
    pages = store._writer._connection.execute("PRAGMA page_count").fetchone()[0]
    store._writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    records = [chain.event(LOCK, ("text", "x" * 4_000)) for _ in range(20)]
    too_much = chain.block(records)
    small = chain.block()
    failed, waiting = await asyncio.gather(
        store.write(Batch(final=(too_much,))),
        store.write(Batch(final=(small,))),
        return_exceptions=True,
    )
    assert isinstance(failed, DiskFull)
    assert isinstance(waiting, DiskFull)
    store._writer._connection.execute("PRAGMA max_page_count = 1000000")
    with pytest.raises(DiskFull):
        await store.write(Batch())
    log = store.path.with_name("ledger.sqlite-wal").stat().st_size
    await store.close()
    assert store.path.with_name("ledger.sqlite-wal").stat().st_size == log
    assert await head_after_restart(directory) == 0


async def test_a_failed_batch_leaves_nothing_of_its_parts(tmp_path: Path) -> None:
    chain = MadeChain()
    directory = tmp_path / "hub"
    store = await SqliteStore.open(directory)
    record = chain.event(LOCK, ("bolt", "locked"))
    first, skipped, third = chain.block(), chain.block(), chain.block()
    await store.write(Batch(final=(chain.genesis,)))
    with pytest.raises(AssertionError, match="follow one another"):
        await store.write(Batch(pending=(record,), final=(first, third)))
    with pytest.raises(StorageFailed):
        await store.write(Batch(final=(first, skipped)))
    await store.close()
    async with await SqliteStore.open(directory) as again:
        found = await again.load()
        assert found is not None
        assert (found.head_height, found.pending) == (0, ())
        await again.write(Batch(final=(first, skipped, third)))


async def test_closing_writes_what_was_handed_in(tmp_path: Path) -> None:
    chain = MadeChain()
    directory = tmp_path / "hub"
    store = await SqliteStore.open(directory)
    finals = [chain.genesis, *(chain.block() for _ in range(20))]
    writes = [asyncio.ensure_future(store.write(Batch(final=(final,)))) for final in finals]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    with pytest.raises(StorageFailed, match="closed"):
        await store.write(Batch())
    await store.close()
    assert await head_after_restart(directory) == 20


async def test_whoever_stops_waiting_does_not_take_the_batch_back(tmp_path: Path) -> None:
    chain = MadeChain()
    directory = tmp_path / "hub"
    store = await SqliteStore.open(directory)
    write = asyncio.ensure_future(store.write(Batch(final=(chain.genesis,))))
    await asyncio.sleep(0)
    write.cancel()
    await store.write(Batch(final=(chain.block(),)))
    await store.close()
    assert await head_after_restart(directory) == 1


async def test_the_log_is_copied_before_it_grows_long(tmp_path: Path) -> None:
    chain = MadeChain()
    async with await SqliteStore.open(tmp_path / "hub") as store:
        await store.write(Batch(final=(chain.genesis,)))
        sizes = []
        for _ in range(300):
            await store.write(Batch(final=(chain.block([chain.event(LOCK, ("battery", 1))]),)))
            sizes.append(store.path.with_name("ledger.sqlite-wal").stat().st_size)
        assert max(sizes) <= 2 * limits.WAL_PAGES * limits.PAGE_BYTES
        assert store.path.stat().st_size > 100_000
