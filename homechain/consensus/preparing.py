"""From a proposal to its prepare certificate (R0, R5, R6).

May live here: judging proposals, counting prepares. May not: commits, or making blocks.
"""

from typing import Final

from homechain.consensus import rules
from homechain.consensus.effects import Accuse
from homechain.consensus.helping import own_prepare
from homechain.consensus.inputs import (
    BlockAvailable,
    BlockSummary,
    ProposalRefused,
    ProposalSeen,
    QuorumShown,
)
from homechain.consensus.safety import Prepared
from homechain.consensus.state import Hub
from homechain.consensus.tally import quorum_certificate
from homechain.consensus.terms import learn_election, learn_quorum
from homechain.consensus.voting import is_of_this_term
from homechain.model.blocks import Rank
from homechain.model.statements import Prepare

UNDECIDED_BLOCKS: Final = 64
"""Most blocks above the final chain that are kept in mind."""


def on_proposal(hub: Hub, event: ProposalSeen) -> None:
    """R6: prepares a leader's block if every rule allows it. Its certificates are learnt anyway."""
    slot = event.slot
    if slot.epoch != hub.safety.epoch or hub.me is None:
        return
    if not rules.may_lead(hub.configuration, hub=event.signer, term=slot.term):
        return
    if event.election is not None:
        learn_election(hub, event.election)
    learn_quorum(hub, event.justify)
    if slot.term != hub.term:
        return
    first = hub.tally.proposals.first(slot.seq, event.signer, event)
    if first is not None and first.summary.hash != event.summary.hash:
        hub.do(Accuse("proposal", event.signer, first, event))
    prepared = hub.safety.prepared
    if prepared is not None and (prepared.rank, prepared.block) == (slot, event.summary.hash):
        return  # said before; repeated by itself while undecided
    parent = parent_of(hub, event)
    below = event.summary.hash if rules.is_again(event) else event.summary.parent
    if hub.extends_final(below) and rules.may_prepare(hub.safety, event, parent=parent):
        prepare(hub, event)


def parent_of(hub: Hub, event: ProposalSeen) -> BlockSummary | None:
    """What the block stands on; None for an epoch's root."""
    return hub.summary_of(event.summary.parent)


def prepare(hub: Hub, event: ProposalSeen) -> None:
    """Body, justifying certificate and prepare go to disk together; then it is said."""
    summary, justify = event.summary, event.justify
    known = summary.hash in hub.chain
    if not (hub.is_behind(hub.safety.high) or hub.prepared_in_vain()):
        # A home at rest makes no progress and needs none: patience begins with the work.
        hub.pace.progress_ms = hub.now_ms
    prepared = Prepared(event.slot, summary.hash, justify.rank, justify.block)
    hub.remember(hub.safety._replace(prepared=prepared), store=None if known else summary.hash)
    keep_in_mind(hub, summary)
    assert hub.me is not None
    statement = own_prepare(hub, hub.me)
    assert statement is not None
    hub.say(statement)


def keep_in_mind(hub: Hub, summary: BlockSummary) -> None:
    """Notes a durable body; the lowest slots give way when there are too many."""
    if summary.height <= hub.safety.committed_height:
        return
    hub.chain[summary.hash] = summary
    while len(hub.chain) > UNDECIDED_BLOCKS:
        needed = {hub.safety.high.block, summary.hash}
        spare = [block for block in hub.chain.values() if block.hash not in needed]
        del hub.chain[min(spare, key=lambda block: block.slot).hash]


def on_refused(hub: Hub, event: ProposalRefused) -> None:
    """The leader's block is not valid here: a reason to want another leader, no more."""
    slot = event.slot
    ours = (slot.epoch, slot.term) == (hub.safety.epoch, hub.term)
    if ours and rules.may_lead(hub.configuration, hub=event.signer, term=slot.term):
        hub.pace.refused = True


def on_prepare(hub: Hub, statement: Prepare) -> None:
    """Counts it, once a signer and slot; a quorum makes the certificate."""
    if statement.epoch == hub.safety.epoch and statement.term > hub.term:
        keep_early(hub, statement)
    if not is_of_this_term(hub, statement):
        return
    first = hub.tally.prepares.first(statement.seq, statement.signer, statement)
    if first is None:
        return
    said, before = ((one.block, one.justify_rank, one.justify_block) for one in (statement, first))
    if said != before:
        hub.do(Accuse("prepare", statement.signer, first, statement))
        return
    if Rank(statement.epoch, statement.term, statement.seq) > hub.safety.high.rank:
        prepares = hub.tally.prepares.of(statement.seq).values()
        certificate = quorum_certificate(prepares, hub.configuration.quorum)
        if certificate is not None:
            learn_quorum(hub, certificate)


def keep_early(hub: Hub, statement: Prepare) -> None:
    """It may come before the proof of its term: the newest of each signer waits."""
    key = (statement.signer, Prepare)
    before = hub.early.get(key)
    if before is None or (before.term, before.seq) < (statement.term, statement.seq):
        hub.early[key] = statement


def on_quorum(hub: Hub, event: QuorumShown) -> None:
    """A certificate that others made."""
    learn_quorum(hub, event.certificate)


def on_block(hub: Hub, event: BlockAvailable) -> None:
    """A certified body came after all."""
    keep_in_mind(hub, event.summary)
