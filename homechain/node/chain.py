"""The final head, and the blocks above it that may or may not become final.

Open blocks form a small tree over the head; each is kept with the state after it, so that a child
can be built or checked at once. Memory is bounded by `OPEN_BLOCKS`.
"""

from typing import Final

from msgspec import Struct

from homechain.consensus.inputs import BlockSummary
from homechain.ledger.blocks import BuiltBlock, ChainPoint
from homechain.model.blocks import CommitCertificate, Rank
from homechain.node.ports import FinalBlock, StoredBlock

OPEN_BLOCKS: Final = 64
"""Most blocks above the head that are kept at once. Honest leaders leave one or two."""


class OpenBlock(Struct, frozen=True, kw_only=True):
    """A block that was checked here, with the leader's signature for its slot."""

    built: BuiltBlock
    proposal: bytes


class ChainFull(Exception):
    """More open blocks than any honest home makes."""


class Chain:
    """What this hub can build on."""

    def __init__(self, head: ChainPoint, *, commit: CommitCertificate | None) -> None:
        self.head = head
        self.commit = commit
        """Certificate of the head itself; None only for the genesis block."""
        self._open: dict[bytes, OpenBlock] = {}
        self._pinned: set[bytes] = set()

    def __contains__(self, block: bytes) -> bool:
        return block == self.head.hash or block in self._open

    def point(self, block: bytes) -> ChainPoint | None:
        """State and roots after `block`, if it is the head or open."""
        if block == self.head.hash:
            return self.head
        found = self._open.get(block)
        return found.built if found else None

    def open_block(self, block: bytes) -> OpenBlock | None:
        """An open block by hash."""
        return self._open.get(block)

    def add(self, built: BuiltBlock, *, proposal: bytes) -> None:
        """Keeps a checked block whose parent is the head or open.

        When there are too many, the oldest that nobody counts on gives way: a leader that proposes
        a hundred blocks for one slot cannot keep the next leader's out. `ChainFull` if all count.
        """
        if built.hash in self._open:
            return
        if len(self._open) >= OPEN_BLOCKS:
            self._make_room(built.header.parent)
        self._open[built.hash] = OpenBlock(built=built, proposal=proposal)

    def pin(self, block: bytes) -> None:
        """`block` is, or will be, on disk under this hub's word: it stays until it is decided."""
        if block in self._open:
            self._pinned.add(block)

    def _make_room(self, parent: bytes) -> None:
        needed = self._pinned | {parent}
        needed |= {step.built.header.parent for step in self._open.values()}
        spare = next((block for block in self._open if block not in needed), None)
        if spare is None:
            raise ChainFull
        del self._open[spare]

    def path(self, block: bytes) -> list[OpenBlock] | None:
        """Open blocks from just above the head up to `block`; None where one is missing."""
        found: list[OpenBlock] = []
        cursor = block
        while cursor != self.head.hash:
            step = self._open.get(cursor)
            if step is None:
                return None
            found.append(step)
            cursor = step.built.header.parent
        return found[::-1]

    def open_points(self) -> list[ChainPoint]:
        """Every open block, lowest first."""
        return sorted((step.built for step in self._open.values()), key=lambda b: b.height)

    def record_ids(self, block: bytes) -> set[bytes]:
        """Ids of the records in open blocks up to and with `block`."""
        return {record.id for step in self.path(block) or [] for record in step.built.records}

    def stored(self, block: bytes) -> StoredBlock | None:
        """`block` as the disk keeps it while it is open."""
        found = self._open.get(block)
        if found is None:
            return None
        return StoredBlock(hash=block, block=found.built.block, proposal=found.proposal)

    def advance(self, step: OpenBlock, *, commit: CommitCertificate | None) -> None:
        """`step`, directly above the head, is final and durable. Blocks beside it are forgotten."""
        head = step.built
        assert head.header.parent == self.head.hash, "final blocks follow one another"
        self.head = head.point
        self.commit = commit
        kept = {head.hash}
        for block, candidate in sorted(
            self._open.items(), key=lambda entry: entry[1].built.header.height
        ):
            if candidate.built.header.parent in kept:
                kept.add(block)
        kept.discard(head.hash)
        self._open = {block: step for block, step in self._open.items() if block in kept}
        self._pinned &= kept


def summary(point: ChainPoint) -> BlockSummary:
    """What the core needs to know of a block."""
    header = point.header
    return BlockSummary(
        hash=point.hash,
        parent=header.parent,
        slot=Rank(header.epoch, header.term, header.seq),
        height=header.height,
        justify=header.justify,
        closes=header.close,
    )


def final_block(step: OpenBlock, *, commit: CommitCertificate | None) -> FinalBlock:
    """Everything that `step` changes on disk when it becomes final."""
    built = step.built
    return FinalBlock(
        hash=built.hash,
        height=built.header.height,
        block=built.block,
        proposal=step.proposal,
        commit=commit,
        time_ms=built.header.time_ms,
        first_index=built.first_index,
        records=built.records,
        decisions=built.decisions,
        state_changes=built.changes,
        tree_nodes=built.tree_nodes,
        configuration=built.next_configuration,
    )
