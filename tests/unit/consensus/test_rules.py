import pytest

from homechain.consensus import rules
from homechain.consensus.inputs import BlockSummary, ProposalSeen
from homechain.consensus.safety import Prepared, Promise, first_record
from homechain.model.blocks import (
    ElectionCertificate,
    EpochClose,
    QuorumCertificate,
    Rank,
    VoteEndorsement,
    root_certificate,
)
from homechain.model.configuration import configuration

ROOT = root_certificate(0, b"root")
RECORD = first_record(epoch=0, root=b"root", height=0)._replace(term=3)
CLOSES = EpochClose(b"next", 4)


def certificate(term: int, seq: int, block: bytes = b"x") -> QuorumCertificate:
    return QuorumCertificate(Rank(0, term, seq), block, Rank(0, 0, 0), b"root", ())


def election(term: int, *highs: Rank) -> ElectionCertificate:
    votes = tuple(VoteEndorsement(n, b"", high, b"x") for n, high in enumerate(highs))
    return ElectionCertificate(0, term, votes)


def proposal(
    slot: Rank,
    justify: QuorumCertificate,
    elected: ElectionCertificate | None = None,
    *,
    summary: BlockSummary | None = None,
) -> ProposalSeen:
    made = BlockSummary(b"new", justify.block, slot, 1, justify, None)
    return ProposalSeen(slot, 0, summary or made, justify, elected)


FIRST = Rank(0, 3, 0)
ELECTED = election(3, ROOT.rank, Rank(0, 2, 1))


@pytest.mark.parametrize(
    ("case", "allowed"),
    [
        (proposal(FIRST, certificate(2, 1), ELECTED), True),
        (proposal(FIRST, certificate(2, 5), ELECTED), True),
        (proposal(FIRST, certificate(2, 0), ELECTED), False),  # below the highest vote
        (proposal(FIRST, certificate(3, 0), ELECTED), False),  # not of an older term
        (proposal(FIRST, certificate(2, 1), None), False),
        (proposal(FIRST, certificate(2, 1), election(2, ROOT.rank)), False),
        (proposal(Rank(0, 3, 1), certificate(3, 0)), True),
        (proposal(Rank(0, 3, 2), certificate(3, 0)), False),  # skips a slot
        (proposal(Rank(0, 3, 1), certificate(2, 0)), False),
        (proposal(Rank(0, 2, 0), certificate(1, 0), election(2, ROOT.rank)), False),  # old term
        (proposal(Rank(1, 3, 1), certificate(3, 0)), False),
    ],
)
def test_what_may_be_prepared_in_term_3(case: ProposalSeen, allowed: bool) -> None:  # noqa: FBT001 - a case
    assert rules.may_prepare(RECORD, case, parent=None) is allowed


def test_a_slot_is_prepared_once_and_slots_only_grow() -> None:
    prepared = RECORD._replace(prepared=Prepared(Rank(0, 3, 1), b"x", Rank(0, 3, 0), b"w"))
    free = [rules.slot_is_free(prepared, Rank(0, 3, seq)) for seq in range(4)]
    assert free == [False, False, True, True]
    assert rules.slot_is_free(prepared, Rank(0, 4, 0))


def test_nothing_stands_above_a_closing_block_but_the_block_itself() -> None:
    closing = BlockSummary(b"k", b"root", Rank(0, 2, 1), 1, ROOT, CLOSES)
    base = certificate(2, 1, b"k")
    above = proposal(FIRST, base, ELECTED)
    again = proposal(FIRST, base, ELECTED, summary=closing)
    assert not rules.may_prepare(RECORD, above, parent=closing)
    assert rules.may_prepare(RECORD, again, parent=None)


def test_a_header_that_names_another_slot_or_justification_is_refused() -> None:
    base = certificate(2, 1)
    for slot, parent, justify in (
        (Rank(0, 3, 1), b"x", base),
        (FIRST, b"y", base),
        (FIRST, b"x", certificate(2, 2)),
    ):
        summary = BlockSummary(b"new", parent, slot, 1, justify, None)
        assert not rules.may_prepare(
            RECORD, proposal(FIRST, base, ELECTED, summary=summary), parent=None
        )


def test_one_vote_a_term_and_none_below_a_promise() -> None:
    assert rules.may_vote(RECORD, 3)
    assert not rules.may_vote(RECORD, 2)
    voted = RECORD._replace(voted=Promise(3, ROOT))
    assert not rules.may_vote(voted, 3)
    assert rules.may_vote(voted, 4)


def test_commits_are_for_the_own_term() -> None:
    assert rules.may_commit(RECORD, certificate(3, 0))
    assert not rules.may_commit(RECORD, certificate(2, 9))
    assert not rules.may_commit(RECORD, certificate(4, 0))


def test_growing_from_three_hubs_to_four_takes_all_three() -> None:
    three = configuration(home=b"home", epoch=0, members=("a", "b", "c"))
    assert rules.commits_needed(three, None) == 2
    assert rules.commits_needed(three, CLOSES) == 3


def test_nobody_leads_term_0() -> None:
    home = configuration(home=b"home", epoch=0, members=("a", "b", "c"))
    assert not any(rules.may_lead(home, hub=hub, term=0) for hub in range(3))
    assert [sum(rules.may_lead(home, hub=h, term=t) for h in range(3)) for t in (1, 2, 3)] == [
        1
    ] * 3
