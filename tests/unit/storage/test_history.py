"""A device cannot fill the disk with names, nor the past without end."""

from pathlib import Path

from homechain.node.ports import Batch
from homechain.storage.reads import SqliteQueries
from homechain.storage.store import SqliteStore
from tests.fakes.made_chain import MadeChain, key

LOCK, CAMERA = key(20), key(21)


async def test_old_readings_give_way_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    chain = MadeChain()
    blocks = [chain.genesis]
    for step in range(40):
        records = [chain.event(LOCK, ("battery", 10 * step + each)) for each in range(10)]
        records.append(chain.event(CAMERA, ("battery", -step)))
        blocks.append(chain.block(records))
    for half in (blocks[:20], blocks[20:]):
        async with await SqliteStore.open(tmp_path / "hub", readings_per_property=100) as store:
            for final in half:
                await store.write(Batch(final=(final,)))
    async with (
        await SqliteStore.open(tmp_path / "hub") as store,
        await SqliteQueries.open(store.path) as queries,
    ):
        rows = await queries.readings(device=LOCK.public.did)
        assert [row.value for row in rows] == list(range(399, 299, -1))
        assert len(await queries.readings(device=CAMERA.public.did)) == 40
        assert len(await queries.recent_records(device=LOCK.public.did, limit=1_000)) == 400


async def test_names_beyond_the_limit_stay_in_their_records(tmp_path: Path) -> None:
    chain = MadeChain()
    names = [f"name_{number}" for number in range(8)]
    flood = chain.event(LOCK, *((name, 1) for name in names))
    known = chain.event(LOCK, ("name_0", 2))
    other = chain.event(CAMERA, ("name_7", 3))
    for final in (chain.genesis, chain.block([flood]), chain.block([known, other])):
        async with await SqliteStore.open(tmp_path / "hub", properties_per_device=3) as store:
            await store.write(Batch(final=(final,)))
    async with (
        await SqliteStore.open(tmp_path / "hub") as store,
        await SqliteQueries.open(store.path) as queries,
    ):
        of_lock = await queries.properties(LOCK.public.did)
        assert {row.name: row.value for row in of_lock} == {"name_0": 2, "name_1": 1, "name_2": 1}
        assert [row.name for row in await queries.properties(CAMERA.public.did)] == ["name_7"]
        assert len(await queries.readings(device=LOCK.public.did)) == 4
        assert await queries.record(flood.id) is not None
