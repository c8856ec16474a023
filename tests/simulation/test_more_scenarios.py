"""CE7 to CE13: histories that every implementation must survive (consensus.md, Scenarios).

Each is a story on a stage of real cores. Told twice: with the rules as they are it ends well; with
one rule weakened it must end in a broken invariant, or the story would prove nothing.
"""

from typing import Any

import msgspec
import pytest

from homechain.consensus import rules
from homechain.model import statements
from homechain.model.blocks import (
    ElectionCertificate,
    Rank,
    VoteEndorsement,
)
from homechain.model.configuration import configuration
from homechain.model.statements import Commit, Prepare
from tests.simulation import notary
from tests.simulation.blocks import Shown, SimProposal
from tests.simulation.notary import Violation
from tests.simulation.stage import (
    FIRST,
    Stage,
    Weaken,
    as_they_are,
    hide_the_certificate,
    root,
)
from tests.simulation.world import Change

# ---------------------------------------------------------------------- CE7


def replayed_votes(weaken: Weaken, *, other_home: bool) -> None:
    """Real votes, for another term or in another home, are bound into an election certificate."""
    stage = Stage(4)
    two = stage.hub(2)
    weaken(stage)
    stage.start()
    stage.until(lambda: len(stage.runner(two).core._hub.votes) == 4, "votes")
    heard = stage.runner(two).core._hub.votes
    votes = [heard[number] for number in sorted(heard) if number != stage.number(two)]
    if other_home:
        elsewhere = configuration(home=b"summer house", epoch=0, members=stage.home.members)
        said = [msgspec.structs.replace(vote, term=8, signature=b"") for vote in votes]
        votes = []
        for vote in said:
            token = notary.token(
                elsewhere.members[vote.signer], statements.statement_bytes(vote, elsewhere)
            )
            stage.world.notary.issued.add(token)
            votes.append(msgspec.structs.replace(vote, signature=token))
    entries = tuple(
        VoteEndorsement(vote.signer, vote.signature, vote.high.rank, vote.high.block)
        for vote in votes
    )
    stage.show(ElectionCertificate(0, 8, entries), two)
    assert stage.runner(two).core.term == 1
    stage.world.submit(two)
    stage.ends_well(height=1)


@pytest.mark.parametrize("other_home", [False, True])
def test_ce7_a_vote_counts_only_where_and_when_it_was_cast(other_home: bool) -> None:  # noqa: FBT001 - a case
    replayed_votes(as_they_are, other_home=other_home)


@pytest.mark.parametrize("other_home", [False, True])
def test_ce7_votes_without_term_or_home_are_replayed(
    monkeypatch: pytest.MonkeyPatch,
    other_home: bool,  # noqa: FBT001 - a case
) -> None:
    def weaken(stage: Stage) -> None:
        full = statements.vote_bytes

        def vote_bytes(**fields: Any) -> bytes:
            if other_home:
                return full(**{**fields, "configuration": stage.home})
            return full(**{**fields, "term": 0})

        monkeypatch.setattr(statements, "vote_bytes", vote_bytes)
        monkeypatch.setattr(notary, "vote_bytes", vote_bytes)

    with pytest.raises(Violation, match="believes that"):
        replayed_votes(weaken, other_home=other_home)


# ---------------------------------------------------------------------- CE8


def skipped_slot(weaken: Weaken) -> None:
    """A lying leader leaves a certified block out and builds beside it, in the same term."""
    stage = Stage(4, liars=[1])
    liar, two, three, four = (stage.hub(term) for term in (1, 2, 3, 4))
    number = stage.number(liar)
    weaken(stage)
    stage.start()
    stage.until(lambda: stage.runner(two).core.leader is not None, "an election")
    election = stage.runner(two).core._hub.election
    stage.lying_proposal(
        liar, two, three, four, slot=FIRST, justify=root(), height=1, election=election
    )
    for name in (two, three, four):
        stage.has_final(name, 1)
    base = stage.runner(two).core._hub.safety.high
    # The second block is final at `two`, certified at `three`, unknown to `four`.
    for name in (two, three):
        stage.hold((Prepare, Commit), of=name, to=four)
    stage.hold(Commit, of=two, to=three)
    stage.hold(Shown)
    second = stage.lying_proposal(
        liar, two, three, slot=Rank(0, 1, 1), justify=base, height=2, records=(78,)
    )
    stage.lie(liar, Commit(0, 1, 1, second.hash, number), two)
    stage.has_final(two, 2)
    # Beside it: the third slot, on the first block.
    third = stage.lying_proposal(
        liar, three, four, slot=Rank(0, 1, 2), justify=base, height=2, records=(79,)
    )
    stage.anything_goes()
    stage.alone(two)
    stage.lie(liar, Commit(0, 1, 2, third.hash, number), three, four)
    stage.wait(1_000)
    stage.together()
    stage.world.submit(three)
    stage.ends_well(height=3)


def test_ce8_each_block_of_a_term_stands_on_the_slot_before() -> None:
    skipped_slot(as_they_are)


