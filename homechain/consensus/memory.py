"""Does this hub remember everything that its key signed? (R13)

A disk image that was put back forgets. Whoever sees its own signature under something that the
safety record does not imply must never sign again with that key: it would contradict itself.
May live here: the comparison, and what reminds others. May not: what follows for the owner.
"""

from homechain.consensus.effects import Quarantine, Remind
from homechain.consensus.roles import Observer
from homechain.consensus.state import Hub
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    QuorumCertificate,
    Rank,
)
from homechain.model.statements import Commit, Prepare, Vote

Proof = Vote | Prepare | Commit | QuorumCertificate | CommitCertificate | ElectionCertificate


def check(hub: Hub, proof: object) -> None:
    """Stops this hub if `proof` carries its own signature and its record knows nothing of it."""
    if hub.me is None or is_remembered(hub, hub.me, proof):
        return
    hub.do(Quarantine(proof))
    hub.me, hub.role = None, Observer()


def is_remembered(hub: Hub, me: int, proof: object) -> bool:
    """Does the safety record imply what this hub said in `proof`, if anything?"""
    match proof:
        case Vote(epoch=epoch, term=term, signer=signer, high=high) if signer == me:
            return epoch != hub.safety.epoch or knows_vote(hub, term, high.rank)
        case Prepare(epoch=epoch, term=term, seq=seq, signer=signer) if signer == me:
            return knows_prepare(hub, Rank(epoch, term, seq))
        case Commit(epoch=epoch, term=term, seq=seq, signer=signer) if signer == me:
            return knows_commit(hub, Rank(epoch, term, seq))
        case QuorumCertificate(rank=rank, endorsements=entries):
            return all(entry.signer != me for entry in entries) or knows_prepare(hub, rank)
        case CommitCertificate(rank=rank, endorsements=entries):
            mine = next((entry for entry in entries if entry.signer == me), None)
            if mine is None:
                return True
            if mine.child is None:
                return knows_commit(hub, rank)
            return knows_prepare(hub, rank._replace(seq=rank.seq + 1))
        case ElectionCertificate(epoch=epoch, term=term, endorsements=votes):
            own = next((vote for vote in votes if vote.signer == me), None)
            return own is None or epoch != hub.safety.epoch or knows_vote(hub, term, own.high_rank)
        case _:
            return True


def knows_vote(hub: Hub, term: int, high: Rank) -> bool:
    """Was the vote of `term` cast as the record says, or before one that it remembers?"""
    voted = hub.safety.voted
    return voted is not None and (
        term < voted.term or (term == voted.term and high == voted.high.rank)
    )


def knows_prepare(hub: Hub, rank: Rank) -> bool:
    """Is `rank` no higher than the last prepare on record?"""
    prepared = hub.safety.prepared
    other_epoch = rank.epoch != hub.safety.epoch
    return other_epoch or (prepared is not None and rank <= prepared.rank)


def knows_commit(hub: Hub, rank: Rank) -> bool:
    """Is `rank` no higher than the highest certificate on record?"""
    return rank.epoch != hub.safety.epoch or rank <= hub.safety.high.rank


def remind(hub: Hub, member: int) -> None:
    """Shows a hub that was away what it said last, as far as this hub still holds it."""
    vote = hub.votes.get(member)
    if vote is not None:
        hub.do(Remind(vote, member))
    newest = max(hub.tally.prepares.seqs(), default=None)
    prepare = None if newest is None else hub.tally.prepares.of(newest).get(member)
    if prepare is not None:
        hub.do(Remind(prepare, member))
