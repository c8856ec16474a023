"""Execution, founding, building and checking of blocks.

The rule of a block: first all its records apply, in order; then every command of the block is
decided, in order, against the resulting state. So the state root in the header proves exactly the
state that decided, and a device can repeat the decision from proven entries.

May live here: what one block makes of a chain. May not: votes, terms and slots (`consensus`
re-checks R5 and R6), signatures (`records`, `certificates`) or storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from homechain.crypto.merkle import Frontier
from homechain.ledger.decisions import Decision
from homechain.ledger.errors import Inadmissible, InvalidBlock
from homechain.ledger.records import SignedRecord
from homechain.ledger.state import State
from homechain.model.blocks import Block, EpochClose, Header, QuorumCertificate, Rank
from homechain.model.configuration import Configuration


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What becomes of a state under some records."""

    state: State
    changes: Mapping[str, bytes | None]
    accepted: tuple[SignedRecord, ...]
    refused: tuple[tuple[SignedRecord, Inadmissible], ...]
    decisions: tuple[Decision, ...]
    close: EpochClose | None
    """Set where the last accepted record changes the membership (R11)."""


def found(genesis: SignedRecord) -> BuiltBlock:
    """The genesis block: height 0 of epoch 0, made of the genesis record alone.

    Every hub makes the same one from the same record. Its home is the record's id, its time the
    record's `iat`; it needs no proposal (stored as `b""`) and no commit certificate.
    Raises `Inadmissible` if the record is no genesis record or its names are not names.
    """
    raise NotImplementedError


def execute(state: State, records: Sequence[SignedRecord], *, time_ms: int) -> Execution:
    """Apply records in order, then decide the accepted commands. `time_ms` is the block's time.

    A refused record changes nothing and the rest goes on. After an accepted hub record everything
    else is refused as `epoch_closed`: it waits for the next epoch.
    """
    raise NotImplementedError


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
    raise NotImplementedError


def check_block(*, chain: ChainPoint, block: Block, records: Sequence[SignedRecord]) -> BuiltBlock:
    """Make the block again and compare. `records` are its records, read and verified.

    Raises `InvalidBlock` unless header and body are exactly what `chain` and the records make:
    version, home, epoch, configuration, slot, height, parent, justification, time, counts, sizes,
    roots, closing mark, and no record that may not enter.
    """
    raise InvalidBlock("not checked")
