"""Counting what hubs said in the current term: bounded whatever anybody sends.

May live here: who said what first, and certificates made of it. May not: whether to believe or act.
A second, different statement of one signer for one slot is kept out: the first is handed back.
"""

from collections.abc import Iterable
from typing import Final, Generic, TypeVar

from homechain.consensus import rules
from homechain.consensus.inputs import ProposalSeen
from homechain.model.blocks import (
    CommitCertificate,
    CommitEndorsement,
    ElectionCertificate,
    Endorsement,
    QuorumCertificate,
    Rank,
    VoteEndorsement,
)
from homechain.model.statements import Commit, Prepare, Vote

SLOTS_BEHIND: Final = 4
SLOTS_AHEAD: Final = 12
"""Slots of a term that are counted, around the highest certified one."""
PRE_VOTE_TERMS: Final = 8
"""Pre-votes are counted for the current term and this many minus one above it."""

Said = TypeVar("Said", Prepare, Commit, ProposalSeen)


class Slots(Generic[Said]):
    """Slot → signer → first statement, for a window of slots of one term."""

    def __init__(self) -> None:
        self._said: dict[int, dict[int, Said]] = {}
        self._low = 0

    def slide(self, certified_seq: int) -> None:
        """Forgets slots far below the highest certified one (-1: none yet)."""
        self._low = max(0, certified_seq - SLOTS_BEHIND)
        for seq in [seq for seq in self._said if seq < self._low]:
            del self._said[seq]

    def first(self, seq: int, signer: int, said: Said) -> Said | None:
        """What `signer` said first about `seq`: `said` itself when new. None outside the window."""
        if not self._low <= seq < self._low + SLOTS_BEHIND + SLOTS_AHEAD:
            return None
        return self._said.setdefault(seq, {}).setdefault(signer, said)

    def of(self, seq: int) -> dict[int, Said]:
        """Signer → statement for one slot."""
        return self._said.get(seq, {})

    def seqs(self) -> list[int]:
        """Slots about which anything was said."""
        return list(self._said)

    def size(self) -> int:
        """Statements held."""
        return sum(map(len, self._said.values()))


class Tally:
    """Everything counted in one term of one epoch."""

    def __init__(self) -> None:
        self.prepares: Slots[Prepare] = Slots()
        self.commits: Slots[Commit] = Slots()
        self.proposals: Slots[ProposalSeen] = Slots()

    def slide(self, certified_seq: int) -> None:
        """Moves all windows."""
        for slots in (self.prepares, self.commits, self.proposals):
            slots.slide(certified_seq)


class PreVotes:
    """Signer → term → when it last came, for a window of terms."""

    def __init__(self) -> None:
        self._at_ms: dict[int, dict[int, int]] = {}

    def add(self, *, signer: int, term: int, current: int, now_ms: int) -> None:
        """Counts it if its term is in the window."""
        if current <= term < current + PRE_VOTE_TERMS:
            self._at_ms.setdefault(signer, {})[term] = now_ms

    def count(self, term: int, *, since_ms: int) -> int:
        """Distinct hubs that wished to leave `term` no earlier than `since_ms`."""
        return sum(terms.get(term, since_ms - 1) >= since_ms for terms in self._at_ms.values())

    def forget(self, *, below: int) -> None:
        """Drops terms that are over."""
        for terms in self._at_ms.values():
            for term in [term for term in terms if term < below]:
                del terms[term]

    def size(self) -> int:
        """Entries held."""
        return sum(map(len, self._at_ms.values()))


def election_certificate(
    *, epoch: int, term: int, votes: Iterable[Vote], quorum: int
) -> ElectionCertificate:
    """Made of the first `quorum` votes by signer; the highest one is always among them.

    Whichever quorum is taken is sound; with the highest certificate in it the leader loses nothing.
    """
    ordered = sorted(votes, key=lambda vote: (vote.high.rank, vote.signer), reverse=True)[:quorum]
    endorsements = tuple(
        VoteEndorsement(vote.signer, vote.signature, vote.high.rank, vote.high.block)
        for vote in sorted(ordered, key=lambda vote: vote.signer)
    )
    return ElectionCertificate(epoch, term, endorsements)


def quorum_certificate(prepares: Iterable[Prepare], quorum: int) -> QuorumCertificate | None:
    """The certificate of whichever block `quorum` of these prepares of one slot name, if any."""
    groups: dict[tuple[bytes, Rank, bytes], list[Prepare]] = {}
    for prepare in prepares:
        key = (prepare.block, prepare.justify_rank, prepare.justify_block)
        groups.setdefault(key, []).append(prepare)
    for (block, justify_rank, justify_block), group in groups.items():
        if len(group) >= quorum:
            chosen = sorted(group, key=lambda prepare: prepare.signer)[:quorum]
            rank = Rank(chosen[0].epoch, chosen[0].term, chosen[0].seq)
            endorsements = tuple(Endorsement(p.signer, p.signature) for p in chosen)
            return QuorumCertificate(rank, block, justify_rank, justify_block, endorsements)
    return None


def commit_certificate(
    tally: Tally, *, rank: Rank, block: bytes, needed: int
) -> CommitCertificate | None:
    """Commits for `block` and prepares for its child, one a signer, if there are `needed`."""
    endorsements: dict[int, CommitEndorsement] = {}
    for signer, prepare in tally.prepares.of(rank.seq + 1).items():
        child = Rank(prepare.epoch, prepare.term, prepare.seq)
        if prepare.justify_block == block and rules.counts_as_commit(
            child=child, child_justify=prepare.justify_rank, block=rank
        ):
            endorsements[signer] = CommitEndorsement(signer, prepare.signature, prepare.block)
    for signer, commit in tally.commits.of(rank.seq).items():
        if commit.block == block:
            endorsements[signer] = CommitEndorsement(signer, commit.signature)
    if len(endorsements) < needed:
        return None
    chosen = tuple(endorsements[signer] for signer in sorted(endorsements)[:needed])
    return CommitCertificate(rank, block, chosen)
