"""CE1 to CE6: histories that every implementation must survive (consensus.md, Scenarios).

Each is a story on a stage of real cores. Told twice: with the rules as they are it ends well; with
one rule weakened it must end in a broken invariant, or the story would prove nothing.
"""

import pytest

from homechain.consensus import committing, memory, rules
from homechain.consensus.state import Hub
from homechain.consensus.tally import quorum_certificate
from homechain.model.blocks import (
    CommitCertificate,
    CommitEndorsement,
    ElectionCertificate,
    QuorumCertificate,
    Rank,
)
from homechain.model.statements import Commit, Prepare, Vote
from tests.simulation.blocks import Records, Shown
from tests.simulation.checkers import Checkers
from tests.simulation.notary import Violation
from tests.simulation.stage import (
    FIRST,
    Stage,
    Weaken,
    as_they_are,
    copy_of,
    hide_the_certificate,
    root,
)

# ---------------------------------------------------------------------- CE1


def height_as_rank(weaken: Weaken) -> None:
    """Two blocks of one height in two terms: the one of the later term is the higher one."""
    stage = Stage(3)
    one, two, three = (stage.hub(term) for term in (1, 2, 3))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.alone(one, two)
    stage.world.submit(one)
    hide_the_certificate(stage, leader=one, other=two, rank=FIRST)
    # Without it, the others certify another block at the same height. Only `three` knows it final.
    stage.alone(one)
    stage.anything_goes()
    stage.hold(Commit, of=three, to=two)
    stage.hold(Shown, to=two)
    stage.has_final(three, 1)
    assert len(stage.runner(two).disk.finals) == 0
    # The one that holds the older certificate leads again.
    stage.alone(three)
    stage.anything_goes()
    stage.world.submit(one)
    stage.has_final(two, 2)
    stage.ends_well(height=2)


def test_ce1_a_certificate_of_a_later_term_outranks_one_of_the_same_height() -> None:
    height_as_rank(as_they_are)


def test_ce1_height_as_rank_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        def height(block: bytes) -> int:
            bodies = [r.bodies.get(block) for r in stage.world.runners.values()]
            return max((b.summary.height for b in bodies if b is not None), default=0)

        def outranks(first: QuorumCertificate, second: QuorumCertificate) -> bool:
            return height(first.block) > height(second.block)

        def is_high_enough(election: ElectionCertificate, base: QuorumCertificate) -> bool:
            return all(
                height(vote.high_block) <= height(base.block) for vote in election.endorsements
            )

        monkeypatch.setattr(rules, "outranks", outranks)
        monkeypatch.setattr(rules, "is_high_enough", is_high_enough)

    with pytest.raises(Violation, match="another final block"):
        height_as_rank(weaken)


def several_first_blocks(weaken: Weaken) -> None:
    """A lying leader begins its term twice, each time with the election's certificate."""
    stage = Stage(4, liars=[1])
    liar, two, three, four = (stage.hub(term) for term in (1, 2, 3, 4))
    weaken(stage)
    stage.start()
    stage.until(lambda: stage.runner(two).core.leader is not None, "an election")
    election = stage.runner(two).core._hub.election
    stage.hold((Prepare, Commit))
    for records in ((), (77,)):
        stage.lying_proposal(
            liar, two, three, four,
            slot=FIRST, justify=root(), height=1, records=records, election=election,
        )  # fmt: skip
        stage.wait(20)
    assert {accusation.kind for accusation in stage.world.accusations} >= {"proposal"}
    stage.world.submit(two)
    stage.ends_well(height=2)


def test_ce1_a_term_has_one_first_block() -> None:
    several_first_blocks(as_they_are)


def test_ce1_several_first_blocks_in_one_term_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(rules, "slot_is_free", lambda record, slot: True)

    with pytest.raises(Violation, match="signed two different statements"):
        several_first_blocks(weaken)


# ---------------------------------------------------------------------- CE2


def commit_on_child_of_a_later_term(weaken: Weaken) -> None:
    """A prepare for a child commits its parent only in the parent's own term."""
    stage = Stage(3)
    one, two, three = (stage.hub(term) for term in (1, 2, 3))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.alone(one, three)
    stage.world.submit(one)
    hide_the_certificate(stage, leader=one, other=three, rank=FIRST)
    # Term 2 certifies another block, and hides it.
    stage.alone(one)
    stage.anything_goes()
    stage.leads(two, 2)
    hide_the_certificate(stage, leader=two, other=three, rank=Rank(0, 2, 0))
    # Term 3 builds on the block of term 1: it knows no better.
    stage.alone(two)
    stage.anything_goes()
    stage.leads(three, 3)
    for kind in (Prepare, Commit, Shown):
        stage.hold(kind, of=one, to=three)
    stage.holds_certificate(one, Rank(0, 3, 0))
    # The block that term 2 hid comes back. Was its rival final?
    stage.alone(one)
    stage.anything_goes()
    stage.has_final(three, 1)
    stage.world.submit(two)
    stage.ends_well(height=2)


def test_ce2_a_child_of_a_later_term_commits_nothing() -> None:
    commit_on_child_of_a_later_term(as_they_are)


def test_ce2_commit_on_child_across_terms_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    count = committing.count_commits

    def count_across_terms(hub: Hub) -> None:
        count(hub)
        child = quorum_certificate(hub.tally.prepares.of(0).values(), hub.configuration.quorum)
        if child is not None and child.justify_rank.term > 0:
            entries = tuple(
                CommitEndorsement(entry.signer, entry.signature, child.block)
                for entry in child.endorsements
            )
            committing.learn_commit(
                hub, CommitCertificate(child.justify_rank, child.justify_block, entries)
            )

    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(committing, "count_commits", count_across_terms)

    with pytest.raises(Violation, match="another final block"):
        commit_on_child_of_a_later_term(weaken)


