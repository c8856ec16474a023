from homechain.consensus.tally import (
    PRE_VOTE_TERMS,
    SLOTS_AHEAD,
    SLOTS_BEHIND,
    PreVotes,
    Slots,
    Tally,
    commit_certificate,
    election_certificate,
    quorum_certificate,
)
from homechain.model.blocks import QuorumCertificate, Rank, root_certificate
from homechain.model.statements import Commit, Prepare, Vote

ROOT = root_certificate(0, b"root")


def prepare(signer: int, block: bytes, *, seq: int = 0, parent: bytes = b"root") -> Prepare:
    justify = Rank(0, 1, seq - 1) if seq else Rank(0, 0, 0)
    return Prepare(0, 1, seq, block, justify, parent, signer, b"%d" % signer)


def test_the_first_word_of_a_signer_counts() -> None:
    slots: Slots[Prepare] = Slots()
    first = prepare(1, b"x")
    assert slots.first(0, 1, first) is first
    assert slots.first(0, 1, prepare(1, b"y")) is first
    assert slots.size() == 1


def test_slots_far_away_are_not_counted() -> None:
    slots: Slots[Prepare] = Slots()
    assert slots.first(SLOTS_BEHIND + SLOTS_AHEAD, 1, prepare(1, b"x")) is None
    slots.slide(100)
    assert slots.first(100 - SLOTS_BEHIND - 1, 1, prepare(1, b"x")) is None
    assert slots.first(100 + SLOTS_AHEAD - 1, 1, prepare(1, b"x")) is not None


def test_sliding_forgets_what_lies_behind() -> None:
    slots: Slots[Prepare] = Slots()
    for seq in range(10):
        slots.first(seq, 1, prepare(1, b"x", seq=seq))
    slots.slide(9)
    assert slots.seqs() == [5, 6, 7, 8, 9]


def test_pre_votes_of_far_terms_and_of_long_ago_do_not_count() -> None:
    wishes = PreVotes()
    for term in (2, 3, 3 + PRE_VOTE_TERMS, 2**53):
        wishes.add(signer=0, term=term, current=3, now_ms=100)
    assert wishes.size() == 1
    assert wishes.count(3, since_ms=50) == 1
    assert wishes.count(3, since_ms=101) == 0


def test_a_certificate_takes_a_quorum_for_one_block() -> None:
    split = [prepare(0, b"x"), prepare(1, b"y"), prepare(2, b"x")]
    assert quorum_certificate(split, 3) is None
    certificate = quorum_certificate([*split, prepare(3, b"x")], 3)
    assert certificate is not None
    assert certificate.block == b"x"
    assert [entry.signer for entry in certificate.endorsements] == [0, 2, 3]


def test_prepares_for_the_child_and_commits_count_together() -> None:
    tally = Tally()
    tally.commits.first(0, 0, Commit(0, 1, 0, b"x", 0, b"c"))
    tally.prepares.first(1, 1, prepare(1, b"z", seq=1, parent=b"x"))
    tally.prepares.first(1, 2, prepare(2, b"z", seq=1, parent=b"w"))
    rank = Rank(0, 1, 0)
    assert commit_certificate(tally, rank=rank, block=b"x", needed=3) is None
    certificate = commit_certificate(tally, rank=rank, block=b"x", needed=2)
    assert certificate is not None
    assert [(entry.signer, entry.child) for entry in certificate.endorsements] == [
        (0, None),
        (1, b"z"),
    ]


def test_a_signer_counts_once_towards_a_commit_certificate() -> None:
    tally = Tally()
    tally.commits.first(0, 0, Commit(0, 1, 0, b"x", 0, b"c"))
    tally.prepares.first(1, 0, prepare(0, b"z", seq=1, parent=b"x"))
    assert commit_certificate(tally, rank=Rank(0, 1, 0), block=b"x", needed=2) is None


def test_the_highest_certificate_is_among_the_votes_that_elect() -> None:
    high = QuorumCertificate(Rank(0, 1, 3), b"x", Rank(0, 1, 2), b"w", ())
    votes = [Vote(0, 2, signer, ROOT, b"") for signer in range(3)] + [Vote(0, 2, 3, high, b"")]
    election = election_certificate(epoch=0, term=2, votes=votes, quorum=3)
    assert max(vote.high_rank for vote in election.endorsements) == high.rank
    assert len(election.endorsements) == 3
