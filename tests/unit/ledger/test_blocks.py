from typing import Any

import pytest
from msgspec.structs import replace

from homechain.crypto.merkle import Frontier
from homechain.ledger.blocks import BuiltBlock, build_block, check_block, found
from homechain.ledger.errors import Inadmissible, InvalidBlock
from homechain.ledger.execution import execute
from homechain.ledger.records import read_record, sign_record
from homechain.ledger.state import State
from homechain.model import limits
from homechain.model.blocks import (
    Block,
    EpochClose,
    Rank,
    block_hash,
    read_header,
    root_certificate,
    write_header,
)
from homechain.model.records import Genesis, Role
from tests.fakes.home import START_S, Actor, MadeHome, made_key


class World:
    def __init__(self) -> None:
        self.home = MadeHome(hubs=3)
        self.lock = self.home.add_device("Front door")
        self.guest = self.home.add_person("Maria")


@pytest.fixture
def world() -> World:
    return World()


def recheck(home: MadeHome, block: Block | None = None) -> BuiltBlock:
    """Check a block in place of the head's, as another hub would."""
    block = block or home.head.block
    records = [read_record(raw) for raw in block.records]
    return check_block(chain=home.built[-2].point, block=block, records=records)


# -------------------------------------------------------------------- founding


def test_a_home_is_founded_from_its_record_alone() -> None:
    home = MadeHome(hubs=3)
    genesis = found(read_record(home.genesis.raw))
    header = genesis.header
    assert (header.height, header.epoch, header.term, header.seq) == (0, 0, 0, 0)
    assert header.home == home.genesis.id
    assert header.parent == bytes(32)
    assert header.justify == root_certificate(0, bytes(32))
    assert header.time_ms == START_S * 1000
    assert (header.record_count, header.tree_size) == (1, 1)
    assert genesis.hash == block_hash(genesis.block.header)
    assert genesis.next_configuration == genesis.configuration
    assert set(genesis.configuration.members) == set(home.hub_keys)
    assert genesis.configuration.quorum == 2
    owner = genesis.state.person(home.owner.did)
    assert owner is not None
    assert owner.role is Role.OWNER
    assert genesis.state.home.name == "Linden Street"
    assert genesis.block == home.head.block


def test_only_a_signed_genesis_record_founds_a_home() -> None:
    home = MadeHome(hubs=1)
    with pytest.raises(Inadmissible, match="founds no home"):
        found(home.person_record(Actor(made_key("Maria"), name="Maria")))
    with pytest.raises(Inadmissible, match="bad_signature"):
        found(replace(home.genesis, signature=bytes(64)))
    assert isinstance(home.genesis.payload, Genesis)
    too_late = replace(home.genesis.payload, iat=limits.COUNTER_MAX)
    with pytest.raises(Inadmissible, match="iat"):
        found(sign_record(too_late, home.owner.key))


# -------------------------------------------------------------------- execution


def test_commands_are_decided_after_all_records_of_their_block(world: World) -> None:
    home = world.home
    command = home.command_record(world.guest, world.lock)
    grant = home.grant_record(world.guest, jti="grant-0001", devices=[world.lock])
    built = home.commit(command, grant)
    assert [decision.code for decision in built.decisions] == ["granted"]
    assert built.decisions[0].command == command.id


def test_what_may_not_enter_is_left_out_and_changes_nothing(world: World) -> None:
    home = world.home
    good, replayed = home.event_record(world.lock, bolt="locked"), home.genesis
    built = home.commit(replayed, good, good)
    assert built.records == (good,)
    assert [error.code for _, error in built.refused] == ["second_genesis", "counter_replayed"]
    assert built.changes.keys() == {f"counter/{world.lock.did}"}


def test_records_of_one_block_build_on_one_another(world: World) -> None:
    home = world.home
    newcomer = Actor(made_key("Tom"), name="Tom")
    built = home.commit(
        home.person_record(newcomer, role=Role.RESIDENT),
        home.command_record(newcomer, world.lock),
    )
    assert [decision.code for decision in built.decisions] == ["role"]


