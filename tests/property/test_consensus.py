"""Whatever a hub is told, it never contradicts itself and says only what its disk holds."""

from collections import deque
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from homechain.consensus import effects, inputs
from homechain.consensus.core import Consensus
from homechain.consensus.inputs import BlockSummary
from homechain.consensus.safety import SafetyRecord, first_record
from homechain.consensus.timing import Timing
from homechain.model.blocks import (
    CommitCertificate,
    CommitEndorsement,
    ElectionCertificate,
    Endorsement,
    EpochClose,
    QuorumCertificate,
    Rank,
    VoteEndorsement,
    root_certificate,
)
from homechain.model.configuration import configuration
from homechain.model.statements import Commit, Heartbeat, HeartbeatAck, Prepare, PreVote, Vote

HOME = configuration(home=b"home", epoch=0, members=("a", "b", "c", "d"))
ME = 0
ROOT = root_certificate(0, b"root")
OTHERS = (1, 2, 3)

terms = st.integers(0, 4)
seqs = st.integers(0, 2)
signers = st.sampled_from(OTHERS)
ranks = st.builds(Rank, st.just(0), terms, seqs)
slots = st.builds(Rank, st.just(0), st.integers(1, 4), seqs)
BLOCKS: dict[bytes, BlockSummary] = {}


def block(
    slot: Rank, parent: bytes, height: int, justify: QuorumCertificate, *, variant: int = 0
) -> BlockSummary:
    """Few blocks, so that stories meet; one in a while closes the epoch."""
    name = b"%d.%d/%d on %s" % (slot.term, slot.seq, variant, parent)
    closes = EpochClose(b"next", 4) if slot.seq == 2 else None
    return BLOCKS.setdefault(name, BlockSummary(name, parent, slot, height, justify, closes))


@st.composite
def certificates(draw: Any) -> tuple[QuorumCertificate, int]:
    """A chain of certified blocks from the root, of up to three, and its height."""
    certificate, height = ROOT, 0
    for slot in sorted(draw(st.lists(slots, max_size=3, unique=True))):
        height += 1
        made = block(slot, certificate.block, height, certificate)
        entries = tuple(Endorsement(signer, b"") for signer in OTHERS)
        certificate = QuorumCertificate(
            slot, made.hash, certificate.rank, certificate.block, entries
        )
    return certificate, height


@st.composite
def elections(draw: Any) -> ElectionCertificate:
    term = draw(st.integers(1, 4))
    votes = tuple(
        VoteEndorsement(signer, b"", high.rank, high.block)
        for signer, (high, _) in zip(
            OTHERS, draw(st.lists(certificates(), min_size=3, max_size=3)), strict=True
        )
    )
    return ElectionCertificate(0, term, votes)


@st.composite
def proposals(draw: Any) -> inputs.ProposalSeen:
    slot = draw(slots)
    justify, height = draw(certificates())
    election = draw(st.none() | elections())
    if election is not None and draw(st.booleans()):
        slot = Rank(0, election.term, 0)
    summary = block(slot, justify.block, height + 1, justify)
    if justify.block in BLOCKS and BLOCKS[justify.block].closes and draw(st.booleans()):
        summary = BLOCKS[justify.block]
    return inputs.ProposalSeen(slot, HOME.leader(slot.term), summary, justify, election)


def commit_shown(shown: tuple[QuorumCertificate, int]) -> inputs.CommitShown:
    entries = tuple(CommitEndorsement(signer, b"") for signer in OTHERS)
    return inputs.CommitShown(CommitCertificate(shown[0].rank, shown[0].block, entries))


def prepare(shown: tuple[QuorumCertificate, int], slot: Rank, signer: int) -> Prepare:
    justify, height = shown
    made = block(slot, justify.block, height + 1, justify)
    return Prepare(0, slot.term, slot.seq, made.hash, justify.rank, justify.block, signer)


