"""The rules themselves (consensus.md, R0 to R11), each a pure yes or no.

May live here: predicates over the safety record, a configuration and what is asked. May not: state,
effects, time. The modules around it call these and nothing else before a hub signs anything.
"""

from homechain.consensus.inputs import BlockSummary, ProposalSeen
from homechain.consensus.safety import SafetyRecord
from homechain.model.blocks import (
    ElectionCertificate,
    EpochClose,
    QuorumCertificate,
    Rank,
)
from homechain.model.configuration import Configuration, commits_to_close
from homechain.model.statements import Vote


def may_lead(configuration: Configuration, *, hub: int, term: int) -> bool:
    """R0: the rotation names one leader a term; term 0 of an epoch has none."""
    return term > 0 and configuration.leader(term) == hub


def may_propose(*, term: int, restarted_in: int) -> bool:
    """R9: never in the term that a restarted hub found on its disk."""
    return term > restarted_in


def joins_at(configuration: Configuration) -> int:
    """R1: so many distinct pre-votes carry everybody else along."""
    return configuration.size - configuration.quorum + 1


def may_vote(record: SafetyRecord, term: int) -> bool:
    """R3: once per term, never below a promise."""
    return term >= record.term and (record.voted is None or record.voted.term < term)


def is_elected(configuration: Configuration, term: int, votes: list[Vote]) -> bool:
    """R4: a quorum of distinct hubs for one epoch and term."""
    same = [v for v in votes if v.epoch == configuration.epoch and v.term == term]
    return len({vote.signer for vote in same}) >= configuration.quorum


def elected_rank(election: ElectionCertificate) -> Rank:
    """R5: the first block of the term stands on a certificate at least this high."""
    return max(vote.high_rank for vote in election.endorsements)


def is_high_enough(election: ElectionCertificate, base: QuorumCertificate) -> bool:
    """R5: nothing that a voter of the term held may be above what the term begins on."""
    return elected_rank(election) <= base.rank


def outranks(first: QuorumCertificate, second: QuorumCertificate) -> bool:
    """Certificates are ordered by (epoch, term, seq), never by height."""
    return first.rank > second.rank


def justifies_first(election: ElectionCertificate | None, proposal: ProposalSeen) -> bool:
    """R5: elected in this very term, justified by an older term's certificate, high enough."""
    slot, justify = proposal.slot, proposal.justify
    return (
        election is not None
        and (election.epoch, election.term) == (slot.epoch, slot.term)
        and justify.rank.epoch == slot.epoch
        and is_high_enough(election, justify)
        and justify.rank.term < slot.term
    )


def justifies_next(proposal: ProposalSeen) -> bool:
    """R6: the parent is certified in exactly the slot before."""
    slot = proposal.slot
    return proposal.justify.rank == Rank(slot.epoch, slot.term, slot.seq - 1)


def slot_is_free(record: SafetyRecord, slot: Rank) -> bool:
    """R6: seq 0 only if nothing was prepared in the term, later ones above the last prepared."""
    last = record.prepared
    if last is None or last.rank.term < slot.term:
        return True
    return slot.seq > 0 and last.rank < slot


def is_again(proposal: ProposalSeen) -> bool:
    """R11: the closing block itself, proposed once more as the first block of a later term."""
    return (
        proposal.slot.seq == 0
        and proposal.summary.closes is not None
        and proposal.summary.hash == proposal.justify.block
    )


def links(proposal: ProposalSeen, parent: BlockSummary | None) -> bool:
    """The header names this slot, this parent and this justification, above no closing block (R11).

    `parent` is None where the parent is the epoch's root.
    """
    if is_again(proposal):
        return True
    header, justify = proposal.summary, proposal.justify
    return (
        header.slot == proposal.slot
        and header.parent == justify.block
        and (header.justify.rank, header.justify.block) == (justify.rank, justify.block)
        and may_stand_on(parent)
    )


def may_stand_on(parent: BlockSummary | None) -> bool:
    """R11: nothing stands above a closing block in its own epoch."""
    return parent is None or parent.closes is None


def may_prepare(
    record: SafetyRecord, proposal: ProposalSeen, *, parent: BlockSummary | None
) -> bool:
    """R6. The voter's own lock is not consulted: the election certificate overrides it."""
    slot = proposal.slot
    if (slot.epoch, slot.term) != (record.epoch, record.term):
        return False
    if slot.seq == 0:
        justified = justifies_first(proposal.election, proposal)
    else:
        justified = justifies_next(proposal)
    return justified and slot_is_free(record, slot) and links(proposal, parent)


def may_commit(record: SafetyRecord, certificate: QuorumCertificate) -> bool:
    """R7: only in the certificate's own term."""
    return (certificate.rank.epoch, certificate.rank.term) == (record.epoch, record.term)


def counts_as_commit(*, child: Rank, child_justify: Rank, block: Rank) -> bool:
    """R7: a prepare for a child in the same term commits the block that justifies it."""
    return child_justify == block and child == Rank(block.epoch, block.term, block.seq + 1)


def commits_needed(configuration: Configuration, closes: EpochClose | None) -> int:
    """R8, R11: a quorum; more for the block that closes an epoch."""
    if closes is None:
        return configuration.quorum
    return commits_to_close(configuration, next_size=closes.next_size)