def test_ce8_a_skipped_slot_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(
            rules,
            "justifies_next",
            lambda proposal: proposal.justify.rank.term == proposal.slot.term,
        )

    with pytest.raises(Violation, match="another final block"):
        skipped_slot(weaken)


# ---------------------------------------------------------------------- CE9


def hidden_lock(weaken: Weaken) -> None:
    """A hub with a certificate that the election did not see still prepares what it decided."""
    stage = Stage(3)
    one, two, three = (stage.hub(term) for term in (1, 2, 3))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.alone(one, two)
    stage.world.submit(one)
    hide_the_certificate(stage, leader=one, other=two, rank=FIRST)
    stage.alone(one)
    stage.anything_goes()
    stage.hold(SimProposal, of=two)
    stage.leads(two, 2)
    stage.world.crash(three)
    stage.alone(one, two)
    stage.anything_goes()
    stage.until(lambda: stage.is_final(two, 1), "final in term 2", within_ms=1_800)
    assert stage.runner(two).core.term == 2
    stage.world.start(three)
    stage.ends_well(height=1)


def test_ce9_the_election_overrides_a_hidden_lock() -> None:
    hidden_lock(as_they_are)


def test_ce9_consulting_the_own_lock_halts_the_term(monkeypatch: pytest.MonkeyPatch) -> None:
    may_prepare = rules.may_prepare

    def with_lock(record: Any, proposal: Any, *, parent: Any) -> bool:
        allowed = may_prepare(record, proposal, parent=parent)
        return allowed and proposal.justify.rank >= record.high.rank

    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(rules, "may_prepare", with_lock)

    with pytest.raises(Violation, match="final in term 2"):
        hidden_lock(weaken)


# ---------------------------------------------------------------------- CE10


def open_candidacy(weaken: Weaken) -> None:
    """A lying hub proposes in a term that is not its own, before the leader does."""
    stage = Stage(4, liars=[4])
    one, two, three, liar = (stage.hub(term) for term in (1, 2, 3, 4))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.wait(100)
    election = stage.runner(one).core._hub.election
    stage.lying_proposal(liar, two, three, slot=FIRST, justify=root(), height=1, election=election)
    stage.wait(50)
    for name in (one, two, three):
        if stage.runner(name).core.high >= FIRST:
            raise Violation(f"{name} certified what {liar} proposed out of turn")
    stage.world.submit(one)
    stage.ends_well(height=1)


def test_ce10_only_the_leader_of_a_term_proposes() -> None:
    open_candidacy(as_they_are)


def test_ce10_with_open_candidacy_a_liar_wins_the_race(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(rules, "may_lead", lambda configuration, *, hub, term: True)

    with pytest.raises(Violation, match="out of turn"):
        open_candidacy(weaken)


# ---------------------------------------------------------------------- CE11


def one_deaf_hub(weaken: Weaken) -> None:
    """A hub that is heard and hears nothing wants another leader all the time."""
    stage = Stage(3)
    one, two, three = (stage.hub(term) for term in (1, 2, 3))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.world.network.cut = {(one, three), (two, three)}
    for _ in range(30):
        stage.world.submit(two)
        stage.wait(1_000)
    if stage.runner(one).core.term != 1:
        raise Violation(f"a deaf hub deposed leaders up to term {stage.runner(one).core.term}")
    stage.ends_well(height=30)


def test_ce11_one_badly_connected_hub_deposes_nobody() -> None:
    one_deaf_hub(as_they_are)


def test_ce11_binding_timeouts_depose_leaders_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(rules, "joins_at", lambda configuration: 1)

    with pytest.raises(Violation, match="a deaf hub deposed"):
        one_deaf_hub(weaken)


# ---------------------------------------------------------------------- CE13


def above_a_configuration_block(weaken: Weaken) -> None:
    """One hub of four is removed while more records wait: they belong to the next epoch."""
    stage = Stage(4)
    one, two, three, four = (stage.hub(term) for term in (1, 2, 3, 4))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.world.disk_ms = (20, 20)
    for name in (two, three, four):
        stage.hold(Commit, to=name)
    stage.hold(Commit, to=one, where=lambda commit: commit.seq == 0)
    stage.world.submit(one, Change(remove=four))
    stage.wait(10)
    stage.world.submit(one)
    stage.wait(300)
    stage.anything_goes()
    stage.until(lambda: stage.runner(one).core.epoch == 1, "the next epoch")
    assert stage.runner(one).configuration.size == 3
    stage.wait(500)
    stage.world.submit(two)
    stage.ends_well(height=3)
    assert stage.runner(four).core.role == "observer"


def test_ce13_a_configuration_block_is_the_last_of_its_epoch() -> None:
    above_a_configuration_block(as_they_are)


def test_ce13_proposing_above_it_forks_or_halts(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(rules, "may_stand_on", lambda parent: True)

    with pytest.raises(Violation, match=r"never came|another final block"):
        above_a_configuration_block(weaken)
