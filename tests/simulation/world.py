"""A whole home on virtual time: clock, hubs, clients, faults. One seed, one history."""

import hashlib
import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from homechain.consensus import effects, inputs
from homechain.consensus.timing import Timing
from homechain.model.blocks import Block
from homechain.model.configuration import Configuration, configuration
from tests.simulation.blocks import Final, SimBlock
from tests.simulation.checkers import Checkers
from tests.simulation.disk import Disk
from tests.simulation.network import Network
from tests.simulation.notary import Notary
from tests.simulation.runner import Runner

HUBS = tuple(f"hub-{letter}" for letter in "abcdefghi")


@dataclass(frozen=True, slots=True)
class Change:
    """An owner's record that alters the membership."""

    add: str | None = None
    remove: str | None = None


@dataclass
class World:
    """Everything there is. `names` are all hubs that have a process, members or not."""

    seed: int
    names: tuple[str, ...]
    members: tuple[str, ...]
    timing: Timing = field(default_factory=Timing)
    trusting: bool = True
    """Statements on the network need no check: nobody in this world can forge."""
    now_ms: int = 0
    disk_ms: tuple[int, int] = (1, 3)
    crash_chance: float = 0.0
    """Of the power going just before an effect."""
    restart_ms: tuple[int, int] = (50, 4_000)
    restarts: bool = True
    durable_before_sent: bool = True
    """False only in a test that shows why it is true."""
    no_block: Block = field(default_factory=lambda: Block(b"", ()))

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.notary = Notary()
        self.checkers = Checkers(self)
        self.faults: Counter[str] = Counter()
        self.network = Network(self.chance, self.later, faults=self.faults)
        self.changes: dict[int, Change] = {}
        self.next_record = 1
        self.steps = 0
        self.genesis = configuration(home=b"home", epoch=0, members=self.members)
        self.disks = {name: Disk([self.genesis]) for name in self.names}
        self.runners: dict[str, Runner] = {}
        self.accusations: list[effects.Accuse] = []
        self.quarantined: list[str] = []
        self.refusals: list[tuple[str, Any]] = []
        self._events: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._trace = hashlib.blake2b(digest_size=16)

    # ------------------------------------------------------------------ time

    def later(self, delay_ms: int, action: Callable[..., None], *arguments: Any) -> None:
        self.at(self.now_ms + delay_ms, action, *arguments)

    def at(self, when_ms: int, action: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when_ms, self.now_ms), self._count, action, arguments))

    def run(self, until_ms: int, *, stop: Callable[[], bool] | None = None) -> None:
        """Until that time, or until `stop()` holds (looked at once a millisecond)."""
        events = self._events
        while events and events[0][0] <= until_ms:
            if stop is not None and events[0][0] > self.now_ms and stop():
                return
            self.now_ms, _, action, arguments = heapq.heappop(events)
            action(*arguments)
        if stop is None or not stop():
            self.now_ms = max(self.now_ms, until_ms)

    def note(self, *what: Any) -> None:
        """Goes into the trace hash."""
        self._trace.update(repr((self.now_ms, what)).encode())

    def trace_hash(self) -> str:
        """Equal for equal histories."""
        return self._trace.hexdigest()

    # ------------------------------------------------------------------ hubs

    def start(self, *names: str) -> None:
        """Starts processes (all by default)."""
        for name in names or self.names:
            if name not in self.runners:
                self.note("start", name)
                self.runners[name] = Runner(self, name, self.disks[name])
                self.runners[name].start()

    def crash(self, name: str, *, kept: int | None = None) -> None:
        """kill -9, or the power: volatile state is gone, unconfirmed writes may be.

        `kept`: how many of those made it; by chance if None.
        """
        runner = self.runners.pop(name)
        runner.alive = False
        self.note("crash", name)
        self.faults["crash"] += 1
        unconfirmed = len(self.disks[name].writing)
        self.disks[name].lose(kept=self.chance.randint(0, unconfirmed) if kept is None else kept)
        for other in self.names:
            if other == name:
                continue
            quick = self.chance.random() < 0.8
            delay = self.chance.randint(1, 5) if quick else self.chance.randint(1_000, 6_000)
            self.later(delay, self.link_lost, other, name)
        if self.restarts:
            self.later(self.chance.randint(*self.restart_ms), self.start, name)

    def link_lost(self, name: str, other: str) -> None:
        """`name` notices that its link to `other` broke."""
        runner = self.runners.get(name)
        if runner is None or (other in self.runners and self.network.reaches(other, name)):
            return
        number = runner.configuration.number_of(other)
        if number is not None:
            runner.give(inputs.LeaderLinkLost(number))

    def crashes_now(self, runner: Runner) -> bool:
        return self.crash_chance > 0 and self.chance.random() < self.crash_chance

    def disk_delay_ms(self) -> int:
        return self.chance.randint(*self.disk_ms)

    def send(self, sender: str, receiver: str, message: Any) -> None:
        if receiver in self.runners:
            self.network.send(sender, receiver, message, self.runners[receiver].receive)

    # ------------------------------------------------------------------ clients

    def submit(self, name: str, change: Change | None = None) -> int | None:
        """A client gives a record to one hub; None if that is down."""
        runner = self.runners.get(name)
        if runner is None:
            return None
        record = self.next_record
        self.next_record += 1
        if change is not None:
            self.changes[record] = change
        self.note("submit", name, record)
        runner.admit((record,), durable=True)
        return record

    def following(self, home: Configuration, record: int) -> Configuration | None:
        """The configuration that `record` leads to, if it means anything now."""
        change = self.changes.get(record)
        if change is None:
            return None
        members = set(home.members)
        if change.add is not None:
            members.add(change.add)
        if change.remove is not None:
            members.discard(change.remove)
        if members == set(home.members) or not 1 <= len(members) <= 7:
            return None
        return configuration(home=b"home", epoch=home.epoch + 1, members=tuple(members))

    def choose(
        self, home: Configuration, waiting: list[int]
    ) -> tuple[tuple[int, ...], Configuration | None]:
        """Records for a block, up to the first that ends the epoch."""
        records: list[int] = []
        for record in waiting:
            records.append(record)
            following = self.following(home, record)
            if following is not None:
                return tuple(records), following
        return tuple(records), None

    def is_valid(self, home: Configuration, block: SimBlock) -> bool:
        """Does the block end the epoch exactly where its records say so?"""
        return (block.records, block.next_configuration) == self.choose(home, list(block.records))

    # ------------------------------------------------------------------ what checkers see

    def watch_step(self, runner: Runner, event: inputs.Input, done: list[effects.Effect]) -> None:
        self.steps += 1
        subject = event.statement if isinstance(event, inputs.StatementSeen) else event
        self._trace.update(
            f"{self.now_ms} {runner.name} {type(subject).__name__} {len(done)} "
            f"{runner.core.term} {runner.core.committed_height};".encode()
        )
        self.checkers.after_step(runner)

    def watch_statement(self, runner: Runner, statement: Any) -> None:
        self.checkers.is_implied_by_disk(runner, statement)

    def watch_finals(self, runner: Runner, finals: list[Final]) -> None:
        self.checkers.final(runner, finals)

    def acknowledged(self, runner: Runner, record: int) -> None:
        self.checkers.acknowledged(record)

    def accused(self, runner: Runner, accusation: effects.Accuse) -> None:
        self.accusations.append(accusation)
        signer = runner.configuration.members[accusation.signer]
        self.checkers.accused(signer, accusation)

    def refused(self, runner: Runner, message: Any) -> None:
        if len(self.refusals) < 1_000:
            self.refusals.append((runner.name, message))
