"""Questions cost the same however long the ledger is: work is counted, not time."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosqlite
import pytest

from homechain.node.ports import Batch
from homechain.storage.errors import NotALedger, StorageFailed
from homechain.storage.readers import Readers
from homechain.storage.reads import SqliteQueries
from homechain.storage.store import SqliteStore
from tests.fakes.made_chain import MadeChain, decide, key

DEVICES = [key(20 + number) for number in range(4)]
GUEST, RARE = key(30), key(31)
SHORT, LONG = 30, 300


def made_blocks(count: int) -> tuple[MadeChain, list[Batch]]:
    chain = MadeChain()
    rare = chain.event(RARE, ("rare", 1))
    batches = [Batch(final=(chain.genesis, chain.block([rare])))]
    for step in range(count):
        command = chain.command(GUEST, DEVICES[0])
        records = [chain.event(device, ("battery", step), ("bolt", 1)) for device in DEVICES]
        records += [command, chain.outcome(DEVICES[0], command)]
        batches.append(Batch(final=(chain.block(records, decisions=(decide(command),)),)))
    return chain, batches


async def steps_of(directory: Path, blocks: int) -> dict[str, int]:
    """Virtual machine steps, in units of 20, of each question after so many blocks."""
    chain, batches = made_blocks(blocks)
    last = chain.frontier.size - 1
    device = DEVICES[0].public.did
    async with await SqliteStore.open(directory) as store:
        for batch in batches:
            await store.write(batch)
        async with await SqliteQueries.open(store.path, readers=1) as queries:
            questions: dict[str, Callable[[], Awaitable[object]]] = {
                "block": lambda: queries.block(9),
                "blocks": lambda: queries.blocks(3, limit=5, at_most_bytes=1 << 20),
                "cover": lambda: queries.covering_commit(9),
                "record": lambda: queries.record(chain.genesis_record.id),
                "of block": lambda: queries.records_of_block(9),
                "recent": lambda: queries.recent_records(limit=5),
                "by kind": lambda: queries.recent_records(kinds=("genesis", "command"), limit=5),
                "by device": lambda: queries.recent_records(device=RARE.public.did, limit=5),
                "by signer": lambda: queries.recent_records(signer=RARE.public.did, limit=5),
                "path": lambda: queries.inclusion_path(index=last, size=last + 1),
                "commands": lambda: queries.commands(limit=5),
                "waiting": lambda: queries.commands(device=device, waiting_only=True, limit=5),
                "all waiting": lambda: queries.commands(waiting_only=True, limit=5),
                "by person": lambda: queries.commands(person=GUEST.public.did, limit=5),
                "properties": lambda: queries.properties(device),
                "readings": lambda: queries.readings(limit=5),
                "plot": lambda: queries.readings(device=device, name="battery", limit=5),
                "rare": lambda: queries.readings(name="rare", limit=5),
            }
            return {name: await count_steps(queries, ask) for name, ask in questions.items()}


async def count_steps(queries: SqliteQueries, ask: Callable[[], Awaitable[object]]) -> int:
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connection: aiosqlite.Connection = queries._readers._all[0]
    await connection.set_progress_handler(step, 20)
    await ask()
    return count


async def test_questions_cost_the_same_in_a_ledger_ten_times_as_long(tmp_path: Path) -> None:
    short = await steps_of(tmp_path / "short", SHORT)
    long = await steps_of(tmp_path / "long", LONG)
    grown = {name: (short[name], long[name]) for name in short if long[name] > short[name] + 10}
    assert grown == {}


async def test_readers_are_lent_and_come_back(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "hub") as store:
        readers = await Readers.open(store.path, count=2)
        answers = await asyncio.gather(*(readers.rows("SELECT ?", (n,)) for n in range(20)))
        assert answers == [[(n,)] for n in range(20)]
        with pytest.raises(StorageFailed):
            await readers.rows("SELECT * FROM nowhere")
        with pytest.raises(StorageFailed):
            await readers.rows("DELETE FROM blocks")
        assert await readers.first("SELECT 1 WHERE 0") is None
        await readers.close()


async def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(NotALedger):
            await SqliteQueries.open(tmp_path / "ledger.sqlite")


async def test_ids_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    chain, batches = made_blocks(1)
    async with await SqliteStore.open(tmp_path / "hub") as store:
        for batch in batches:
            await store.write(batch)
    connection = sqlite3.connect(tmp_path / "hub" / "ledger.sqlite", isolation_level=None)
    connection.execute(
        "INSERT INTO record_ids SELECT (SELECT prefix FROM record_ids WHERE idx = 0), idx"
        " FROM records WHERE idx > 0"
    )
    connection.close()
    async with (
        await SqliteStore.open(tmp_path / "hub") as store,
        await SqliteQueries.open(store.path) as queries,
    ):
        row = await queries.record(chain.genesis_record.id)
        assert row is not None
        assert row.index == 0
