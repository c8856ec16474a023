import msgspec
import pytest

from homechain.consensus.core import Consensus
from homechain.consensus.inputs import BlockSummary
from homechain.consensus.safety import Prepared, Promise, SafetyRecord, first_record
from homechain.consensus.timing import Timing
from homechain.model.blocks import Rank, root_certificate
from homechain.model.configuration import configuration

HOME = configuration(home=b"home", epoch=0, members=("a", "b", "c"))
RECORD = first_record(epoch=0, root=b"root", height=0)
BLOCK = BlockSummary(b"x", b"root", Rank(0, 1, 0), 1, root_certificate(0, b"root"), None)


def start(safety: SafetyRecord, head: BlockSummary | None) -> Consensus:
    return Consensus(HOME, me=0, safety=safety, head=head, chain=(), commit=None, timing=Timing())


def test_a_record_is_read_back_from_its_bytes() -> None:
    record = RECORD._replace(
        term=4,
        voted=Promise(4, RECORD.high),
        prepared=Prepared(Rank(0, 4, 1), b"x", Rank(0, 4, 0), b"w"),
    )
    data = msgspec.msgpack.encode(record)
    assert msgspec.msgpack.decode(data, type=SafetyRecord) == record


def test_a_database_behind_the_record_is_refused() -> None:
    ahead = RECORD._replace(committed_height=2, committed_block=b"y")
    with pytest.raises(ValueError, match="safety record says 2"):
        start(ahead, BLOCK)


def test_another_final_block_than_the_record_names_is_refused() -> None:
    other = RECORD._replace(committed_height=1, committed_block=b"y")
    with pytest.raises(ValueError, match="not the one in the safety record"):
        start(other, BLOCK)


def test_a_record_of_another_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match="epoch 1"):
        start(first_record(epoch=1, root=b"k", height=3), None)


def test_blocks_that_came_by_sync_move_the_head_on() -> None:
    core = start(RECORD, BLOCK)
    assert (core.committed_height, core.committed_block) == (1, b"x")