def test_a_membership_change_ends_its_block_and_its_epoch(world: World) -> None:
    home = world.home
    event = home.event_record(world.lock, bolt="locked")
    built = home.commit(home.hub_record("hub 3"), home.hub_record("hub 4"), event)
    assert [record.kind for record in built.records] == ["hub"]
    assert [error.code for _, error in built.refused] == ["epoch_closed", "epoch_closed"]
    following = built.next_configuration
    assert following is not None
    assert (following.epoch, following.size) == (1, 4)
    assert built.header.close == EpochClose(following.hash(), 4)
    assert built.configuration == following
    after = home.commit(event)
    assert (after.header.epoch, after.header.term, after.header.seq) == (1, 1, 0)
    assert after.header.configuration == following.hash()
    assert after.header.justify == root_certificate(1, built.hash)
    recheck(home)


def test_a_state_from_the_disk_goes_on_like_one_that_was_folded(world: World) -> None:
    home = world.home
    home.commit(home.grant_record(world.guest, jti="grant-0002", devices=[world.lock]))
    home.commit(
        home.grant_record(world.guest, jti="grant-0001", devices=[world.lock]),
        home.grant_record(world.guest, jti="grant-0000", devices=[world.lock]),
    )
    folded = home.head.state
    loaded = State.from_entries(folded.entries)
    assert loaded.root == folded.root == home.head.header.state_root
    assert loaded.entries == folded.entries
    assert loaded.configuration == folded.configuration
    assert loaded.grants_of(world.guest.did) == folded.grants_of(world.guest.did)
    records = [home.command_record(world.guest, world.lock), home.hub_record("hub 3")]
    one = execute(folded, records, time_ms=1)
    two = execute(loaded, records, time_ms=1)
    assert (one.state.root, one.decisions, one.changes) == (
        two.state.root,
        two.decisions,
        two.changes,
    )


# -------------------------------------------------------------------- building


def test_block_time_never_runs_backwards(world: World) -> None:
    before_ms = world.home.head.header.time_ms
    assert world.home.commit(time_s=1).header.time_ms == before_ms


def test_a_block_takes_as_many_records_as_fit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = world.home
    events = [home.event_record(world.lock, battery=number) for number in range(4)]
    monkeypatch.setattr(limits, "RECORDS_PER_BLOCK", 3)
    monkeypatch.setattr(limits, "BLOCK_BYTES", sum(len(event.raw) for event in events[:2]))
    built = home.commit(*events)
    assert built.records == tuple(events[:2])
    assert built.refused == ()
    monkeypatch.undo()
    assert home.commit(*events).records == tuple(events[2:])


def test_the_tree_grows_as_the_disk_will_keep_it(world: World) -> None:
    home = world.home
    built = home.commit(*[home.event_record(world.lock, battery=n) for n in range(5)])
    assert built.first_index == home.built[-2].frontier.size
    again, nodes = built.before.extend_recording(record.leaf for record in built.records)
    assert again == built.frontier
    assert tuple(nodes) == built.tree_nodes
    assert Frontier(built.header.tree_size, built.frontier.peaks).root() == (
        built.header.records_root
    )
    assert built.point.hash == built.hash


# -------------------------------------------------------------------- checking


def test_another_hub_makes_the_same_block(world: World) -> None:
    home = world.home
    built = home.commit(
        home.event_record(world.lock, bolt="locked"), home.command_record(world.guest, world.lock)
    )
    checked = recheck(home)
    assert checked.hash == built.hash
    assert checked.decisions == built.decisions
    assert checked.state.entries == built.state.entries
    assert checked.changes == built.changes
    assert checked.block == built.block


