import asyncio

import pytest

from homechain.consensus import effects as wanted
from homechain.consensus.safety import first_record
from homechain.ledger.blocks import BuiltBlock, build_block
from homechain.ledger.errors import Inadmissible, InvalidBlock
from homechain.model.blocks import Rank, root_certificate
from homechain.node.chain import OPEN_BLOCKS, Chain, ChainFull, OpenBlock, summary
from homechain.node.epochs import Epoch, Epochs
from homechain.node.finality import Finality, Forked
from homechain.node.pool import Pool, PoolFull
from homechain.node.work import Install, Work
from tests.fakes.home import Actor, MadeHome, made_key
from tests.fakes.virtual_time import on_virtual_time


def sibling(home: MadeHome, number: int) -> BuiltBlock:
    """One of many blocks for the first slot."""
    return build_block(
        chain=home.built[0],
        records=[home.person_record(Actor(made_key(f"guest {number}"), name=f"guest {number}"))],
        slot=Rank(0, 1, 0),
        justify=root_certificate(0, home.built[0].hash),
        time_ms=home.now_s * 1000 + number,
    )


def founded() -> tuple[MadeHome, Chain]:
    home = MadeHome()
    return home, Chain(home.head.point, commit=None)


def test_a_flood_of_blocks_for_one_slot_keeps_nobody_out() -> None:
    home, chain = founded()
    kept = sibling(home, 0)
    chain.add(kept, proposal=b"")
    chain.pin(kept.hash)
    for number in range(1, 3 * OPEN_BLOCKS):
        chain.add(sibling(home, number), proposal=b"")
    assert kept.hash in chain
    assert sum(1 for _ in chain.open_points()) == OPEN_BLOCKS


def test_what_others_stand_on_never_gives_way() -> None:
    home, chain = founded()
    parent = home.commit()
    child = home.commit()
    chain.add(parent, proposal=b"")
    chain.add(child, proposal=b"")
    for number in range(2 * OPEN_BLOCKS):
        chain.add(sibling(home, number), proposal=b"")
    grandchild = home.commit()
    if child.hash in chain:
        chain.add(grandchild, proposal=b"")
        assert chain.path(grandchild.hash) is not None
    assert (child.hash not in chain) or (parent.hash in chain)


def test_when_everything_counts_nothing_more_is_taken() -> None:
    home, chain = founded()
    for number in range(OPEN_BLOCKS):
        block = sibling(home, number)
        chain.add(block, proposal=b"")
        chain.pin(block.hash)
    with pytest.raises(ChainFull):
        chain.add(sibling(home, OPEN_BLOCKS), proposal=b"")


def test_what_became_final_takes_its_rivals_away() -> None:
    home, chain = founded()
    rival = sibling(home, 7)
    chain.add(rival, proposal=b"")
    chain.pin(rival.hash)
    first, second = home.commit(), home.commit()
    chain.add(first, proposal=b"")
    chain.add(second, proposal=b"")
    chain.advance(OpenBlock(built=first, proposal=b""), commit=None)
    assert chain.head.hash == first.hash
    assert second.hash in chain
    assert rival.hash not in chain
    assert chain.stored(rival.hash) is None


def finality(home: MadeHome, chain: Chain) -> Finality:
    configuration = home.built[0].configuration
    root = Epoch(configuration=configuration, root=home.built[0].hash, root_height=0)
    return Finality(chain=chain, epochs=Epochs({0: root}, []), pool=Pool(capacity=10))


@on_virtual_time
async def test_sync_and_consensus_at_once_make_each_block_final_once() -> None:
    home, chain = founded()
    blocks = [home.commit() for _ in range(3)]
    commits = [certified.commit for certified in home.blocks[1:]]
    for block in blocks[:2]:
        chain.add(block, proposal=b"")
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    steps = [
        (OpenBlock(built=block, proposal=b""), commit)
        for block, commit in zip(blocks, commits, strict=True)
    ]
    commit = commits[1]
    assert commit is not None
    safety = first_record(epoch=0, root=home.built[0].hash, height=0)
    group: list[Work] = [Install(steps, done=done), wanted.Finalize(blocks[1].hash, commit, safety)]
    driver = finality(home, chain)
    plan = driver.plan(group)
    assert [[step.built.height for step, _ in path] for path in plan] == [[1, 2, 3], []]
    batch = driver.batch(group, plan, dropped=[b"gone"])
    assert [final.height for final in batch.final] == [1, 2, 3]
    assert batch.safety == safety
    assert batch.dropped == (b"gone",)
    reverse = driver.plan(group[::-1])
    assert [[step.built.height for step, _ in path] for path in reverse] == [[1, 2], [3]]
    for path in plan:
        driver.apply(path)
    assert chain.head.height == 3


@on_virtual_time
async def test_two_final_chains_never_reach_the_disk() -> None:
    home, chain = founded()
    other = MadeHome()
    ours = home.commit()
    theirs = other.commit(other.person_record(Actor(made_key("Ben"), name="Ben")))
    commit = home.blocks[1].commit
    assert commit is not None
    chain.add(ours, proposal=b"")
    safety = first_record(epoch=0, root=home.built[0].hash, height=0)
    driver = finality(home, chain)
    next_of_theirs = other.commit()
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    page = Install([(OpenBlock(built=next_of_theirs, proposal=b""), commit)], done=done)
    plan = driver.plan([wanted.Finalize(ours.hash, commit, safety), page])
    assert [len(path) for path in plan] == [1, 0]
    assert page.is_refused
    with pytest.raises(InvalidBlock):
        await done
    chain.add(theirs, proposal=b"")
    first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    beside = Install([(OpenBlock(built=ours, proposal=b""), commit)], done=first)
    chain.add(next_of_theirs, proposal=b"")
    with pytest.raises(Forked):
        driver.plan([beside, wanted.Finalize(next_of_theirs.hash, commit, safety)])


def test_a_summary_says_what_the_core_needs() -> None:
    home = MadeHome()
    block = home.commit(home.hub_record("hub 3"))
    told = summary(block)
    assert (told.hash, told.parent, told.height) == (block.hash, home.built[0].hash, 1)
    assert told.closes is not None


def test_the_pool_is_bounded_and_keeps_order_and_counters() -> None:
    home = MadeHome()
    records = [
        home.person_record(Actor(made_key(name), name=name)) for name in ("Ben", "Cem", "Dora")
    ]
    pool = Pool(capacity=2)
    assert Pool(capacity=1).oldest_ms is None
    assert pool.add(records[0], now_ms=5)
    assert not pool.add(records[0], now_ms=6)
    again = home.person_record(Actor(made_key("Emil"), name="Emil"), ctr=records[0].payload.ctr)
    with pytest.raises(Inadmissible):
        pool.add(again, now_ms=6)
    assert pool.add(records[1], now_ms=7)
    with pytest.raises(PoolFull):
        pool.add(records[2], now_ms=8)
    assert pool.oldest_ms == 5
    assert pool.raws(at_most=9) == [records[0].raw, records[1].raw]
    assert pool.raws(at_most=9, before_ms=5) == [records[0].raw]
    assert pool.take(but={records[0].id}) == [records[1]]
    assert pool.count(but={records[0].id, records[2].id}) == 1
    pool.discard([records[0].id, records[2].id])
    assert pool.oldest_ms == 7
    assert pool.add(again, now_ms=9)
    assert pool.of_signers({"nobody"}) == []
    assert len(pool.of_signers(None)) == len(pool) == 2
