"""The invariants, looked at while the simulation runs. A broken one raises `Violation` at once."""

from typing import TYPE_CHECKING, Any

from homechain.consensus import effects
from homechain.consensus.tally import PRE_VOTE_TERMS, SLOTS_AHEAD, SLOTS_BEHIND
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    QuorumCertificate,
    Rank,
)
from homechain.model.statements import Commit, Prepare, Vote
from tests.simulation.blocks import Final, SimBlock
from tests.simulation.notary import Violation

if TYPE_CHECKING:
    from tests.simulation.runner import Runner
    from tests.simulation.world import World


def ensure(holds: bool, what: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise Violation(what)


class Checkers:
    """What has been seen of a home so far, over all hubs and all their lives."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.certified: dict[Rank, QuorumCertificate] = {}
        self.committed: dict[Rank, bytes] = {}
        self.chain: list[SimBlock] = []
        self.place: dict[int, int] = {}
        """Record → height."""
        self.acked: set[int] = set()
        self.proven: dict[str, int] = {}
        self.elections: set[tuple[int, int]] = set()

    # ------------------------------------------------------------------ one step

    def after_step(self, runner: "Runner") -> None:
        hub = runner.core._hub
        self.one_certificate_a_slot(runner, hub.safety.high)
        if hub.commit is not None:
            self.one_commit_a_slot(hub.commit)
        if runner.core.role == "leader":
            self.elections.add((hub.safety.epoch, hub.term))
        if hub.election is not None and hub.election.term > self.proven.get(runner.name, 0):
            self.proven[runner.name] = hub.election.term
            self.voters_voted(runner, hub.election)
        if self.world.steps % 32 == 0:
            self.is_bounded(hub, runner.configuration.size)

    def one_certificate_a_slot(self, runner: "Runner", certificate: QuorumCertificate) -> None:
        known = self.certified.get(certificate.rank)
        if known is None:
            home = runner.configuration
            ensure(
                self.world.notary.proves_quorum(certificate, home),
                f"{runner.name} holds a certificate that proves nothing: {certificate}",
            )
            self.certified[certificate.rank] = certificate
            return
        ensure(
            known.block == certificate.block,
            f"two certificates for slot {certificate.rank}: "
            f"{known.block.hex()[:8]} and {certificate.block.hex()[:8]}",
        )

    def voters_voted(self, runner: "Runner", election: ElectionCertificate) -> None:
        """Nobody is elected by votes that were cast for something else."""
        members = runner.configuration.members
        for entry in election.endorsements:
            voter = members[entry.signer]
            ensure(
                voter in self.world.notary.liars
                or self.world.notary.has_voted(voter, epoch=election.epoch, term=election.term),
                f"{runner.name} believes that {voter} voted in term {election.term}",
            )

    def one_commit_a_slot(self, certificate: CommitCertificate) -> None:
        known = self.committed.setdefault(certificate.rank, certificate.block)
        ensure(known == certificate.block, f"two commit certificates for {certificate.rank}")

    def is_bounded(self, hub: Any, size: int) -> None:
        """Whatever anybody sends, a hub remembers only so much."""
        window = (SLOTS_BEHIND + SLOTS_AHEAD) * size
        for slots in (hub.tally.prepares, hub.tally.commits, hub.tally.proposals):
            ensure(slots.size() <= window, "more slots are counted than the window holds")
        ensure(hub.pre_votes.size() <= PRE_VOTE_TERMS * size, "too many pre-votes")
        ensure(len(hub.votes) <= size, "too many votes")
        ensure(len(hub.early) <= 2 * size, "too many early statements")
        ensure(len(hub.chain) <= 64, "too many undecided blocks")
        ensure(len(hub.last_ms) <= 8 * (size + 1), "too many rate limits")

    # ------------------------------------------------------------------ durable before sent

    def is_implied_by_disk(self, runner: "Runner", statement: Any) -> None:
        """Every statement that leaves a hub follows from what is on its disk (R13)."""
        safety = runner.disk.safety
        if not isinstance(statement, Vote | Prepare | Commit):
            return
        ensure(safety is not None, "said something before anything was durable")
        assert safety is not None
        holds = epoch = safety.epoch == statement.epoch
        match statement:
            case Vote(term=term, high=high):
                holds = epoch and safety.term >= term and safety.high.rank >= high.rank
                voted = safety.voted
                holds = holds and voted is not None and voted.term >= term
            case Prepare():
                rank = Rank(statement.epoch, statement.term, statement.seq)
                last = safety.prepared
                holds = epoch and last is not None and last.rank >= rank
                holds = holds and safety.high.rank >= statement.justify_rank
                holds = holds and statement.block in runner.disk.stored
            case Commit():
                rank = Rank(statement.epoch, statement.term, statement.seq)
                holds = epoch and safety.high.rank >= rank
        ensure(holds, f"{runner.name} says {statement} but its disk says {safety}")

    # ------------------------------------------------------------------ final

    def final(self, runner: "Runner", finals: list[Final]) -> None:
        """One chain for all, each record once, each end proven."""
        for final in finals:
            block = final.block
            height = block.summary.height
            if height <= len(self.chain):
                ensure(
                    self.chain[height - 1].hash == block.hash,
                    f"{runner.name} has another final block at height {height}",
                )
                continue
            ensure(height == len(self.chain) + 1, f"gap below height {height}")
            if self.chain:
                ensure(block.summary.parent == self.chain[-1].hash, "the chain does not link")
            for record in block.records:
                ensure(record not in self.place, f"record {record} is final twice")
                self.place[record] = height
            self.chain.append(block)
        last = finals[-1]
        ensure(last.commit is not None, "final without a certificate")

    def acknowledged(self, record: int) -> None:
        self.acked.add(record)
        ensure(record in self.place, f"record {record} was acknowledged and is not final")

    def accused(self, signer: str, accusation: effects.Accuse) -> None:
        ensure(
            signer in self.world.notary.liars,
            f"honest {signer} stands accused: {accusation.kind}",
        )

    # ------------------------------------------------------------------ at the end

    def everything_is_final(self) -> bool:
        """Has every record that some running member waits for become final, everywhere?"""
        world = self.world
        members = self.members()
        heights = set()
        for name in members:
            runner = world.runners.get(name)
            if runner is None or runner.pending:
                return False
            heights.add(len(runner.disk.finals))
        return len(heights) == 1

    def members(self) -> tuple[str, ...]:
        """Of the newest configuration that is final anywhere."""
        disks = self.world.disks.values()
        return max((d.configurations[-1] for d in disks), key=lambda c: c.epoch).members

    def at_the_end(self) -> None:
        """What only the whole history shows."""
        ensure(not self.world.quarantined, f"honest hubs in quarantine: {self.world.quarantined}")
        for name, disk in self.world.disks.items():
            for height, final in enumerate(disk.finals, start=1):
                ensure(
                    final.block.hash == self.chain[height - 1].hash,
                    f"{name} kept another block at height {height}",
                )
        for record in self.acked:
            ensure(record in self.place, f"record {record} was acknowledged and is lost")
