"""What a leader puts into its next block, and how it proposes it."""

import logging

from msgspec import Struct

from homechain.consensus import effects as wanted
from homechain.ledger.blocks import BuiltBlock, build_block
from homechain.ledger.records import SignedRecord
from homechain.model.configuration import Configuration
from homechain.model.records import HubRecord
from homechain.model.statements import Proposal
from homechain.node.chain import Chain, ChainFull
from homechain.node.pool import Pool
from homechain.node.ports import Clock
from homechain.node.voice import Voice

logger = logging.getLogger(__name__)


class Built(Struct, frozen=True, kw_only=True):
    """The block, if there was something to put into one, and what its parent could not take."""

    block: BuiltBlock | None
    refused: tuple[SignedRecord, ...]


NOTHING = Built(block=None, refused=())


class Builder:
    """A leader's work on one block at a time."""

    def __init__(self, *, chain: Chain, pool: Pool, clock: Clock, voice: Voice) -> None:
        self._chain = chain
        self._pool = pool
        self._clock = clock
        self._voice = voice
        self._newest: BuiltBlock | None = None

    def build(self, item: wanted.Build) -> Built:
        """See `build`; the block is kept until it is proposed."""
        built = build(item, chain=self._chain, pool=self._pool, now_ms=self._clock.wall_ms())
        self._newest = built.block
        return built

    def propose(
        self, item: wanted.Propose, configuration: Configuration, *, me: int
    ) -> tuple[Proposal, BuiltBlock] | None:
        """The signed proposal, its block kept in the chain.

        None where the block became final, or the term ended, while this waited for the disk.
        """
        known = self._chain.open_block(item.block)
        block = known.built if known is not None else self._newest
        if block is None or block.hash != item.block:
            return None
        proposal = self._voice.proposal(
            item, block, configuration, me=me, original=known.proposal if known else b""
        )
        if known is None:
            try:
                self._chain.add(block, proposal=proposal.signature)
            except ChainFull:
                logger.warning("too many undecided blocks: proposing nothing for now")
                return None
        return proposal, block


def build(item: wanted.Build, *, chain: Chain, pool: Pool, now_ms: int) -> Built:
    """The block that the core wants, of what waits and is in no ancestor.

    Nothing, where the parent is no longer the head or open: sync went past it meanwhile.
    """
    point = chain.point(item.parent)
    if point is None:
        return NOTHING
    records = _membership_last(pool.take(but=chain.record_ids(item.parent)))
    if not records and not item.even_if_empty:
        return NOTHING
    block = build_block(
        chain=point,
        records=records,
        slot=item.slot,
        justify=item.justify,
        time_ms=max(point.header.time_ms, now_ms),
    )
    return Built(
        block=block if block.records or item.even_if_empty else None,
        refused=tuple(record for record, _ in block.refused),
    )


def _membership_last(records: list[SignedRecord]) -> list[SignedRecord]:
    """At most one change of membership a block, and nothing behind it (R11)."""
    changes = [record for record in records if isinstance(record.payload, HubRecord)]
    return [r for r in records if not isinstance(r.payload, HubRecord)] + changes[:1]
