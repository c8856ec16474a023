"""Founding, building and checking of blocks.

May live here: what one block makes of a chain. May not: votes, terms and slots (`consensus`
re-checks R5 and R6), signatures (`records`, `certificates`) or storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from homechain.crypto.hashing import HASH_BYTES
from homechain.crypto.merkle import Frontier
from homechain.ledger.decisions import Decision
from homechain.ledger.errors import Inadmissible, InvalidBlock
from homechain.ledger.execution import Execution, execute, first_refused
from homechain.ledger.fold import first_draft
from homechain.ledger.headers import content_fault, link_fault
from homechain.ledger.records import SignedRecord, verify_record
from homechain.ledger.state import State
from homechain.model import limits
from homechain.model.blocks import (
    Block,
    Header,
    QuorumCertificate,
    Rank,
    block_hash,
    read_header,
    root_certificate,
    write_header,
)
from homechain.model.configuration import PROTOCOL_VERSION, Configuration
from homechain.model.errors import FormatError
from homechain.model.records import Genesis

NO_PARENT: Final = bytes(HASH_BYTES)
"""What the genesis block names as its parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPoint:
    """A block as its child needs it."""

    header: Header
    hash: bytes
    state: State
    """After the block."""
    frontier: Frontier
    """Of all records up to and with the block."""

    @property
    def home(self) -> bytes:
        """32 bytes: the home's id."""
        return self.header.home

    @property
    def height(self) -> int:
        """0 for the genesis block."""
        return self.header.height

    @property
    def configuration(self) -> Configuration:
        """The membership that decides a child: the next epoch's after a closing block."""
        return self.state.configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltBlock(ChainPoint):
    """A block together with all that it makes of its parent: what is stored when it is final."""

    block: Block
    records: tuple[SignedRecord, ...]
    decisions: tuple[Decision, ...]
    """One for each command, in order."""
    changes: Mapping[str, bytes | None]
    """State entries that the block set."""
    tree_nodes: tuple[tuple[int, int, bytes], ...]
    """Perfect subtrees that the block completed: (level, index, hash)."""
    before: Frontier
    """Of all records before the block."""
    next_configuration: Configuration | None = None
    """The configuration that begins after this block: of epoch 0 after the genesis block."""
    refused: tuple[tuple[SignedRecord, Inadmissible], ...] = field(default=())
    """What a leader was given and left out; nothing in a block that was checked."""

    @property
    def point(self) -> ChainPoint:
        """The block without its body, for whoever only keeps the head."""
        return ChainPoint(
            header=self.header, hash=self.hash, state=self.state, frontier=self.frontier
        )

    @property
    def first_index(self) -> int:
        """Leaf number of the block's first record in the ledger-wide tree."""
        return self.before.size


def found(genesis: SignedRecord) -> BuiltBlock:
    """The genesis block: height 0 of epoch 0, made of the genesis record alone.

    Every hub makes the same one from the same record. Its home is the record's id, its time the
    record's `iat`; it needs no proposal (stored as `b""`) and no commit certificate.
    Raises `Inadmissible` if the record is no genesis record, or not signed by its first owner.
    """
    if not isinstance(genesis.payload, Genesis):
        raise Inadmissible("malformed", f"a {genesis.kind} record founds no home")
    if not verify_record(genesis):
        raise Inadmissible("bad_signature", "the first owner did not sign the genesis record")
    time_ms = genesis.payload.iat * 1000
    if time_ms > limits.COUNTER_MAX:
        raise Inadmissible("malformed", "iat is beyond all calendars")
    state, changes = first_draft(genesis).finish()
    execution = Execution(
        state=state, changes=changes, accepted=(genesis,), refused=(), decisions=(), close=None
    )
    header = _unfilled(
        configuration=state.configuration,
        slot=Rank(0, 0, 0),
        height=0,
        parent=NO_PARENT,
        justify=root_certificate(0, NO_PARENT),
        time_ms=time_ms,
    )
    return _filled(
        header,
        before=Frontier.empty(),
        execution=execution,
        next_configuration=state.configuration,
    )


