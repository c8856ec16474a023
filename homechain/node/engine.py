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
from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.records import SignedRecord
from homechain.model.blocks import CommitCertificate
from homechain.model.configuration import Configuration
from homechain.model.messages import BlocksWanted, BlockWanted
from homechain.model.statements import Proposal
from homechain.node.building import build
from homechain.node.catch_up import PAGE_BLOCKS, CatchUp
from homechain.node.chain import Chain, ChainFull, OpenBlock, final_block, summary
from homechain.node.epochs import Epochs
from homechain.node.feed import Feed, FinalNotice, MeshNotice
from homechain.node.flooding import Flood
from homechain.node.pool import Pool
from homechain.node.ports import Batch, StoredBlock, World
from homechain.node.voice import Voice

logger = logging.getLogger(__name__)

ACCUSATIONS_KEPT: Final = 64
_CHANGES_NO_RIGHTS: Final = ("event", "command", "outcome")

FinalPath = list[tuple[OpenBlock, CommitCertificate | None]]
"""Blocks that become final together, ascending from the head; the last carries its certificate."""


class Install:
    """Final blocks that came by catch-up: checked, on the head that was final at the time."""

    def __init__(self, steps: FinalPath, *, done: asyncio.Future[None]) -> None:
        self.steps = steps
        self.done = done


class Keep:
    """A certified body that was asked for: kept on disk before the core hears of it."""

    def __init__(self, step: OpenBlock) -> None:
        self.step = step


