"""Where a hub stands when it starts, and when an epoch begins (R9, R11, R13).

May live here: making the state of a hub. May not: what it does with it.
"""

from collections.abc import Sequence
from dataclasses import fields

from homechain.consensus.inputs import BlockSummary, EpochEntered
from homechain.consensus.roles import Candidate, Observer
from homechain.consensus.safety import SafetyRecord, first_record
from homechain.consensus.state import Hub, Pace
from homechain.consensus.timing import Timing
from homechain.model.blocks import CommitCertificate
from homechain.model.configuration import Configuration


def started(
    configuration: Configuration,
    *,
    me: int | None,
    safety: SafetyRecord,
    head: BlockSummary | None,
    chain: Sequence[BlockSummary],
    commit: CommitCertificate | None,
    timing: Timing,
) -> Hub:
    """A hub after a start. `ValueError`: a record of another epoch, or ahead of the blocks."""
    if safety.epoch != configuration.epoch:
        raise ValueError(f"safety record of epoch {safety.epoch}, home in {configuration.epoch}")
    if me is not None and not 0 <= me < configuration.size:
        raise ValueError(f"no member {me} among {configuration.size}")
    height = head.height if head is not None else 0
    same_height = head is not None and height == safety.committed_height
    if same_height and head is not None and head.hash != safety.committed_block:
        raise ValueError("the newest final block is not the one in the safety record")
    if head is not None and height > safety.committed_height:
        # Blocks that came by sync are durable before the record says so.
        rank = max(safety.committed_rank, commit.rank) if commit else safety.committed_rank
        safety = safety._replace(
            committed_rank=rank, committed_block=head.hash, committed_height=height
        )
    elif height < safety.committed_height and safety.committed_block != safety.root:
        raise ValueError(f"blocks up to {height}, safety record says {safety.committed_height}")
    return Hub(
        configuration=configuration,
        me=me,
        timing=timing,
        safety=safety,
        chain={block.hash: block for block in chain if block.height > safety.committed_height},
        head=head,
        commit=commit if commit and commit.rank.epoch == safety.epoch else None,
        restarted_in=safety.term,
        role=Observer() if me is None else Candidate(),
    )


def on_epoch(hub: Hub, event: EpochEntered) -> None:
    """R11: the closing block is final and durable; the next epoch begins at its root, in term 0."""
    if event.configuration.epoch <= hub.safety.epoch:
        return
    hub.flush()
    fresh = Hub(
        configuration=event.configuration,
        me=event.me,
        timing=hub.timing,
        safety=first_record(epoch=event.configuration.epoch, root=event.root, height=event.height),
        chain={},
        head=None,
        commit=None,
        restarted_in=-1,
        role=Observer() if event.me is None else Candidate(),
        pace=Pace(started_ms=hub.now_ms, progress_ms=hub.now_ms, heard_ms=hub.now_ms),
        pending_count=hub.pending_count,
        pending_oldest_ms=hub.pending_oldest_ms,
        pending_version=hub.pending_version + 1,
        now_ms=hub.now_ms,
        entropy=hub.entropy,
        effects=hub.effects,
    )
    for field in fields(Hub):
        setattr(hub, field.name, getattr(fresh, field.name))
    hub.remember(hub.safety)
    hub.flush()
