"""Any single changed byte of a stored ledger is found, and found where it is."""

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from homechain.ledger.audit import Auditor
from homechain.ledger.errors import BrokenLedger
from homechain.model.blocks import Block, CertifiedBlock, CommitCertificate
from homechain.model.records import DeviceKind, Role
from tests.fakes.home import MadeHome


@cache
def made_ledger() -> tuple[bytes, tuple[CertifiedBlock, ...]]:
    """A home with every kind of record, uncertified blocks, a new term and a new hub."""
    home = MadeHome(hubs=3)
    lock = home.add_device("Front door")
    camera = home.add_device("Porch", kind=DeviceKind.CAMERA, area="Outside")
    maria = home.add_person("Maria")
    ben = home.add_person("Ben", role=Role.RESIDENT)
    home.commit(home.grant_record(maria, jti="grant-0001", devices=[lock]), certified=False)
    command = home.command_record(maria, lock)
    home.commit(command, home.command_record(maria, camera, "take_still"), certified=False)
    home.commit(home.outcome_record(lock, command), home.event_record(lock, bolt="unlocked"))
    home.commit(home.revoke_record("grant-0001"), new_term=True)
    home.commit(home.event_record(lock, battery=80), home.hub_record("hub 3"))
    home.commit(home.retire_record(camera, by=ben), certified=False)
    home.commit(home.command_record(ben, lock, "lock"))
    return home.id, tuple(home.blocks)


def audit(blocks: list[CertifiedBlock]) -> None:
    auditor = Auditor(home=made_ledger()[0])
    auditor.feed(blocks)
    auditor.finish()


def parts_of(certified: CertifiedBlock) -> dict[str, bytes]:
    """Every stored byte string of a block, by name."""
    parts = {"header": certified.block.header}
    parts |= {f"record {n}": raw for n, raw in enumerate(certified.block.records)}
    if certified.proposal:
        parts["proposal"] = certified.proposal
    if certified.commit is not None:
        parts["commit"] = msgspec.msgpack.encode(certified.commit)
    return parts


def with_part(certified: CertifiedBlock, part: str, data: bytes) -> CertifiedBlock | None:
    """The block with one part changed; None where it cannot even be decoded."""
    if part == "header":
        return replace(certified, block=Block(data, certified.block.records))
    if part == "proposal":
        return replace(certified, proposal=data)
    if part == "commit":
        try:
            commit = msgspec.msgpack.decode(data, type=CommitCertificate)
        except msgspec.MsgspecError:
            return None
        assert commit != certified.commit
        return replace(certified, commit=commit)
    records = list(certified.block.records)
    records[int(part.split()[1])] = data
    return replace(certified, block=Block(certified.block.header, tuple(records)))


def check_is_found(height: int, part: str, place: int, bit: int) -> None:
    _, blocks = made_ledger()
    data = bytearray(parts_of(blocks[height])[part])
    data[place] ^= 1 << bit
    damaged = with_part(blocks[height], part, bytes(data))
    if damaged is None:
        return
    with pytest.raises(BrokenLedger) as found:
        audit([*blocks[:height], damaged, *blocks[height + 1 :]])
    error = found.value
    assert error.height == height
    if part.startswith("record"):
        assert error.record == int(part.split()[1])
        assert error.byte_range is not None
        assert error.byte_range[0] <= place < error.byte_range[1]
    elif part == "header":
        assert error.part == "header"
    else:
        assert error.part == part


def test_an_untouched_ledger_passes() -> None:
    audit(list(made_ledger()[1]))


@given(st.data())
def test_any_changed_byte_is_found_where_it_is(data: st.DataObject) -> None:
    _, blocks = made_ledger()
    height = data.draw(st.integers(0, len(blocks) - 1))
    parts = parts_of(blocks[height])
    part = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[part]) - 1))
    check_is_found(height, part, place, data.draw(st.integers(0, 7)))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["header", "record 0", "proposal", "commit"])
def test_every_byte_of_a_block_counts(part: str) -> None:
    height = 7
    for place in range(len(parts_of(made_ledger()[1][height])[part])):
        check_is_found(height, part, place, place % 8)
