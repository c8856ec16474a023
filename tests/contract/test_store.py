"""What the driver relies on, held by the store on a disk and by the fake alike."""

import asyncio

from homechain.consensus.safety import Prepared, Promise, SafetyRecord, first_record
from homechain.model.blocks import Rank, root_certificate
from homechain.node.ports import Batch, Loaded
from tests.contract.conftest import Disk
from tests.fakes.made_chain import MadeChain, key, not_final

LOCK = key(20)


async def loaded(disk: Disk) -> Loaded:
    found = await (await disk.restarted()).store.load()
    assert found is not None
    return found


async def test_an_empty_directory_holds_no_home(disk: Disk) -> None:
    assert await disk.store.load() is None
    assert await (await disk.restarted()).store.load() is None


async def test_a_founded_home_is_found_after_a_restart(disk: Disk) -> None:
    chain = MadeChain()
    await disk.store.write(Batch(final=(chain.genesis,)))
    found = await loaded(disk)
    assert found.head_height == 0
    assert found.head_hash == chain.genesis.hash
    assert found.head_header == chain.genesis.block.header
    assert found.configurations == (chain.configuration,)
    assert found.safety is None
    assert found.blocks == ()
    assert found.pending == ()
    assert found.state == dict(chain.state.items())
    assert found.peaks == chain.frontier.peaks


async def test_peaks_fit_trees_of_every_size(disk: Disk) -> None:
    chain = MadeChain()
    await disk.store.write(Batch(final=(chain.genesis,)))
    for count in (1, 2, 4, 7, 1, 15, 1, 1, 33):
        records = [chain.event(LOCK, ("battery", step)) for step in range(count)]
        await disk.store.write(Batch(final=(chain.block(records),)))
        found = await disk.store.load()
        assert found is not None
        assert found.peaks == chain.frontier.peaks


async def test_state_entries_are_set_changed_and_removed(disk: Disk) -> None:
    chain = MadeChain()
    await disk.store.write(
        Batch(
            final=(
                chain.genesis,
                chain.block(changes={"a": b"1", "b": b"1", "c": b""}),
                chain.block(changes={"a": b"2", "b": None, "never": None}),
            )
        )
    )
    found = await loaded(disk)
    assert found.state == dict(chain.state.items())
    assert found.state["a"] == b"2"
    assert "b" not in found.state


async def test_the_newest_safety_record_is_kept(disk: Disk) -> None:
    chain = MadeChain()
    first = first_record(epoch=0, root=chain.genesis.hash, height=0)
    root = root_certificate(0, chain.genesis.hash)
    second = SafetyRecord(
        epoch=0,
        term=2**53 - 1,
        voted=Promise(3, root),
        prepared=Prepared(Rank(0, 3, 0), b"b" * 32, Rank(0, 2, 9), b"j" * 32),
        high=root,
        committed_rank=Rank(0, 2, 8),
        committed_block=b"c" * 32,
        committed_height=8,
        root=chain.genesis.hash,
        writes=7,
    )
    await disk.store.write(Batch(final=(chain.genesis,), safety=first))
    assert (await loaded(disk)).safety == first
    await disk.store.write(Batch(safety=second))
    assert (await loaded(disk)).safety == second


async def test_blocks_that_are_not_final_wait_above_the_head(disk: Disk) -> None:
    chain = MadeChain()
    losing = MadeChain().block([chain.event(LOCK, ("bolt", "jammed"))])
    one = chain.block([chain.event(LOCK, ("bolt", "locked"))])
    two, three = chain.block(), chain.block()
    waiting = tuple(map(not_final, (losing, one, two, three)))
    await disk.store.write(Batch(final=(chain.genesis,), blocks=waiting))
    assert (await loaded(disk)).blocks == waiting
    await disk.store.write(Batch(blocks=(waiting[2],)))
    assert (await loaded(disk)).blocks == waiting
    await disk.store.write(Batch(final=(one,)))
    assert (await loaded(disk)).blocks == waiting[2:]
    await disk.store.write(Batch(final=(two, three)))
    assert (await loaded(disk)).blocks == ()


async def test_pending_records_stay_until_a_block_holds_them_or_they_are_dropped(
    disk: Disk,
) -> None:
    chain = MadeChain()
    records = [chain.event(LOCK, ("battery", step)) for step in range(4)]
    await disk.store.write(Batch(final=(chain.genesis,), pending=tuple(records[:3])))
    await disk.store.write(Batch(pending=(records[0], records[3])))
    assert (await loaded(disk)).pending == tuple(record.raw for record in records)
    final = chain.block([records[2]])
    await disk.store.write(Batch(final=(final,), dropped=(records[1].id, b"unknown".rjust(32))))
    assert (await loaded(disk)).pending == (records[0].raw, records[3].raw)


async def test_a_record_that_arrives_with_its_own_block_does_not_wait(disk: Disk) -> None:
    chain = MadeChain()
    record = chain.event(LOCK, ("battery", 1))
    final = chain.block([record])
    await disk.store.write(Batch(final=(chain.genesis, final), pending=(record,)))
    assert (await loaded(disk)).pending == ()


async def test_a_record_that_is_handed_in_again_when_it_is_final_does_not_wait(disk: Disk) -> None:
    chain = MadeChain()
    record, waiting = chain.event(LOCK, ("battery", 1)), chain.event(LOCK, ("battery", 2))
    await disk.store.write(Batch(final=(chain.genesis, chain.block([record]))))
    await disk.store.write(Batch(pending=(record, waiting)))
    assert (await loaded(disk)).pending == (waiting.raw,)


async def test_every_epoch_leaves_its_configuration(disk: Disk) -> None:
    chain = MadeChain()
    first = chain.configuration
    await disk.store.write(Batch(final=(chain.genesis, chain.close_epoch())))
    second = chain.configuration
    await disk.store.write(Batch(final=(chain.block(), chain.close_epoch())))
    found = await loaded(disk)
    assert found.configurations == (first, second, chain.configuration)
    assert [each.epoch for each in found.configurations] == [0, 1, 2]


async def test_overlapping_writes_take_effect_in_the_order_of_the_calls(disk: Disk) -> None:
    chain = MadeChain()
    finals = [chain.genesis, *(chain.block(changes={"last": bytes([n])}) for n in range(40))]
    await asyncio.gather(*(disk.store.write(Batch(final=(final,))) for final in finals))
    found = await loaded(disk)
    assert found.head_height == 40
    assert found.state["last"] == bytes([39])


async def test_an_empty_batch_changes_nothing(disk: Disk) -> None:
    chain = MadeChain()
    await disk.store.write(Batch())
    assert await disk.store.load() is None
    await disk.store.write(Batch(final=(chain.genesis,)))
    before = await disk.store.load()
    await disk.store.write(Batch())
    assert await disk.store.load() == before