Work = wanted.Effect | Install | Keep
_NEEDS_DISK: Final = (wanted.Persist, wanted.Finalize, Install, Keep)


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
        self.catch_up = CatchUp()
        self.accusations: deque[wanted.Accuse] = deque(maxlen=ACCUSATIONS_KEPT)
        self.on_final: Callable[[FinalPath], None] = lambda _: None
        self.on_record_refused: Callable[[SignedRecord, Exception], None] = lambda _, __: None
        self._voice = Voice(world, boot=world.randomness.bits() >> 16)
        self._on_epoch = on_epoch
        self._inputs: deque[inputs.Input] = deque()
        self._work: deque[Work] = deque()
        self._wake = asyncio.Event()
        self._stepping = False
        self._timer: asyncio.TimerHandle | None = None
        self._built: BuiltBlock | None = None
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
        return self.configuration.number_of(self.world.signer.did)

    def tell(self, *news: inputs.Input) -> None:
        """Gives the core something to think about. Effects are carried out by `run`."""
        self._inputs.extend(news)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._inputs:
                self._work.extend(
                    self.core.step(
                        self._inputs.popleft(),
                        now_ms=self.clock.monotonic_ms(),
                        entropy=self.world.randomness.bits(),
                    )
                )
        finally:
            self._stepping = False
        if self._work:
            self._wake.set()
        self._set_timer()
        self._notice_reign()

    def link_lost(self, hub: str) -> None:
        """The link with `hub` broke."""
        self.flood.forget(hub)
        self.catch_up.forget(hub)
        number = self.configuration.number_of(hub)
        if number is not None:
            self.tell(inputs.LeaderLinkLost(number))

    def tell_pending(self) -> None:
        """The core learns how much waits, and since when."""
        self.tell(inputs.PendingChanged(len(self.pool), self.pool.oldest_ms))

    def enqueue(self, work: Install | Keep) -> None:
        """Blocks that need the disk before the core may hear of them."""
        self._work.append(work)
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
                while self._work:
                    self._busy_since_ms = self.clock.monotonic_ms()
                    await self._carry_out()
                self._busy_since_ms = None
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def stalled_ms(self) -> int:
        """How long the disk has not answered, or the core's deadline has been overdue."""
        now_ms = self.clock.monotonic_ms()
        since_ms = self._busy_since_ms if self._busy_since_ms is not None else self.core.deadline_ms
        return max(0, now_ms - since_ms)

    async def _carry_out(self) -> None:
        work = list(self._work)
        self._work.clear()
        first = next((n for n, item in enumerate(work) if isinstance(item, _NEEDS_DISK)), len(work))
        for item in work[:first]:
            self._perform(item)
        rest = work[first:]
        if not rest:
            return
        path = self._final_path(rest)
        batch = self._batch(rest, path)
        self._dropped.clear()
        await self.world.store.write(batch)
        for step, commit in path:
            self._apply(step, commit)
        if path:
            self.on_final(path)
        for item in rest:
            self._perform(item)
        if path:
            self._after_final(path)

    def _final_path(self, work: list[Work]) -> FinalPath:
        """What becomes final by `work`."""
        path: FinalPath = []
        height = self.chain.head.height
        for item in work:
            for step, commit in self._final_steps(item):
                if step.built.height == height + 1:
                    path.append((step, commit))
                    height += 1
                elif path and commit is not None and path[-1][0].built.hash == step.built.hash:
                    path[-1] = (step, commit)
        return path

    def _final_steps(self, item: Work) -> FinalPath:
        if isinstance(item, Install):
            return item.steps
        if not isinstance(item, wanted.Finalize) or item.block not in self.chain:
            return []  # final already, by catch-up
        steps = self.chain.path(item.block)
        assert steps is not None, "the core makes final only what is here"
        return [(s, item.commit if s.built.hash == item.block else None) for s in steps]

    def _batch(self, work: list[Work], path: FinalPath) -> Batch:
        safety = None
        blocks: dict[bytes, StoredBlock] = {}
        for item in work:
            wants: bytes | None = None
            if isinstance(item, wanted.Persist):
                safety = item.safety
                wants = item.store
            elif isinstance(item, Keep):
                wants = item.step.built.hash
            stored = self.chain.stored(wants) if wants is not None else None
            if stored is not None:
                blocks[stored.hash] = stored
        for step, _ in path:
            blocks.pop(step.built.hash, None)
        return Batch(
            safety=safety,
            blocks=tuple(blocks.values()),
            final=tuple(final_block(step, commit=commit) for step, commit in path),
            dropped=tuple(self._dropped),
        )

    def _perform(self, item: Work) -> None:
        configuration = self.configuration
        match item:
            case wanted.Broadcast():
                self._broadcast(item, configuration)
            case wanted.Build():
                self._build(item)
            case wanted.Propose():
                self._propose(item, configuration)
            case wanted.Show():
                self._voice.show(item.certificate, configuration, to=item.to)
            case wanted.Fetch():
                for number in item.sources:
                    self._voice.send(BlockWanted(item.block), configuration, to=number)
            case wanted.CatchUp():
                self.seek_blocks()
            case wanted.Announce():
                self.announce()
            case wanted.Accuse():
                self.accusations.append(item)
                logger.warning(
                    "hub %s signed two contradictory statements (%s)",
                    configuration.members[item.signer],
                    item.kind,
                )
            case Keep():
                self.tell(inputs.BlockAvailable(summary(item.step.built)))
            case Install():
                self._installed(item)

    # ------------------------------------------------------------------ speaking

    def _broadcast(self, item: wanted.Broadcast, configuration: Configuration) -> None:
        if item.statement.epoch != configuration.epoch or self.me is None:
            return  # the epoch ended while this waited for the disk
        statement = self._voice.sign(item.statement, configuration)
        assert not isinstance(statement, Proposal)
        self.peers.broadcast(statement)
        self.tell(inputs.StatementSeen(statement))

    def _build(self, item: wanted.Build) -> None:
        if item.slot.epoch != self.configuration.epoch:
            return
        result = build(item, chain=self.chain, pool=self.pool, now_ms=self.clock.wall_ms())
        if result is None:
            return
        self.pool.discard(record.id for record, _ in result.refused)
        for record, reason in result.refused:
            self._drop(record, reason)
        self._built = result.block
        self.tell(inputs.BlockBuilt(item.slot, summary(result.block) if result.block else None))

    def _propose(self, item: wanted.Propose, configuration: Configuration) -> None:
        me = self.me
        if item.slot.epoch != configuration.epoch or me is None:
            return
        known = self.chain.open_block(item.block)
        block = known.built if known is not None else self._built
        if block is None or block.hash != item.block:
            return  # it became final, or the term ended, while this waited for the disk
        proposal = self._voice.proposal(
            item, block, configuration, me=me, original=known.proposal if known else b""
        )
        if known is None:
            try:
                self.chain.add(block, proposal=proposal.signature)
            except ChainFull:
                logger.warning("too many undecided blocks: proposing nothing for now")
                return
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

    def seek_blocks(self) -> None:
        """Asks somebody for the final blocks that are missing here, if anybody has more."""
        request = self.catch_up.next_request(
            head=self.chain.head.height,
            connected=self.peers.connected(),
            now_ms=self.clock.monotonic_ms(),
        )
        if request is not None:
            self.peers.send(request.hub, BlocksWanted(request.from_height, PAGE_BLOCKS))

    # ------------------------------------------------------------------ becoming final

    def _apply(self, step: OpenBlock, commit: CommitCertificate | None) -> None:
        """`step` is final and durable: the state moves on."""
        self.chain.advance(step, commit=commit)
        built = step.built
        self.pool.discard(record.id for record in built.records)
        if built.next_configuration is not None:
            assert commit is not None, "a closing block becomes final by its own certificate"
            self.epochs.begin(
                built.next_configuration,
                header=built.block.header,
                height=built.height,
                commit=commit,
            )

    def _installed(self, item: Install) -> None:
        if item.steps and self.configuration.epoch == self.core.epoch:
            step, commit = item.steps[-1]
            assert commit is not None, "an installed page ends with a certificate"
            self.tell(inputs.CaughtUp(commit, summary(step.built)))
        if not item.done.done():
            item.done.set_result(None)

    def _after_final(self, path: FinalPath) -> None:
        epoch = self.epochs.current
        if epoch.configuration.epoch > self.core.epoch:
            self._on_epoch(epoch.configuration)
            self.tell(
                inputs.EpochEntered(epoch.configuration, epoch.root, epoch.root_height, self.me)
            )
            self.announce()
        for step, _ in path:
            built = step.built
            self.feed.publish(
                FinalNotice(
                    height=built.height,
                    hash=built.hash,
                    time_ms=built.header.time_ms,
                    first_index=built.first_index,
                    records=built.records,
                    decisions=built.decisions,
                )
            )
        # Waiting records that the new state can never take are refused now, not at a time-out.
        records = [record for step, _ in path for record in step.built.records]
        quiet = all(record.kind in _CHANGES_NO_RIGHTS for record in records)
        self.refuse_waiting({record.signer for record in records} if quiet else None)
        self.tell_pending()

    def refuse_waiting(self, signers: Collection[str] | None) -> None:
        """Drops waiting records of `signers` (None: of all) that the final state cannot take."""
        state, time_ms = self.chain.head.state, self.chain.head.header.time_ms
        for record, reason in self.pool.recheck(
            signers, lambda record: check_in_block(state, record, time_ms=time_ms)
        ):
            self._drop(record, reason)

    def _drop(self, record: SignedRecord, reason: Exception) -> None:
        self._dropped.append(record.id)
        self.on_record_refused(record, reason)
