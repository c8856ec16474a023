"""Blocks, and messages that carry them, as the simulator knows them: contents are numbers."""

import hashlib
from dataclasses import dataclass
from typing import Any

from homechain.consensus.inputs import BlockSummary
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    EpochClose,
    QuorumCertificate,
    Rank,
)
from homechain.model.configuration import Configuration


@dataclass(frozen=True, slots=True)
class SimBlock:
    """A header and its records."""

    summary: BlockSummary
    records: tuple[int, ...]
    next_configuration: Configuration | None = None

    @property
    def hash(self) -> bytes:
        return self.summary.hash


def make_block(
    *,
    slot: Rank,
    parent: bytes,
    height: int,
    justify: QuorumCertificate,
    records: tuple[int, ...],
    next_configuration: Configuration | None = None,
) -> SimBlock:
    """A block whose hash covers everything in it."""
    close = None
    if next_configuration is not None:
        close = EpochClose(next_configuration.hash(), next_configuration.size)
    content = repr((slot, parent, height, justify.rank, justify.block, records, close)).encode()
    name = hashlib.sha256(content).digest()
    return SimBlock(
        BlockSummary(name, parent, slot, height, justify, close), records, next_configuration
    )


GENESIS = b"genesis" + bytes(25)


@dataclass(frozen=True, slots=True)
class SimProposal:
    """A leader's block on its way."""

    slot: Rank
    signer: int
    block: SimBlock
    justify: QuorumCertificate
    election: ElectionCertificate | None
    signature: bytes


@dataclass(frozen=True, slots=True)
class Final:
    """A final block, with its commit certificate if it has one of its own."""

    block: SimBlock
    commit: CommitCertificate | None


@dataclass(frozen=True, slots=True)
class Status:
    hub: str
    epoch: int
    term: int
    height: int


@dataclass(frozen=True, slots=True)
class Shown:
    epoch: int
    certificate: Any


@dataclass(frozen=True, slots=True)
class Records:
    records: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BlocksWanted:
    from_height: int


@dataclass(frozen=True, slots=True)
class FinalBlocks:
    blocks: tuple[Final, ...]


@dataclass(frozen=True, slots=True)
class BlockWanted:
    block: bytes


@dataclass(frozen=True, slots=True)
class BlockGiven:
    block: SimBlock