statements = st.one_of(
    st.builds(PreVote, st.just(0), terms, signers),
    st.builds(
        lambda term, signer, shown: Vote(0, term, signer, shown[0]),
        st.integers(1, 4),
        signers,
        certificates(),
    ),
    st.builds(prepare, certificates(), slots, signers),
    st.builds(
        lambda shown, signer: Commit(
            0, shown[0].rank.term, shown[0].rank.seq, shown[0].block, signer
        ),
        certificates(),
        signers,
    ),
    st.builds(Heartbeat, st.just(0), terms, signers, st.integers(0, 9), ranks, st.integers(0, 3)),
    st.builds(HeartbeatAck, st.just(0), terms, signers, st.integers(0, 9)),
)
events = st.one_of(
    st.just(inputs.TimePassed()),
    st.builds(inputs.StatementSeen, statements),
    proposals(),
    st.builds(lambda shown: inputs.QuorumShown(shown[0]), certificates()),
    st.builds(commit_shown, certificates()),
    st.builds(inputs.ElectionShown, elections()),
    st.builds(inputs.PendingChanged, st.just(1), st.just(0)),
    st.builds(inputs.LeaderLinkLost, signers),
    st.builds(inputs.PeerSeen, signers, st.integers(0, 1), terms, st.integers(0, 3)),
    st.builds(inputs.ProposalRefused, slots, signers, st.just(b"x")),
)
stories = st.lists(st.tuples(events, st.integers(0, 900), st.booleans()), max_size=60)


class Told:
    """One hub, a disk that confirms at once, and everything that the hub ever signed."""

    def __init__(self) -> None:
        self.disk = first_record(epoch=0, root=b"root", height=0)
        self.stored: dict[bytes, BlockSummary] = {}
        self.head: BlockSummary | None = None
        self.said: dict[tuple[Any, ...], Any] = {}
        self.promised = 0
        self.now_ms = 0
        self.lives = 0
        self.restart()

    def restart(self) -> None:
        self.lives += 1
        self.core = Consensus(
            HOME,
            me=ME,
            safety=self.disk,
            head=self.head,
            chain=tuple(self.stored.values()),
            commit=None,
            timing=Timing(),
        )
        self.tell(inputs.TimePassed())

    def tell(self, event: inputs.Input) -> None:
        """One step, its consequences, and the hub's own words given back to it."""
        waiting = deque([event])
        while waiting:
            before = self.core.term
            done = self.core.step(waiting.popleft(), now_ms=self.now_ms, entropy=7)
            assert self.core.term >= before
            assert self.core.deadline_ms > self.now_ms
            for effect in done:
                match effect:
                    case effects.Persist(safety, store):
                        self.write(safety, store)
                    case effects.Finalize(name, _, safety):
                        self.write(safety, None)
                        self.head = BLOCKS[name]
                    case effects.Broadcast(statement):
                        self.hear(statement)
                        waiting.append(inputs.StatementSeen(statement))
                    case effects.Build(slot, parent, justify):
                        height = BLOCKS[parent].height + 1 if parent in BLOCKS else 1
                        made = block(slot, parent, height, justify, variant=self.lives)
                        waiting.append(inputs.BlockBuilt(slot, made))
                    case effects.Propose(slot, name, justify, election):
                        self.once(("proposal", slot), name)
                        waiting.append(
                            inputs.ProposalSeen(slot, ME, BLOCKS[name], justify, election)
                        )

    def write(self, safety: SafetyRecord, store: bytes | None) -> None:
        assert safety.writes > self.disk.writes
        self.disk = safety
        if store is not None:
            self.stored[store] = BLOCKS[store]

    def hear(self, statement: Any) -> None:
        """What leaves the hub: implied by the disk, and at one with what it said before."""
        disk = self.disk
        match statement:
            case Vote(term=term, high=high):
                self.once(("vote", term), (high.rank, high.block))
                assert disk.voted is not None
                assert disk.voted.term == term
                assert disk.term >= term
                self.promised = max(self.promised, term)
            case Prepare(term=term, seq=seq, block=name, justify_rank=rank):
                self.once(("prepare", term, seq), (name, rank))
                assert disk.prepared is not None
                assert disk.prepared.rank >= Rank(0, term, seq)
                assert disk.high.rank >= rank
                assert name in self.stored
                assert term >= self.promised
            case Commit(term=term, seq=seq, block=name):
                assert disk.high.rank >= Rank(0, term, seq)
                assert term >= self.promised

    def once(self, slot: tuple[Any, ...], what: Any) -> None:
        assert self.said.setdefault(slot, what) == what, slot


