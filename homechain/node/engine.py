"""The driver: steps the pure core and carries out what it wants, in the order it wants it.

    inputs → core.step → effects → [persist, one write for all that wait] → send → apply

One runner carries effects out, so nothing is ever sent before the persist ahead of it is on the
medium, and what queues up behind one fsync shares the next. May not live here: SQL, sockets, or a
rule of consensus or of the ledger.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

from homechain.consensus import effects as wanted
from homechain.consensus import inputs
from homechain.consensus.core import Consensus
from homechain.ledger.admission import check_in_block
from homechain.ledger.errors import Inadmissible
from homechain.ledger.records import SignedRecord
from homechain.model.configuration import Configuration
from homechain.model.statements import Proposal
from homechain.node.alarms import Alarms
from homechain.node.building import Builder
from homechain.node.chain import Chain, summary
from homechain.node.epochs import Epochs
from homechain.node.feed import Feed, FinalNotice, MeshNotice
from homechain.node.finality import Finality
from homechain.node.flooding import Flood
from homechain.node.healing import Healing
from homechain.node.pool import Pool
from homechain.node.ports import World
from homechain.node.voice import Voice
from homechain.node.work import NEEDS_DISK, FinalPath, Install, Keep, Waiting

logger = logging.getLogger(__name__)

_CHANGES_NO_RIGHTS: Final = ("event", "command", "outcome")


class Engine:
    """One hub's consensus at work. `Node` is its face; `Inbound` brings it what peers say."""

    def __init__(
        self,
        *,
        core: Consensus,
        chain: Chain,
        epochs: Epochs,
        pool: Pool,
        world: World,
        on_epoch: Callable[[Configuration], None],
    ) -> None:
        self.core = core
        self.chain = chain
        self.epochs = epochs
        self.pool = pool
        self.world = world
        self.peers = world.peers
        self.clock = world.clock
        self.feed = Feed()
        self.flood = Flood()
        self.alarms = Alarms()
        self.on_final: Callable[[FinalPath], None] = lambda _: None
        self.on_record_refused: Callable[[SignedRecord, Exception], None] = lambda _, __: None
        self._finality = Finality(chain=chain, epochs=epochs, pool=pool)
        self._voice = Voice(world, boot=world.randomness.bits() >> 16)
        self.healing = Healing(chain=chain, world=world, voice=self._voice)
        self._builder = Builder(chain=chain, pool=pool, clock=world.clock, voice=self._voice)
        self._on_epoch = on_epoch
        self._inputs: deque[inputs.Input] = deque()
        self._work: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._stepping = False
        self._is_over = False
        self._failure: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._dropped: list[bytes] = []
        """Refused for good; forgotten on disk with the next write."""
        self._seen_reign: tuple[int, int, int | None] | None = None
        self._busy_since_ms: int | None = None

    # ------------------------------------------------------------------ the core

    @property
    def configuration(self) -> Configuration:
        """The epoch that this hub is in."""
        return self.epochs.current.configuration

    @property
    def me(self) -> int | None:
        """This hub's number among the members; None while it only watches."""
        if self.alarms.is_quarantined:
            return None
        return self.configuration.number_of(self.world.signer.did)

    def tell(self, *news: inputs.Input) -> None:
        """Gives the core something to think about. Effects are carried out by `run`."""
        if self._is_over:
            return
        self._inputs.extend(news)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._inputs:
                self._step(self._inputs.popleft())
        except Exception as error:  # noqa: BLE001 - a core that broke off in a step must not go on
            self.fail(error)
            return
        finally:
            self._stepping = False
        if self._work:
            self._wake.set()
        self._set_timer()
        self._notice_reign()

    def _step(self, news: inputs.Input) -> None:
        effects = self.core.step(
            news, now_ms=self.clock.monotonic_ms(), entropy=self.world.randomness.bits()
        )
        for effect in effects:
            if isinstance(effect, wanted.Persist) and effect.store is not None:
                self.chain.pin(effect.store)
            elif isinstance(effect, wanted.Quarantine):
                self.alarms.quarantine(effect)
                self.feed.publish(MeshNotice())
            self._work.append(Waiting(self.core.epoch, effect))

    def fail(self, error: Exception) -> None:
        """The disk or the core is not to be trusted any more: `run` ends with `error`."""
        self._failure = self._failure or error
        self._is_over = True
        self._wake.set()

    @property
    def is_over(self) -> bool:
        """Whether nothing will become final here any more."""
        return self._is_over

    def link_lost(self, hub: str) -> None:
        """The link with `hub` broke."""
        self.flood.forget(hub)
        self.healing.catch_up.forget(hub)
        number = self.configuration.number_of(hub)
        if number is not None:
            self.tell(inputs.LeaderLinkLost(number))

    def tell_pending(self) -> None:
        """The core learns how much waits, and since when."""
        self.tell(inputs.PendingChanged(len(self.pool), self.pool.oldest_ms))

    def enqueue(self, work: Install | Keep) -> None:
        """Blocks that need the disk before the core may hear of them."""
        if isinstance(work, Keep):
            self.chain.pin(work.step.built.hash)
        self._work.append(Waiting(self.core.epoch, work))
        self._wake.set()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_ms = max(0, self.core.deadline_ms - self.clock.monotonic_ms())
        self._timer = asyncio.get_running_loop().call_later(
            delay_ms / 1000, self.tell, inputs.TimePassed()
        )

    def _notice_reign(self) -> None:
        reign = (self.core.epoch, self.core.term, self.core.leader)
        if reign != self._seen_reign:
            self._seen_reign = reign
            logger.info("epoch %d, term %d, leader %s", *reign)
            self.feed.publish(MeshNotice())

    # ------------------------------------------------------------------ the runner

    async def run(self) -> None:
        """Carries effects out until cancelled. `StorageFailed` ends it: the hub then stops."""
        self.tell(inputs.TimePassed())
        self.tell_pending()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._work and self._failure is None:
                    self._busy_since_ms = self.clock.monotonic_ms()
                    await self._carry_out()
                self._busy_since_ms = None
                if self._failure is not None:
                    raise self._failure
        finally:
            self._is_over = True
            if self._timer is not None:
                self._timer.cancel()

    def stalled_ms(self) -> int:
        """How long the disk has not answered, or the core's deadline has been overdue."""
        now_ms = self.clock.monotonic_ms()
        since_ms = self._busy_since_ms if self._busy_since_ms is not None else self.core.deadline_ms
        return max(0, now_ms - since_ms)

    async def _carry_out(self) -> None:
        """Everything that waits, in order; what needs the disk, and all behind it, after a write.

        What waits for the write has not been carried out if it raises, or if this is cancelled.
        """
        group = list(self._work)
        self._work.clear()
        first = next(
            (n for n, item in enumerate(group) if isinstance(item.work, NEEDS_DISK)), len(group)
        )
        for item in group[:first]:
            self._perform(item)
        rest = group[first:]
        if not rest:
            return
        work = [item.work for item in rest]
        plan = self._finality.plan(work)
        batch = self._finality.batch(work, plan, dropped=self._dropped)
        self._dropped = []
        await self.world.store.write(batch)
        for item, path in zip(rest, plan, strict=True):
            if path:
                self._became_final(path)
            self._perform(item)

    def _perform(self, item: Waiting) -> None:
        """What is left to do once the disk has what it needs."""
        configuration = self.configuration
        if item.epoch != configuration.epoch and not isinstance(item.work, Install | wanted.Accuse):
            return  # meant for members that do not count any more
        match item.work:
            case wanted.Broadcast() as effect:
                self._broadcast(effect, configuration)
            case wanted.Build() as effect:
                self._build(effect)
            case wanted.Propose() as effect:
                self._propose(effect, configuration)
            case wanted.Show() | wanted.Remind() | wanted.Fetch() | wanted.CatchUp() as hint:
                self.healing.perform(hint, configuration)
            case wanted.Announce():
                self.announce()
            case wanted.Accuse() as effect:
                members = self.epochs.of(item.epoch).configuration.members
                self.alarms.accuse(effect, hub=members[effect.signer])
            case Keep() as kept:
                self.tell(inputs.BlockAvailable(summary(kept.step.built)))
            case Install() as installed:
                self._installed(installed)

    # ------------------------------------------------------------------ speaking

    def _broadcast(self, item: wanted.Broadcast, configuration: Configuration) -> None:
        if self.me is None:
            return
        statement = self._voice.sign(item.statement, configuration)
        assert not isinstance(statement, Proposal)
        self.peers.broadcast(statement)
        self.tell(inputs.StatementSeen(statement))

    def _build(self, item: wanted.Build) -> None:
        result = self._builder.build(item)
        for record in result.refused:
            self._drop_if_hopeless(record)
        self.tell(inputs.BlockBuilt(item.slot, summary(result.block) if result.block else None))

    def _propose(self, item: wanted.Propose, configuration: Configuration) -> None:
        me = self.me
        made = self._builder.propose(item, configuration, me=me) if me is not None else None
        if me is None or made is None:
            return
        proposal, block = made
        for number in item.to if item.to is not None else (None,):
            self._voice.send(proposal, configuration, to=number)
        self.tell(inputs.ProposalSeen(item.slot, me, summary(block), item.justify, item.election))

    def announce(self, to: str | None = None) -> None:
        """Says what this hub has, to one peer or to all."""
        self._voice.status(
            self.configuration,
            epoch=self.core.epoch,
            term=self.core.term,
            height=self.chain.head.height,
            to=to,
        )

    # ------------------------------------------------------------------ becoming final

    def _became_final(self, path: FinalPath) -> None:
        """The blocks of `path` are on disk: everybody here hears of it, in one turn of the loop."""
        self._finality.apply(path)
        self.on_final(path)
        epoch = self.epochs.current
        if epoch.configuration.epoch > self.core.epoch:
            self._on_epoch(epoch.configuration)
            self.tell(
                inputs.EpochEntered(epoch.configuration, epoch.root, epoch.root_height, self.me)
            )
            self.announce()
        for step, _ in path:
            self.feed.publish(FinalNotice.of(step.built))
        # Waiting records that the new state can never take are refused now, not at a time-out.
        records = [record for step, _ in path for record in step.built.records]
        quiet = all(record.kind in _CHANGES_NO_RIGHTS for record in records)
        self.refuse_waiting({record.signer for record in records} if quiet else None)
        self.tell_pending()

    def _installed(self, item: Install) -> None:
        """The core goes on from the newest block, also where that lies in an epoch just entered."""
        if not item.is_refused:
            step, commit = item.steps[-1]
            assert commit is not None, "an installed page ends with a certificate"
            self.tell(inputs.CaughtUp(commit, summary(step.built)))
        item.finish()

    def refuse_waiting(self, signers: Collection[str] | None) -> None:
        """Drops waiting records of `signers` (None: of all) that the final state cannot take."""
        for record in self.pool.of_signers(signers):
            self._drop_if_hopeless(record)

    def _drop_if_hopeless(self, record: SignedRecord) -> None:
        """What an open block refuses may enter after all, if that block never becomes final."""
        head = self.chain.head
        try:
            check_in_block(head.state, record, time_ms=head.header.time_ms)
        except Inadmissible as reason:
            self.pool.discard([record.id])
            self._dropped.append(record.id)
            self.on_record_refused(record, reason)
