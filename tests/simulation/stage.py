"""A stage for scripted histories: real cores, full verification, a network that a script directs.

A script says who hears whom and what is held back, lets time pass, and lets liars speak. It reads
like the story it tells; the invariants are the same as everywhere.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from homechain.model.blocks import ElectionCertificate, QuorumCertificate, Rank
from homechain.model.statements import Commit, Prepare, PreVote, Proposal, Vote
from tests.simulation.blocks import GENESIS, Shown, SimBlock, SimProposal, make_block
from tests.simulation.disk import Disk
from tests.simulation.notary import Violation
from tests.simulation.runner import Runner
from tests.simulation.world import HUBS, World

Said = PreVote | Vote | Prepare | Commit


class Stage:
    """`n` hubs; `hub(t)` is the one that leads term t."""

    def __init__(self, n: int, *, liars: Iterable[int] = ()) -> None:
        names = HUBS[:n]
        self.world = World(seed=0, names=names, members=names, trusting=False, restarts=False)
        self.home = self.world.genesis
        self.world.notary.liars = {self.hub(term) for term in liars}
        self.world.network.holds = self._holds
        self._rules: list[Callable[[str, str, Any], bool]] = []
        self._honest = tuple(name for name in names if name not in self.world.notary.liars)

    # ------------------------------------------------------------------ who is who

    def hub(self, term: int) -> str:
        """The leader of `term`."""
        return self.home.members[self.home.leader(term)]

    def runner(self, name: str) -> Runner:
        return self.world.runners[name]

    def start(self) -> None:
        """All honest hubs run; liars only speak when the script says so."""
        self.world.start(*self._honest)

    # ------------------------------------------------------------------ what is heard

    def _holds(self, sender: str, receiver: str, message: Any) -> bool:
        return any(rule(sender, receiver, message) for rule in self._rules)

    def alone(self, *hubs: str) -> None:
        """These hear, and are heard by, nobody but one another. Replaces an earlier `alone`."""
        inside = set(hubs)
        self.world.network.cut = {
            (a, b)
            for a in self.world.names
            for b in self.world.names
            if (a in inside) != (b in inside)
        }
        for a, b in sorted(self.world.network.cut):
            self.world.link_lost(b, a)
        self._greet()

    def together(self) -> None:
        """All links are whole again."""
        self.world.network.cut = set()
        self._greet()

    def _greet(self) -> None:
        for runner in list(self.world.runners.values()):
            runner.announce()

    def hold(
        self,
        kind: type | tuple[type, ...],
        *,
        of: str | None = None,
        to: str | None = None,
        where: Callable[[Any], bool] = lambda _: True,
    ) -> Callable[[], None]:
        """Keeps such messages back until the returned function is called."""

        def rule(sender: str, receiver: str, message: Any) -> bool:
            if not isinstance(message, kind) or to not in (None, receiver):
                return False
            signer = getattr(message, "signer", None)
            author = sender if signer is None else self.home.members[signer]
            return of in (None, author) and where(message)

        def release() -> None:
            self._rules.remove(rule)

        self._rules.append(rule)
        return release

    # ------------------------------------------------------------------ time

    def until(self, holds: Callable[[], bool], what: str, *, within_ms: int = 20_000) -> None:
        """Lets time pass until it holds. `Violation` if it never does."""
        stop = self.world.now_ms + within_ms
        while self.world.now_ms < stop:
            if holds():
                return
            self.world.run(self.world.now_ms + 1)
        if not holds():
            raise Violation(f"never came: {what}")

    def wait(self, duration_ms: int) -> None:
        self.world.run(self.world.now_ms + duration_ms)

    def leads(self, name: str, term: int) -> None:
        """Until `name` leads `term`."""
        self.until(
            lambda: (self.runner(name).core.role, self.runner(name).core.term) == ("leader", term),
            f"{name} leads term {term}",
        )

    def holds_certificate(self, name: str, rank: Rank) -> None:
        """Until `name` holds a prepare certificate at least so high."""
        self.until(lambda: self.runner(name).core.high >= rank, f"{name} certifies {rank}")

    def is_final(self, name: str, height: int) -> bool:
        """Is `height` final at `name`?"""
        return len(self.runner(name).disk.finals) >= height

    def has_final(self, name: str, height: int) -> None:
        """Until `height` is final at `name`."""
        self.until(lambda: self.is_final(name, height), f"{name} is final to {height}")

    def anything_goes(self) -> None:
        """Nothing is held back any more."""
        self._rules.clear()

    def ends_well(self, *, height: int) -> None:
        """All honest hubs agree in the end, and go on."""
        self.together()
        self._rules.clear()
        for name in self._honest:
            self.has_final(name, height)
        self.world.checkers.at_the_end()

    # ------------------------------------------------------------------ liars

    def lie(self, liar: str, statement: Any, *to: str) -> Any:
        """The liar signs whatever the script wants, and tells it to some."""
        signed = self.world.notary.sign(liar, statement, self.home)
        for name in to:
            self.world.later(1, self.runner(name).receive, liar, signed)
        self.wait(2)
        return signed

    def number(self, name: str) -> int:
        number = self.home.number_of(name)
        assert number is not None
        return number

    def lying_proposal(
        self,
        liar: str,
        *to: str,
        slot: Rank,
        justify: QuorumCertificate,
        height: int,
        records: tuple[int, ...] = (),
        election: ElectionCertificate | None = None,
    ) -> SimBlock:
        """The liar proposes a block of its own making to some hubs, and prepares it itself."""
        block = make_block(
            slot=slot, parent=justify.block, height=height, justify=justify, records=records
        )
        number = self.number(liar)
        statement = Proposal(
            slot.epoch, slot.term, slot.seq, number, block.hash,
            self.world.no_block, justify, election,
        )  # fmt: skip
        signature = self.world.notary.sign(liar, statement, self.home).signature
        proposal = SimProposal(slot, number, block, justify, election, signature)
        for name in to:
            self.world.later(1, self.runner(name).receive, liar, proposal)
        self.lie(
            liar,
            Prepare(
                slot.epoch, slot.term, slot.seq, block.hash, justify.rank, justify.block, number
            ),
            *to,
        )
        return block

    def show(self, certificate: Any, *to: str) -> None:
        """Somebody shows a certificate."""
        for name in to:
            self.world.later(1, self.runner(name).receive, name, Shown(0, certificate))
        self.wait(2)

    def vote(self, name: str, term: int, high: QuorumCertificate) -> Vote:
        """A vote that an honest or lying hub signs outside of its process."""
        vote: Vote = self.world.notary.sign(name, Vote(0, term, self.number(name), high), self.home)
        return vote


def copy_of(disk: Disk) -> Disk:
    """An image of a disk, to be put back later."""
    return Disk(
        list(disk.configurations),
        disk.safety,
        dict(disk.bodies),
        set(disk.stored),
        list(disk.finals),
        dict(disk.final_records),
        dict(disk.pending),
    )


def root() -> QuorumCertificate:
    """Genesis' certificate."""
    rank = Rank(0, 0, 0)
    return QuorumCertificate(rank, GENESIS, rank, GENESIS, ())


def unsigned(statement: Said) -> Any:
    """Without its token."""
    return msgspec.structs.replace(statement, signature=b"")


def as_they_are(stage: Stage) -> None:
    """No rule is weakened."""


def hide_the_certificate(stage: Stage, *, leader: str, other: str, rank: Rank) -> None:
    """`leader` and `other` prepare a block; only `leader` learns that both did."""
    for kind in (Prepare, Commit, Shown):
        stage.hold(kind, of=leader, to=other)
    stage.holds_certificate(leader, rank)
    assert stage.runner(other).core.high < rank


Weaken = Callable[[Stage], None]
"""Makes one rule weaker."""
FIRST = Rank(0, 1, 0)
"""The first slot of the first term."""
