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
from homechain.model.blocks import CommitCertificate, QuorumCertificate, Rank, root_certificate
from homechain.model.configuration import Configuration
from homechain.model.statements import Heartbeat, HeartbeatAck, Proposal
from tests.simulation.blocks import (
    GENESIS,
    BlockGiven,
    BlocksWanted,
    BlockWanted,
    Final,
    FinalBlocks,
    Records,
    Shown,
    SimBlock,
    SimProposal,
    Status,
    make_block,
)
from tests.simulation.disk import Disk

if TYPE_CHECKING:
    from tests.simulation.world import World

RECORDS_PER_BLOCK = 8
BLOCKS_PER_ANSWER = 16
HELD_PROPOSALS = 16
STATUS_EVERY_MS = 2_000
FLOOD_EVERY_MS = 1_000


class Crash(Exception):
    """The power went in the middle of a step's effects."""


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
        self.world.later(0, self.hear, self.name, signed)

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
        self.world.later(0, self.hear, self.name, proposal)

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
        self.try_held()

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
            self.hear(sender, message)

    def hear(self, sender: str, message: Any) -> None:
        match message:
            case _ if not self.alive:
                pass
            case Status():
                self.on_status(message)
            case SimProposal():
                self.on_proposal(sender, message)
            case Shown():
                self.on_shown(message)
            case Records(records):
                self.admit(records)
            case BlocksWanted(from_height):
                self.serve(sender, from_height)
            case FinalBlocks(blocks):
                self.on_final_blocks(blocks)
            case BlockWanted(block) if block in self.bodies:
                self.send(sender, BlockGiven(self.bodies[block]))
            case BlockWanted():
                pass
            case BlockGiven(block):
                self.on_block_given(block)
            case _:
                self.on_statement(sender, message)

    def on_status(self, status: Status) -> None:
        number = self.configuration.number_of(status.hub)
        if status.height > len(self.disk.finals) and number is None:
            self.send(status.hub, BlocksWanted(len(self.disk.finals) + 1))
        self.give(inputs.PeerSeen(number, status.epoch, status.term, status.height))

    def is_repeat(self, memory: dict[Any, int], key: Any, within_ms: int) -> bool:
        """Deduplicates for a while only: whoever repeats itself lacks something."""
        now = self.world.now_ms
        if now - memory.get(key, -within_ms) < within_ms:
            return True
        memory[key] = now
        if len(memory) > 4_096:
            for old in [k for k, at in memory.items() if now - at >= within_ms]:
                del memory[old]
        return False

    def on_statement(self, sender: str, statement: Any) -> None:
        home = self.configuration
        if statement.epoch != home.epoch:
            return
        interval = self.world.timing.heartbeat_interval_ms
        key = statement.signature
        if self.is_repeat(self.given, key, interval // 2):
            return
        if not self.world.trusting and not self.world.notary.is_signed(statement, home):
            self.world.refused(self, statement)
            return
        origin = home.members[statement.signer]
        if origin != self.name and not self.is_repeat(self.heard, key, interval):
            self.relay(origin, sender, statement)
        if hasattr(statement, "high") and not isinstance(statement, Heartbeat | HeartbeatAck):
            certificate = statement.high
            if not self.world.notary.proves_quorum(certificate, home):
                self.world.refused(self, statement)
                return
        self.give(inputs.StatementSeen(statement))

    def relay(self, origin: str, sender: str, message: Any) -> None:
        """To whoever has no link of its own to where it came from."""
        for name in self.world.names:
            if name not in (self.name, origin, sender) and not self.world.network.reaches(
                origin, name
            ):
                self.send(name, message)

    def on_shown(self, shown: Shown) -> None:
        notary, home, certificate = self.world.notary, self.configuration, shown.certificate
        if shown.epoch != home.epoch:
            return
        if isinstance(certificate, QuorumCertificate):
            if notary.proves_quorum(certificate, home):
                self.give(inputs.QuorumShown(certificate))
        elif isinstance(certificate, CommitCertificate):
            if notary.proves_commit(certificate, home, None):
                self.give(inputs.CommitShown(certificate))
        elif notary.proves_election(certificate, home):
            self.give(inputs.ElectionShown(certificate))

    def on_proposal(self, sender: str, proposal: SimProposal) -> None:
        home, notary = self.configuration, self.world.notary
        slot = proposal.slot
        if slot.epoch != home.epoch:
            return
        key = (proposal.slot, proposal.block.hash)
        if self.is_repeat(self.given, (sender == self.name, key), 50):
            return
        if not notary.proves_proposal(
            slot=slot, signer=proposal.signer, block=proposal.block.hash,
            signature=proposal.signature, home=home,
        ):  # fmt: skip
            self.world.refused(self, proposal)
            return
        if not notary.proves_quorum(proposal.justify, home):
            self.world.refused(self, proposal)
            return
        election = proposal.election
        if election is not None and not notary.proves_election(election, home):
            self.world.refused(self, proposal)
            return
        origin = home.members[proposal.signer]
        if origin != self.name and not self.is_repeat(self.heard, key, 400):
            self.relay(origin, sender, proposal)
        if election is not None:
            self.give(inputs.ElectionShown(election))
        self.give(inputs.QuorumShown(proposal.justify))
        if not self.try_proposal(proposal):
            self.held[key] = proposal
            while len(self.held) > HELD_PROPOSALS:
                del self.held[min(self.held)]

    def try_proposal(self, proposal: SimProposal) -> bool:
        """Gives it to the core if everything below is here. False: not yet."""
        block = proposal.block
        if proposal.slot.epoch != self.configuration.epoch:
            return True
        if block.summary.height <= len(self.disk.finals) + len(self.finalizing):
            return True
        known = self.records_above_final(block.summary.parent)
        if known is None:
            return False
        if self.world.is_valid(self.configuration, block) and not any(
            record in known or record in self.disk.final_records for record in block.records
        ):
            self.bodies.setdefault(block.hash, block)
            event = inputs.ProposalSeen(
                proposal.slot, proposal.signer, block.summary, proposal.justify, proposal.election
            )
            self.give(event)
        else:
            self.world.refused(self, proposal)
            self.give(inputs.ProposalRefused(proposal.slot, proposal.signer, block.hash))
        return True

    def try_held(self) -> None:
        for key in sorted(self.held):
            proposal = self.held.get(key)
            if proposal is not None and self.try_proposal(proposal):
                self.held.pop(key, None)

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

    def on_block_given(self, block: SimBlock) -> None:
        if block.hash not in self.bodies:
            self.bodies[block.hash] = block
            self.keep_body(block)

    def keep_body(self, block: SimBlock) -> None:
        """Durable first, then the core hears of it."""

        def done() -> None:
            self.give(inputs.BlockAvailable(block.summary))
            self.try_held()

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

    # ------------------------------------------------------------------ catching up

    def serve(self, sender: str, from_height: int) -> None:
        """Blocks from `from_height` on, cut so that the last one carries a certificate."""
        if from_height < 1:
            return
        page = self.disk.finals[from_height - 1 : from_height - 1 + BLOCKS_PER_ANSWER]
        while page and page[-1].commit is None:
            page = page[:-1]
        if page:
            self.send(sender, FinalBlocks(tuple(page)))

    def on_final_blocks(self, blocks: tuple[Final, ...]) -> None:
        """Installs those that go on where this hub stands, each proven by the certificate above."""
        height = len(self.disk.finals) + len(self.finalizing)
        new = [final for final in blocks if final.block.summary.height > height]
        if not new or self.finalizing or self.busy or self.queue:
            return
        home, parent = self.configuration, self.head_hash()
        for final in new:
            summary = final.block.summary
            if summary.parent != parent or summary.slot.epoch != home.epoch:
                return
            if final.commit is not None and not self.world.notary.proves_commit(
                final.commit, home, summary.closes
            ):
                return
            parent = summary.hash
            if final.block.next_configuration is not None:
                home = final.block.next_configuration
        newest = new[-1]
        if newest.commit is None:
            return
        self.install(new, lambda: self.disk.put_finals(new, None), commit=newest.commit)
        self.queue.append((self.configuration.epoch, lambda: self.catch_up(None)))


def first_certificate() -> QuorumCertificate:
    """Of the genesis block."""
    return root_certificate(0, GENESIS)