def test_an_empty_block_is_a_block(world: World) -> None:
    built = world.home.commit()
    assert built.header.record_count == 0
    assert recheck(world.home).hash == built.hash


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("home", bytes(32)),
        ("epoch", 1),
        ("configuration", bytes(32)),
        ("term", 0),
        ("term", 2),
        ("seq", 0),
        ("seq", 7),
        ("height", 9),
        ("parent", bytes(32)),
        ("time_ms", 0),
        ("record_count", 0),
        ("tree_size", 0),
        ("records_root", bytes(32)),
        ("state_root", bytes(32)),
        ("close", EpochClose(bytes(32), 3)),
    ],
)
def test_every_field_of_a_header_is_checked(world: World, field: str, value: Any) -> None:
    home = world.home
    built = home.commit(home.event_record(world.lock, bolt="locked"))
    header = write_header(replace(built.header, **{field: value}))
    # term 2 with the old seq, or seq 0 in the old term, is no slot that follows.
    expected = "term" if field == "seq" else field
    with pytest.raises(InvalidBlock, match=f"^{expected}"):
        recheck(home, Block(header, built.block.records))


@pytest.mark.parametrize("part", ["rank", "block"])
def test_a_block_is_justified_by_the_certificate_of_its_parent(world: World, part: str) -> None:
    home = world.home
    built = home.commit()
    value = Rank(0, 1, 0) if part == "rank" else bytes(32)
    justify = replace(built.header.justify, **{part: value})
    header = write_header(replace(built.header, justify=justify))
    with pytest.raises(InvalidBlock, match=r"^justify"):
        recheck(home, Block(header, ()))


def test_the_first_block_above_a_root_is_justified_by_the_root() -> None:
    home = MadeHome(hubs=3)
    built = home.commit()
    justify = replace(
        built.header.justify, endorsements=home.quorum(built, home.head.configuration).endorsements
    )
    header = write_header(replace(built.header, justify=justify))
    with pytest.raises(InvalidBlock, match=r"^justify"):
        recheck(home, Block(header, ()))


def test_a_later_term_starts_again_at_seq_zero(world: World) -> None:
    built = world.home.commit(new_term=True)
    assert (built.header.term, built.header.seq) == (2, 0)
    recheck(world.home)


def test_bytes_that_are_no_header_are_no_block(world: World) -> None:
    world.home.commit()
    with pytest.raises(InvalidBlock, match="header"):
        recheck(world.home, Block(b"\x00", ()))


def test_a_record_that_may_not_enter_spoils_the_block(world: World) -> None:
    home = world.home
    event = home.event_record(world.lock, bolt="locked")
    built = home.commit(event)
    twice = Block(built.block.header, (event.raw, event.raw))
    with pytest.raises(InvalidBlock, match="record 1 may not enter: counter_replayed"):
        recheck(home, twice)


def test_records_behind_a_membership_change_spoil_the_block(world: World) -> None:
    home = world.home
    event = home.event_record(world.lock, bolt="locked")
    built = home.commit(home.hub_record("hub 3"))
    with pytest.raises(InvalidBlock, match="epoch_closed"):
        recheck(home, Block(built.block.header, (*built.block.records, event.raw)))


def test_records_in_another_order_or_missing_spoil_the_block(world: World) -> None:
    home = world.home
    built = home.commit(*[home.event_record(world.lock, battery=n) for n in range(3)])
    header, records = built.block.header, built.block.records
    with pytest.raises(InvalidBlock, match="records_root"):
        recheck(home, Block(header, records[::-1]))
    with pytest.raises(InvalidBlock, match="record_count"):
        recheck(home, Block(header, records[:2]))


def test_too_many_records_spoil_the_block(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    home = world.home
    home.commit(*[home.event_record(world.lock, battery=n) for n in range(3)])
    monkeypatch.setattr(limits, "BLOCK_BYTES", 100)
    with pytest.raises(InvalidBlock, match="more records"):
        recheck(home)


def test_the_records_checked_are_those_of_the_block(world: World) -> None:
    home = world.home
    built = home.commit(home.event_record(world.lock, battery=1))
    with pytest.raises(InvalidBlock, match="not the block's"):
        check_block(chain=home.built[-2].point, block=built.block, records=[])


def test_a_leader_builds_only_in_its_own_epoch(world: World) -> None:
    chain = world.home.head.point
    with pytest.raises(AssertionError):
        build_block(
            chain=chain,
            records=[],
            slot=Rank(1, 1, 0),
            justify=root_certificate(1, chain.hash),
            time_ms=0,
        )


def test_a_header_says_what_was_frozen(world: World) -> None:
    assert read_header(world.home.head.block.header) == world.home.head.header
