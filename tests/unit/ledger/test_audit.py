"""What an audit finds beyond single changed bytes (those are in tests/property)."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from homechain.crypto.keys import verify_batch
from homechain.ledger import audit
from homechain.ledger.audit import Auditor
from homechain.ledger.errors import BrokenLedger
from homechain.ledger.headers import field_range
from homechain.ledger.records import SignatureCheck
from homechain.model import limits
from homechain.model.blocks import Block, CertifiedBlock, Rank, write_header
from homechain.model.records import EventRecord
from tests.fakes.home import Actor, MadeHome, made_key


class World:
    def __init__(self) -> None:
        self.home = MadeHome(hubs=3)
        self.lock = self.home.add_device("Front door")
        self.guest = self.home.add_person("Maria")
        for number in range(3):
            self.home.commit(self.home.event_record(self.lock, battery=number), certified=False)
        self.home.commit()

    def broken(self, blocks: Sequence[CertifiedBlock] | None = None) -> BrokenLedger:
        with pytest.raises(BrokenLedger) as found:
            run(self.home.blocks if blocks is None else blocks)
        return found.value


@pytest.fixture
def world() -> World:
    return World()


def run(blocks: Sequence[CertifiedBlock], *, home: bytes | None = None) -> Auditor:
    auditor = Auditor(home=home)
    auditor.feed(blocks)
    auditor.finish()
    return auditor


def test_a_right_ledger_passes_and_is_counted(world: World) -> None:
    auditor = run(world.home.blocks, home=world.home.id)
    progress = auditor.progress
    assert progress.blocks == len(world.home.blocks)
    assert progress.records == world.home.head.header.tree_size
    assert progress.final_height == world.home.head.height
    assert auditor.head is not None
    assert auditor.head.state.root == world.home.head.state.root


def test_a_home_that_was_only_founded_passes() -> None:
    run(MadeHome(hubs=1).blocks)


def test_blocks_may_come_one_at_a_time(world: World) -> None:
    auditor = Auditor()
    heights = [auditor.feed([block]).final_height for block in world.home.blocks]
    auditor.finish()
    assert heights == [0, 1, 2, 2, 2, 2, 6]


def test_signatures_are_checked_in_batches_by_whoever_the_caller_brings(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH_SIGNATURES", 4)
    batches: list[int] = []

    def verify(checks: Sequence[SignatureCheck]) -> list[bool]:
        batches.append(len(checks))
        return verify_batch(checks)

    auditor = Auditor(verify=verify)
    auditor.feed(world.home.blocks)
    progress = auditor.finish()
    assert len(batches) > 3
    assert progress.signatures == sum(batches)


def test_an_empty_ledger_is_broken(world: World) -> None:
    assert world.broken([]).reason == "the ledger is empty"


def test_a_tail_without_a_certificate_is_not_final(world: World) -> None:
    error = world.broken(world.home.blocks[:5])
    assert (error.height, error.part) == (3, "commit")


def test_the_ledger_of_another_home_is_refused(world: World) -> None:
    with pytest.raises(BrokenLedger, match="another home"):
        run(world.home.blocks, home=bytes(32))


def test_a_missing_repeated_or_moved_block_is_found(world: World) -> None:
    blocks = world.home.blocks
    assert world.broken([*blocks[:2], *blocks[3:]]).height == 2
    assert world.broken([*blocks[:3], *blocks[2:]]).height == 3
    assert world.broken([*blocks[:2], blocks[3], blocks[2], *blocks[4:]]).height == 2
    assert world.broken(blocks[1:]).height == 0


def test_a_record_that_another_record_replaced_is_found(world: World) -> None:
    home, blocks = world.home, list(world.home.blocks)
    other = home.event_record(world.lock, battery=99)
    blocks[4] = replace(blocks[4], block=Block(blocks[4].block.header, (other.raw,)))
    error = world.broken(blocks)
    assert (error.height, error.part) == (4, "header")
    assert "records_root" in error.reason
    assert error.byte_range == field_range(blocks[4].block.header, "records_root")


def test_a_record_too_many_or_too_few_is_found(world: World) -> None:
    blocks = list(world.home.blocks)
    extra = world.home.event_record(world.lock, battery=99)
    body = Block(blocks[4].block.header, (*blocks[4].block.records, extra.raw))
    blocks[4] = replace(blocks[4], block=body)
    assert "record_count" in world.broken(blocks).reason


def test_a_record_that_could_not_enter_is_named(world: World) -> None:
    blocks = list(world.home.blocks)
    raws = (*blocks[4].block.records, blocks[3].block.records[0])
    blocks[4] = replace(blocks[4], block=Block(blocks[4].block.header, raws))
    error = world.broken(blocks)
    assert (error.height, error.record) == (4, 1)
    assert "counter_replayed" in error.reason
    assert "block 4, record 1" in str(error)


def test_a_record_that_somebody_else_signed_is_named(world: World) -> None:
    home, blocks = world.home, list(world.home.blocks)
    forger = Actor(made_key("forger"), name="Forger")
    with pytest.raises(AssertionError):
        home.sign(forger, EventRecord, iss=world.lock.did, readings=[])
    raw = bytearray(blocks[3].block.records[0])
    raw[-3:-2] = b"A" if raw[-3:-2] != b"A" else b"B"
    blocks[3] = replace(blocks[3], block=Block(blocks[3].block.header, (bytes(raw),)))
    error = world.broken(blocks)
    assert (error.height, error.record, error.byte_range) == (3, 0, (0, len(raw)))


def test_too_many_records_are_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BLOCK_BYTES", 10)
    error = world.broken()
    assert (error.height, error.part) == (1, "records")


def test_a_genesis_block_is_its_record_alone(world: World) -> None:
    genesis, *rest = world.home.blocks
    commit = world.home.blocks[-1].commit
    twice = Block(genesis.block.header, genesis.block.records * 2)
    for damaged, part in (
        (replace(genesis, block=twice), "records"),
        (replace(genesis, proposal=bytes(64)), "proposal"),
        (replace(genesis, commit=commit), "commit"),
        (replace(genesis, block=Block(genesis.block.header + b"\0", twice.records[:1])), "header"),
    ):
        error = world.broken([damaged, *rest])
        assert (error.height, error.part) == (0, part)


def test_the_end_of_an_epoch_needs_its_own_certificate(world: World) -> None:
    home = world.home
    closing = home.commit(home.hub_record("hub 3"))
    home.commit()
    blocks = list(home.blocks)
    assert run(blocks).progress.final_height == home.head.height
    blocks[closing.height] = replace(blocks[closing.height], commit=None)
    error = world.broken(blocks)
    assert (error.height, error.part) == (closing.height, "commit")


def test_certificates_of_the_old_members_do_not_count_in_the_new_epoch(world: World) -> None:
    home = world.home
    old = home.head.configuration
    home.commit(home.hub_record("hub 3"))
    home.commit()
    blocks = list(home.blocks)
    blocks[-1] = replace(blocks[-1], commit=home.commit_certificate(home.head, old))
    error = world.broken(blocks)
    assert (error.height, error.part) == (home.head.height, "commit")


def test_a_block_that_the_wrong_hub_proposed_is_found(world: World) -> None:
    home, blocks = world.home, list(world.home.blocks)
    usurper = home.hub_key(home.head.configuration, (home.head.configuration.leader(1) + 1) % 3)
    blocks[3] = replace(blocks[3], proposal=usurper.sign(b"whatever it signed"))
    error = world.broken(blocks)
    assert (error.height, error.part, error.byte_range) == (3, "proposal", (0, 64))


def test_even_a_quorum_of_liars_cannot_state_a_wrong_root(world: World) -> None:
    home = world.home
    built = home.head
    header = replace(built.header, state_root=bytes(32))
    raw = write_header(header)
    blocks = list(home.blocks)
    blocks[-1] = replace(blocks[-1], block=Block(raw, built.block.records))
    error = world.broken(blocks)
    assert (error.height, error.part) == (built.height, "header")
    assert "state_root" in error.reason


def test_a_certificate_for_another_slot_is_found(world: World) -> None:
    blocks = list(world.home.blocks)
    commit = blocks[-1].commit
    assert commit is not None
    blocks[-1] = replace(blocks[-1], commit=replace(commit, rank=Rank(0, 7, 0)))
    assert "another slot" in world.broken(blocks).reason
