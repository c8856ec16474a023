"""What a hub makes of its own disk, good or damaged."""

import pytest
from msgspec import structs

from homechain.model.blocks import Block
from homechain.node.chain import OpenBlock, final_block
from homechain.node.epochs import load_epochs
from homechain.node.ports import Batch, StoredBlock
from homechain.node.proving import Proofs
from homechain.node.starting import DamagedLedger, chain_from_disk
from tests.fakes.driven_home import DrivenHome
from tests.fakes.home import Actor, MadeHome, made_key
from tests.fakes.store import MemoryQueries, MemoryStore
from tests.fakes.virtual_time import on_virtual_time


def actor(name: str) -> Actor:
    return Actor(made_key(name), name=name)


async def written(home: MadeHome, *, up_to: int) -> MemoryStore:
    store = MemoryStore()
    final = [
        final_block(OpenBlock(built=built, proposal=certified.proposal), commit=certified.commit)
        for built, certified in zip(home.built, home.blocks, strict=True)
    ]
    await store.write(Batch(final=tuple(final[: up_to + 1])))
    return store


async def test_open_blocks_on_disk_are_part_of_the_chain_again() -> None:
    home = MadeHome()
    home.commit(home.person_record(actor("Ben")))
    child = home.commit(home.person_record(actor("Cem")))
    store = await written(home, up_to=1)
    stored = StoredBlock(hash=child.hash, block=child.block, proposal=b"")
    await store.write(Batch(blocks=(stored,)))
    loaded = await store.load()
    assert loaded is not None
    chain = chain_from_disk(loaded, commit=None)
    assert [point.hash for point in chain.open_points()] == [child.hash]
    bent = structs.replace(stored, block=Block(b"\xff" + child.block.header[1:], ()))
    for broken in (bent, structs.replace(stored, block=Block(child.block.header, (b"x",)))):
        with pytest.raises(DamagedLedger):
            chain_from_disk(structs.replace(loaded, blocks=(broken,)), commit=None)


async def test_a_disk_that_contradicts_itself_stops_the_start() -> None:
    home = MadeHome()
    home.commit(home.person_record(actor("Ben")))
    loaded = await (await written(home, up_to=1)).load()
    assert loaded is not None
    state = dict(loaded.state)
    state.pop(next(iter(state)))
    for broken in (
        structs.replace(loaded, head_header=b"rubbish"),
        structs.replace(loaded, head_hash=bytes(32)),
        structs.replace(loaded, state=state),
        structs.replace(loaded, peaks=tuple(bytes(32) for _ in loaded.peaks)),
    ):
        with pytest.raises(DamagedLedger):
            chain_from_disk(broken, commit=None)


async def test_each_epoch_is_found_again_with_what_proves_it() -> None:
    home = MadeHome()
    home.commit(home.person_record(actor("Ben")))
    home.commit(home.hub_record("hub 3"))
    home.commit(home.person_record(actor("Cem")))
    home.commit(home.hub_record("hub 3", removed=True))
    store = await written(home, up_to=4)
    loaded = await store.load()
    assert loaded is not None
    epochs = await load_epochs(loaded, MemoryQueries(store))
    assert [epochs.of(number).root_height for number in range(3)] == [0, 2, 4]
    assert epochs.current.root == home.head.hash
    assert [step.header for step in epochs.steps] == [
        home.built[2].block.header,
        home.built[4].block.header,
    ]


async def test_a_proof_leads_a_device_no_further_than_to_its_own_epoch() -> None:
    home = MadeHome()
    lock = home.add_device("door")
    command = home.command_record(home.owner, lock)
    home.commit(command, certified=False)
    home.commit(home.hub_record("hub 3"))
    store = await written(home, up_to=3)
    loaded = await store.load()
    assert loaded is not None
    epochs = await load_epochs(loaded, MemoryQueries(store))
    path = [
        (OpenBlock(built=home.built[height], proposal=b""), home.blocks[height].commit)
        for height in (2, 3)
    ]
    proofs = Proofs()
    proofs.keep(path, steps=epochs.steps, time_ms=home.now_s * 1000)
    assert len(epochs.steps) == 1
    assert len(proofs.get(command.id).configurations) == 0


@on_virtual_time
async def test_two_records_under_one_counter_on_disk_do_not_keep_a_hub_from_starting() -> None:
    async with DrivenHome() as home:
        hub = home.hubs[0]
        await hub.stop()
        first = home.made.person_record(actor("Ben"))
        second = home.made.person_record(actor("Cem"), ctr=first.payload.ctr)
        await hub.store.write(Batch(pending=(first, second)))
        await hub.start()
        await hub.knows(actor("Ben").did)
        assert hub.node.state.person(actor("Cem").did) is None
