"""What a leader puts into its next block."""

from msgspec import Struct

from homechain.consensus import effects as wanted
from homechain.ledger.blocks import BuiltBlock, build_block
from homechain.ledger.errors import Inadmissible
from homechain.ledger.records import SignedRecord
from homechain.model.records import HubRecord
from homechain.node.chain import Chain
from homechain.node.pool import Pool


class Built(Struct, frozen=True, kw_only=True):
    """The block, if there was something to put into one, and what can never enter the ledger."""

    block: BuiltBlock | None
    refused: tuple[tuple[SignedRecord, Inadmissible], ...]


def build(item: wanted.Build, *, chain: Chain, pool: Pool, now_ms: int) -> Built | None:
    """The block that the core wants, of what waits and is in no ancestor. None: no such parent."""
    point = chain.point(item.parent)
    if point is None:
        return None
    records = _membership_last(pool.take(but=chain.record_ids(item.parent)))
    if not records and not item.even_if_empty:
        return Built(block=None, refused=())
    block = build_block(
        chain=point,
        records=records,
        slot=item.slot,
        justify=item.justify,
        time_ms=max(point.header.time_ms, now_ms),
    )
    # What an open parent refuses may enter after all, if that parent never becomes final.
    final_parent = item.parent == chain.head.hash
    refused = tuple(
        (record, reason)
        for record, reason in block.refused
        if final_parent and reason.code != "epoch_closed"
    )
    return Built(block=block if block.records or item.even_if_empty else None, refused=refused)


def _membership_last(records: list[SignedRecord]) -> list[SignedRecord]:
    """At most one change of membership a block, and nothing behind it (R11)."""
    changes = [record for record in records if isinstance(record.payload, HubRecord)]
    return [r for r in records if not isinstance(r.payload, HubRecord)] + changes[:1]