class Adversary:
    """Three lying hubs that look at the fourth and tell it what just might confuse it.

    They make one certificate a slot, as any number of liars within the budget could.
    """

    def __init__(self) -> None:
        self.told = Told()
        self.certified = {ROOT.rank: (ROOT, 0)}

    def any_certificate(self, choice: int) -> tuple[QuorumCertificate, int]:
        ordered = sorted(self.certified)
        return self.certified[ordered[-1 - choice % len(ordered)]]

    def certify(self, slot: Rank, choice: int) -> QuorumCertificate:
        if slot not in self.certified and slot.term > 0:
            lower = [rank for rank in sorted(self.certified) if rank < slot]
            justify, height = self.certified[lower[-1 - choice % len(lower)]]
            made = block(slot, justify.block, height + 1, justify)
            entries = tuple(Endorsement(signer, b"") for signer in OTHERS)
            certificate = QuorumCertificate(slot, made.hash, justify.rank, justify.block, entries)
            self.certified[slot] = certificate, height + 1
        return self.certified.get(slot, (ROOT, 0))[0]

    def election(self, term: int, choice: int) -> ElectionCertificate:
        below = [c for c, _ in self.certified.values() if c.rank.term < term]
        votes = tuple(
            VoteEndorsement(signer, b"", high.rank, high.block)
            for signer in OTHERS
            for high in (below[choice * signer % len(below)],)
        )
        return ElectionCertificate(0, term, votes)

    def proposal(self, seq: int, choice: int) -> inputs.Input:
        """Mostly what an honest leader could propose, in one of two variants; sometimes not."""
        term = self.told.core.term
        if term == 0:
            return inputs.ElectionShown(self.election(1, choice))
        slot = Rank(0, term, seq)
        election = self.election(term, choice) if seq == 0 else None
        if choice % 4 == 0:
            base = self.any_certificate(choice)[0].rank
        elif election is not None:
            base = max(vote.high_rank for vote in election.endorsements)
        else:
            base = self.certify(slot._replace(seq=seq - 1), choice).rank
        justify, height = self.certified[base]
        summary = block(slot, justify.block, height + 1, justify, variant=choice % 2)
        return inputs.ProposalSeen(slot, HOME.leader(term), summary, justify, election)

    def commit(self) -> list[inputs.Input]:
        """All three commit the highest certificate of the term."""
        high = self.told.core.safety.high
        rank = high.rank
        return [
            inputs.StatementSeen(Commit(0, rank.term, rank.seq, high.block, signer))
            for signer in OTHERS
        ]

    def say(self, kind: int, choice: int) -> list[inputs.Input]:
        """One attack."""
        term = self.told.core.term
        match kind:
            case 0 if choice < 3:
                return [inputs.ElectionShown(self.election(term + 1 + choice % 2, choice))]
            case 0 | 1 | 2 | 3:
                return [self.proposal(max(0, kind - 1), choice)]
            case 4:
                slot = Rank(0, max(1, term - choice % 2), choice % 3)
                return [inputs.QuorumShown(self.certify(slot, choice))]
            case 5 if choice < 3:
                return [inputs.StatementSeen(PreVote(0, term, signer)) for signer in OTHERS]
            case 6 if choice < 6:
                high = self.any_certificate(choice)[0]
                late = max(term, high.rank.term + 1)
                return [inputs.StatementSeen(Vote(0, late, 1 + choice % 3, high))]
            case 7:
                return [inputs.PendingChanged(1, self.told.now_ms)]
            case 8 if choice < 2:
                return [inputs.LeaderLinkLost(HOME.leader(term))]
            case 9:
                return self.commit()
            case _:
                return [inputs.TimePassed()]


attacks = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 11), st.sampled_from((0, 1, 400)), st.booleans()),
    max_size=80,
)


@given(attacks)
def test_a_hub_never_contradicts_itself(story: list[tuple[int, int, int, bool]]) -> None:
    liars = Adversary()
    told = liars.told
    for kind, choice, later_ms, power_cut in story:
        told.now_ms += later_ms
        if power_cut and later_ms == 400:
            told.restart()
        for event in liars.say(kind, choice):
            told.tell(event)


@given(stories)
def test_what_a_hub_remembers_is_bounded(story: list[tuple[inputs.Input, int, bool]]) -> None:
    told = Told()
    for event, later_ms, _ in story:
        told.now_ms += later_ms
        told.tell(event)
    hub = told.core._hub
    assert len(hub.votes) <= HOME.size
    assert len(hub.early) <= 2 * HOME.size
    assert hub.pre_votes.size() <= 8 * HOME.size
    assert hub.tally.prepares.size() <= 16 * HOME.size
    assert len(hub.chain) <= 64
