"""One simulated hub: the real core, driven as the real driver does, on virtual time.

verify → step → persist → send. Everything volatile is in this object; a crash throws it away and
keeps the disk.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from homechain.consensus import effects, inputs
from homechain.consensus.core import Consensus
from homechain.consensus.safety import first_record
from homechain.model.blocks import CommitCertificate, Rank
from homechain.model.configuration import Configuration
from homechain.model.statements import Proposal
from tests.simulation.blocks import (
    GENESIS,
    BlocksWanted,
    BlockWanted,
    Final,
    Records,
    Shown,
    SimBlock,
    SimProposal,
    Status,
    make_block,
)
from tests.simulation.disk import Disk
from tests.simulation.hearing import hear, try_held
from tests.simulation.notary import Violation

if TYPE_CHECKING:
    from tests.simulation.world import World

RECORDS_PER_BLOCK = 8
STATUS_EVERY_MS = 2_000
FLOOD_EVERY_MS = 1_000


class Runner:
    """A running hub process."""

    def __init__(self, world: "World", name: str, disk: Disk) -> None:
        self.world = world
        self.name = name
        self.disk = disk
        self.alive = True
        self.queue: deque[tuple[int, effects.Effect | Callable[[], None]]] = deque()
        self.busy = False
        self.timer_ms: int | None = None
        self.pending: dict[int, int] = {}
        self.bodies: dict[bytes, SimBlock] = dict(disk.bodies)
        self.held: dict[tuple[Rank, bytes], SimProposal] = {}
        self.heard: dict[Any, int] = {}
        self.given: dict[Any, int] = {}
        self.finalizing: list[Final] = []
        self.configuration = disk.configurations[-1]
        self.core = self._start_core()
        for record in disk.pending:
            self.pending[record] = world.now_ms

    def _start_core(self) -> Consensus:
        disk, home = self.disk, self.configuration
        height = len(disk.finals)
        head = disk.finals[-1].block.summary if disk.finals else None
        safety = disk.safety
        if safety is None or safety.epoch < home.epoch:
            # The newest closing block is this epoch's root.
            root_height, root = 0, GENESIS
            for final in disk.finals:
                if final.block.next_configuration is not None:
                    root_height, root = final.block.summary.height, final.block.hash
            safety = first_record(epoch=home.epoch, root=root, height=root_height)
        if height > 0 and head is not None and head.closes is not None:
            head = None if safety.root == head.hash else head
        commit = disk.newest_commit()
        return Consensus(
            home,
            me=home.number_of(self.name),
            safety=safety,
            head=head,
            chain=[body.summary for body in disk.bodies.values()],
            commit=commit if commit is not None and commit.rank.epoch == home.epoch else None,
            timing=self.world.timing,
        )

    # ------------------------------------------------------------------ stepping

    def start(self) -> None:
        """The process is up: first step, first status, first flood."""
        self.give(inputs.TimePassed())
        self.tell_pending()
        self.every(STATUS_EVERY_MS, self.announce)
        self.every(FLOOD_EVERY_MS, self.flood_pending)

    def every(self, interval_ms: int, action: Callable[[], None]) -> None:
        """Now and again and again, while this process lives."""
        if self.alive:
            action()
            self.world.later(interval_ms, self.every, interval_ms, action)

    def give(self, event: inputs.Input) -> None:
        """One step of the core, and its effects put in line."""
        if not self.alive:
            return
        world = self.world
        done = self.core.step(event, now_ms=world.now_ms, entropy=world.chance.getrandbits(64))
        world.watch_step(self, event, done)
        for effect in done:
            # These bind nobody: they overtake what waits for the disk.
            if isinstance(effect, effects.Fetch | effects.CatchUp | effects.Announce):
                self.carry_out(effect)
            else:
                self.queue.append((self.configuration.epoch, effect))
        self.run_queue()
        self.set_timer()

    def set_timer(self) -> None:
        """Asks to be woken at the core's deadline."""
        deadline = self.core.deadline_ms
        if self.timer_ms is None or deadline < self.timer_ms:
            self.timer_ms = deadline
            self.world.at(deadline, self.on_timer, deadline)

    def on_timer(self, planned_ms: int) -> None:
        if not self.alive or self.timer_ms != planned_ms:
            return
        self.timer_ms = None
        if self.world.now_ms >= self.core.deadline_ms:
            self.give(inputs.TimePassed())
        else:
            self.set_timer()

    def run_queue(self) -> None:
        """Effects in order; each `Persist` stops the line until the disk confirms it."""
        while self.queue and not self.busy and self.alive:
            epoch, effect = self.queue.popleft()
            if self.world.crashes_now(self):
                self.world.crash(self.name)
                return
            if isinstance(effect, effects.Persist):
                self.persist(effect)
            elif isinstance(effect, effects.Finalize):
                self.finalize(effect)
            elif callable(effect):
                effect()
            elif epoch == self.configuration.epoch:
                self.carry_out(effect)

    def write(self, change: Callable[[], None], then: Callable[[], None] | None = None) -> None:
        """A durable step: the line waits for it."""
        self.busy = True
        self.disk.begin(change)
        self.world.later(self.world.disk_delay_ms(), self.confirmed, then)

    def confirmed(self, then: Callable[[], None] | None) -> None:
        if not self.alive:
            return
        self.disk.confirm()
        self.busy = False
        if then is not None:
            then()
        self.run_queue()

    # ------------------------------------------------------------------ effects

    def persist(self, effect: effects.Persist) -> None:
        body = self.bodies[effect.store] if effect.store is not None else None
        self.write(lambda: self.disk.put_safety(effect.safety, body))
        self.busy = self.busy and self.world.durable_before_sent

    def carry_out(self, effect: effects.Effect) -> None:
        """Everything that needs no disk."""
        match effect:
            case effects.Broadcast(statement):
                self.broadcast(statement)
            case effects.Build():
                self.build(effect)
            case effects.Propose():
                self.propose(effect)
            case effects.Show(certificate, to):
                members = self.configuration.members
                for name in members if to is None else (members[to],):
                    self.send(name, Shown(self.core.epoch, certificate))
            case effects.Fetch(block, sources):
                self.fetch(block, sources)
            case effects.CatchUp(hub):
                self.catch_up(hub)
            case effects.Announce():
                self.announce()
            case effects.Remind(statement, to):
                self.send(self.configuration.members[to], statement)
            case effects.Quarantine():
                self.world.quarantined.append(self.name)
            case effects.Accuse():
                self.world.accused(self, effect)

    def broadcast(self, statement: Any) -> None:
        home = self.configuration
        if statement.epoch != home.epoch:
            return
        self.world.watch_statement(self, statement)
        signed = self.world.notary.sign(self.name, statement, home)
        self.flood(signed, but=None)
        self.world.later(0, hear, self, self.name, signed)

    def build(self, effect: effects.Build) -> None:
        self.world.later(self.world.chance.randint(0, 3), self.built, effect)

    def built(self, effect: effects.Build) -> None:
        if not self.alive:
            return
        slot, parent = effect.slot, effect.parent
        taken = self.records_above_final(parent)
        if taken is None:
            self.give(inputs.BlockBuilt(slot, None))
            return
        waiting = [r for r in self.pending if r not in taken and r not in self.disk.final_records]
        records, following = self.world.choose(self.configuration, waiting[:RECORDS_PER_BLOCK])
        if not records and not effect.even_if_empty:
            self.give(inputs.BlockBuilt(slot, None))
            return
        block = make_block(
            slot=slot,
            parent=parent,
            height=self.height_of(parent) + 1,
            justify=effect.justify,
            records=records,
            next_configuration=following,
        )
        self.bodies[block.hash] = block
        self.give(inputs.BlockBuilt(slot, block.summary))

    def propose(self, effect: effects.Propose) -> None:
        home = self.configuration
        slot = effect.slot
        if slot.epoch != home.epoch or effect.block not in self.bodies:
            return
        me = home.number_of(self.name)
        assert me is not None
        statement = Proposal(
            slot.epoch, slot.term, slot.seq, me, effect.block,
            self.world.no_block, effect.justify, effect.election,
        )  # fmt: skip
        signature = self.world.notary.sign(self.name, statement, home).signature
        proposal = SimProposal(
            slot, me, self.bodies[effect.block], effect.justify, effect.election, signature
        )
        targets = home.members if effect.to is None else [home.members[n] for n in effect.to]
        for name in targets:
            self.send(name, proposal)
        self.world.later(0, hear, self, self.name, proposal)

    def fetch(self, block: bytes, sources: tuple[int, ...]) -> None:
        if block in self.bodies:
            self.keep_body(self.bodies[block])
            return
        for number in sources:
            self.send(self.configuration.members[number], BlockWanted(block))

    def catch_up(self, hub: int | None) -> None:
        wanted = BlocksWanted(len(self.disk.finals) + len(self.finalizing) + 1)
        if hub is not None:
            self.send(self.configuration.members[hub], wanted)
        else:
            for name in self.world.names:
                self.send(name, wanted)

    def announce(self) -> None:
        core = self.core
        status = Status(self.name, core.epoch, core.term, len(self.disk.finals))
        for name in self.world.names:
            self.send(name, status)

    # ------------------------------------------------------------------ final blocks

    def finalize(self, effect: effects.Finalize) -> None:
        """All blocks from the final head up to the one named, in one transaction."""
        if any(final.block.hash == effect.block for final in self.disk.finals[-64:]):
            # Sync was quicker.
            self.write(lambda: self.disk.put_safety(effect.safety, None))
            return
        path: list[SimBlock] = []
        name = effect.block
        while name != self.head_hash():
            if name not in self.bodies:
                raise Violation(f"{self.name}'s disk holds another final block below")
            block = self.bodies[name]
            path.append(block)
            name = block.summary.parent
        path.reverse()
        finals = [Final(block, None) for block in path[:-1]] + [Final(path[-1], effect.commit)]
        self.install(finals, lambda: self.disk.put_finals(finals, effect.safety))

    def head_hash(self) -> bytes:
        """Of the newest block that is final, or being written as such."""
        finals = self.finalizing or self.disk.finals
        return finals[-1].block.hash if finals else GENESIS

    def install(
        self,
        finals: list[Final],
        change: Callable[[], None],
        *,
        commit: CommitCertificate | None = None,
    ) -> None:
        """`commit` is given where the core does not know yet: the blocks came by sync."""
        self.world.watch_finals(self, finals)
        self.finalizing.extend(finals)
        for final in finals:
            self.bodies[final.block.hash] = final.block

        def done() -> None:
            del self.finalizing[: len(finals)]
            self.finals_durable(finals, commit)

        self.write(change, done)

    def finals_durable(self, finals: list[Final], commit: CommitCertificate | None) -> None:
        """Told to clients, and to the core if the epoch ended."""
        for final in finals:
            for record in final.block.records:
                self.pending.pop(record, None)
                self.world.acknowledged(self, record)
        height = len(self.disk.finals)
        self.bodies = {n: b for n, b in self.bodies.items() if b.summary.height > height - 8}
        newest = self.disk.configurations[-1]
        if newest.epoch > self.configuration.epoch:
            self.enter_epoch(newest)
        elif commit is not None:
            self.give(inputs.CaughtUp(commit, finals[-1].block.summary))
        self.tell_pending()
        try_held(self)

    def enter_epoch(self, newest: Configuration) -> None:
        root = next(
            final.block.summary
            for final in reversed(self.disk.finals)
            if final.block.next_configuration is not None
        )
        self.configuration = newest
        self.held.clear()
        me = newest.number_of(self.name)
        self.give(inputs.EpochEntered(newest, root.hash, root.height, me))
        above = len(self.disk.finals) - root.height
        commit = self.disk.newest_commit()
        if above and commit is not None:
            self.give(inputs.CaughtUp(commit, self.disk.finals[-1].block.summary))
        self.announce()

    # ------------------------------------------------------------------ hearing

    def send(self, name: str, message: Any) -> None:
        if name != self.name:
            self.world.send(self.name, name, message)

    def flood(self, message: Any, *, but: str | None) -> None:
        for name in self.world.names:
            if name not in (self.name, but):
                self.send(name, message)

    def receive(self, sender: str, message: Any) -> None:
        """From the network."""
        if self.alive:
            hear(self, sender, message)

    def records_above_final(self, name: bytes) -> set[int] | None:
        """Records of the undecided blocks from `name` down; None if a body is missing."""
        records: set[int] = set()
        head = self.disk.finals[-1].block.hash if self.disk.finals else GENESIS
        while name != head:
            block = self.bodies.get(name)
            if block is None:
                return None
            records.update(block.records)
            name = block.summary.parent
        return records

    def height_of(self, name: bytes) -> int:
        if name == self.head_hash():
            return len(self.disk.finals) + len(self.finalizing)
        return self.bodies[name].summary.height

    def keep_body(self, block: SimBlock) -> None:
        """Durable first, then the core hears of it."""

        def done() -> None:
            self.give(inputs.BlockAvailable(block.summary))
            try_held(self)

        store = partial(self.write, lambda: self.disk.put_body(block), done)
        self.queue.append((self.configuration.epoch, store))
        self.run_queue()

    # ------------------------------------------------------------------ records

    def admit(self, records: tuple[int, ...], *, durable: bool = False) -> None:
        """Takes records that are neither final nor known; a client's are kept on disk."""
        new = [r for r in records if r not in self.pending and r not in self.disk.final_records]
        if not new:
            return
        for record in new:
            self.pending[record] = self.world.now_ms
            if durable:
                self.disk.pending[record] = None
        self.flood(Records(tuple(new)), but=None)
        self.tell_pending()

    def flood_pending(self) -> None:
        if self.pending:
            self.flood(Records(tuple(self.pending)[:64]), but=None)

    def tell_pending(self) -> None:
        for record in [r for r in self.pending if r in self.disk.final_records]:
            del self.pending[record]
        oldest = min(self.pending.values()) if self.pending else None
        self.give(inputs.PendingChanged(len(self.pending), oldest))