# ---------------------------------------------------------------------- CE3


def prepared_is_not_final(weaken: Weaken) -> None:
    """A certificate that one hub holds can be lost with it: only commits make a block final."""
    stage = Stage(3)
    one, two = stage.hub(1), stage.hub(2)
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.alone(one, two)
    stage.world.submit(one)
    hide_the_certificate(stage, leader=one, other=two, rank=FIRST)
    stage.alone(one)
    stage.anything_goes()
    stage.has_final(two, 1)
    stage.ends_well(height=1)


def test_ce3_a_prepared_block_is_not_final() -> None:
    prepared_is_not_final(as_they_are)


def test_ce3_one_phase_commit_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    def final_when_prepared(hub: Hub) -> None:
        high = hub.safety.high
        entries = tuple(CommitEndorsement(e.signer, e.signature) for e in high.endorsements)
        committing.learn_commit(hub, CommitCertificate(high.rank, high.block, entries))

    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(committing, "count_commits", final_when_prepared)

    with pytest.raises(Violation, match="another final block"):
        prepared_is_not_final(weaken)


# ---------------------------------------------------------------------- CE4


def late_certificate(weaken: Weaken) -> None:
    """A hub votes for term 2; then a certificate of term 1 arrives: too late to commit it."""
    stage = Stage(3)
    one, two, three = (stage.hub(term) for term in (1, 2, 3))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.alone(one, two)
    stage.hold(Records)
    stage.world.submit(one)
    hide_the_certificate(stage, leader=one, other=two, rank=FIRST)
    delayed = stage.runner(one).core._hub.safety.high
    stage.alone(one)
    stage.leads(two, 2)
    stage.show(delayed, three)
    assert stage.runner(three).core.high == FIRST
    stage.wait(1_000)
    stage.ends_well(height=1)


def test_ce4_a_late_certificate_is_kept_but_not_committed() -> None:
    late_certificate(as_they_are)


def test_ce4_a_late_commit_breaks_the_vote(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(rules, "may_commit", lambda record, certificate: True)

    with pytest.raises(Violation, match="promised term 2"):
        late_certificate(weaken)


# ---------------------------------------------------------------------- CE5


def power_cut_before_fsync(weaken: Weaken) -> None:
    """The power goes while a prepare is being written; a lying leader then offers another block."""
    stage = Stage(4, liars=[1])
    liar, two, three = (stage.hub(term) for term in (1, 2, 3))
    weaken(stage)
    stage.start()
    stage.until(lambda: stage.runner(two).core.leader is not None, "an election")
    election = stage.runner(two).core._hub.election
    stage.wait(50)
    stage.world.disk_ms = (100, 100)
    stage.lying_proposal(liar, two, slot=FIRST, justify=root(), height=1, election=election)
    stage.wait(10)
    stage.world.crash(two, kept=0)
    stage.world.start(two)
    other = stage.lying_proposal(
        liar, two, slot=FIRST, justify=root(), height=1, records=(77,), election=election
    )
    stage.wait(200)
    prepared = stage.world.disks[two].safety
    assert prepared is not None
    assert prepared.prepared is not None
    assert prepared.prepared.block == other.hash
    # Now it is durable: after another power cut the hub stands by it.
    stage.world.crash(two, kept=0)
    stage.world.start(two)
    stage.lying_proposal(liar, two, slot=FIRST, justify=root(), height=1, election=election)
    stage.wait(200)
    stage.world.submit(three)
    stage.ends_well(height=1)


def test_ce5_a_prepare_is_durable_before_it_is_sent() -> None:
    power_cut_before_fsync(as_they_are)


def test_ce5_sending_before_fsync_contradicts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        stage.world.durable_before_sent = False
        monkeypatch.setattr(Checkers, "is_implied_by_disk", lambda *_: None)

    with pytest.raises(Violation, match="signed two different statements"):
        power_cut_before_fsync(weaken)


# ---------------------------------------------------------------------- CE6


def image_put_back(weaken: Weaken) -> None:
    """A hub's card is written over with an older image: its key has signed what it forgot."""
    stage = Stage(4)
    one, two, three, four = (stage.hub(term) for term in (1, 2, 3, 4))
    weaken(stage)
    stage.start()
    stage.leads(one, 1)
    stage.wait(500)
    image = copy_of(stage.world.disks[three])
    stage.world.submit(one)
    for name in (one, two, three, four):
        stage.has_final(name, 1)
    # A vote of `three` for term 2 is heard by `two`; the election itself does not come about.
    stage.hold(Vote, of=four)
    stage.hold(Vote, of=two)
    stage.alone(one)
    stage.until(
        lambda: three in {stage.home.members[n] for n in stage.runner(two).core._hub.votes},
        "the vote is heard",
    )
    stage.wait(100)
    stage.world.crash(three, kept=0)
    stage.world.disks[three] = image
    stage.wait(10)
    stage.world.start(three)
    stage.wait(3_000)
    assert stage.world.quarantined == [three]
    assert stage.runner(three).core.role == "observer"
    stage.world.quarantined.clear()
    stage.world.submit(two)
    stage.ends_well(height=2)


def test_ce6_a_hub_whose_image_was_put_back_is_quarantined() -> None:
    image_put_back(as_they_are)


def test_ce6_a_forgetful_hub_breaks_its_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    def weaken(stage: Stage) -> None:
        monkeypatch.setattr(memory, "check", lambda hub, proof: None)

    with pytest.raises(Violation, match="promised term 2, then signed"):
        image_put_back(weaken)