def build_block(
    *,
    chain: ChainPoint,
    records: Sequence[SignedRecord],
    slot: Rank,
    justify: QuorumCertificate,
    time_ms: int,
) -> BuiltBlock:
    """A leader's block on `chain` with as many of the verified `records` as fit and may enter.

    Block time is `time_ms`, or the parent's where that is later. Records beyond the limits of a
    block are neither in it nor in `refused`; those behind a hub record are `epoch_closed`.
    """
    assert slot.epoch == chain.configuration.epoch, "a leader builds in its own epoch"
    time_ms = max(time_ms, chain.header.time_ms)
    header = _unfilled(
        configuration=chain.configuration,
        slot=slot,
        height=chain.height + 1,
        parent=chain.hash,
        justify=justify,
        time_ms=time_ms,
    )
    execution = execute(chain.state, _fitting(records), time_ms=time_ms)
    return _filled(header, before=chain.frontier, execution=execution)


def check_block(*, chain: ChainPoint, block: Block, records: Sequence[SignedRecord]) -> BuiltBlock:
    """Make the block again and compare. `records` are its records, read and verified.

    Raises `InvalidBlock` unless header and body are exactly what `chain` and the records make:
    version, home, epoch, configuration, slot, height, parent, justification, time, counts, sizes,
    roots, closing mark, and no record that may not enter.
    """
    header = read_block_header(block)
    if tuple(record.raw for record in records) != block.records:
        raise InvalidBlock("the records handed in are not the block's")
    if len(_fitting(records)) != len(records):
        raise InvalidBlock("more records than a block may hold")
    if (
        fault := link_fault(
            chain.header, header, parent_hash=chain.hash, configuration=chain.configuration
        )
    ) is not None:
        raise InvalidBlock(f"{fault[0]}: {fault[1]}")
    built = rebuild(chain=chain, header=header, records=records)
    if built.refused:
        place = first_refused(records, built.records)
        raise InvalidBlock(f"record {place} may not enter: {built.refused[0][1]}")
    if (fault := content_fault(built.header, header)) is not None:
        raise InvalidBlock(f"{fault[0]}: {fault[1]}")
    assert built.block == block, "a block whose every field is right is the same block"
    return built


def read_block_header(block: Block) -> Header:
    """The header of a block; `InvalidBlock` where it is not one."""
    try:
        return read_header(block.header)
    except FormatError as error:
        raise InvalidBlock(str(error)) from error


def rebuild(*, chain: ChainPoint, header: Header, records: Sequence[SignedRecord]) -> BuiltBlock:
    """What `chain` and the records make under this header: its true counts and roots."""
    execution = execute(chain.state, records, time_ms=header.time_ms)
    return _filled(header, before=chain.frontier, execution=execution)


def _fitting(records: Sequence[SignedRecord]) -> Sequence[SignedRecord]:
    """As many of the first records as a block may hold."""
    size_bytes = 0
    for place, record in enumerate(records[: limits.RECORDS_PER_BLOCK]):
        size_bytes += len(record.raw)
        if size_bytes > limits.BLOCK_BYTES:
            return records[:place]
    return records[: limits.RECORDS_PER_BLOCK]


def _unfilled(
    *,
    configuration: Configuration,
    slot: Rank,
    height: int,
    parent: bytes,
    justify: QuorumCertificate,
    time_ms: int,
) -> Header:
    """A header whose counts and roots are still to come from the records."""
    return Header(
        version=PROTOCOL_VERSION,
        home=configuration.home,
        epoch=slot.epoch,
        configuration=configuration.hash(),
        term=slot.term,
        seq=slot.seq,
        height=height,
        parent=parent,
        justify=justify,
        time_ms=time_ms,
        record_count=0,
        tree_size=0,
        records_root=b"",
        state_root=b"",
    )


def _filled(
    header: Header,
    *,
    before: Frontier,
    execution: Execution,
    next_configuration: Configuration | None = None,
) -> BuiltBlock:
    records = execution.accepted
    frontier, nodes = before.extend_recording(record.leaf for record in records)
    header = structs.replace(
        header,
        record_count=len(records),
        tree_size=frontier.size,
        records_root=frontier.root(),
        state_root=execution.state.root,
        close=execution.close,
    )
    if execution.close is not None:
        next_configuration = execution.state.configuration
    header_bytes = write_header(header)
    return BuiltBlock(
        header=header,
        hash=block_hash(header_bytes),
        state=execution.state,
        frontier=frontier,
        block=Block(header_bytes, tuple(record.raw for record in records)),
        records=records,
        decisions=execution.decisions,
        changes=execution.changes,
        tree_nodes=tuple(nodes),
        before=before,
        next_configuration=next_configuration,
        refused=execution.refused,
    )
