"""`Node`: one hub of one home, as the HTTP interface and the command line see it.

It starts from what is on disk, takes records in, says what is final, and proves it. May not live
here: HTTP, sockets, SQL, or how the hubs agree (`engine`, `inbound`).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final

from msgspec import Struct

from homechain.consensus.timing import Timing
from homechain.ledger.admission import check
from homechain.ledger.blocks import ChainPoint
from homechain.ledger.errors import Inadmissible
from homechain.ledger.proofs import CommandProof, ConfigurationStep
from homechain.ledger.records import SignedRecord, read_record
from homechain.ledger.state import State
from homechain.model.configuration import Configuration
from homechain.model.messages import Message, PendingDevice, PendingHub
from homechain.model.records import CommandRecord
from homechain.node.engine import Engine
from homechain.node.epochs import load_epochs
from homechain.node.feed import Listener, MeshNotice
from homechain.node.inbound import Inbound
from homechain.node.pool import Pool
from homechain.node.ports import Batch, World
from homechain.node.proving import Proofs
from homechain.node.queries import Queries, RecordRow
from homechain.node.receipts import Receipts, Submission, settled_before
from homechain.node.spreading import Spreading
from homechain.node.starting import chain_from_disk, core_from_disk
from homechain.node.syncing import Syncing
from homechain.node.verification import Verifier, VerifierClosed
from homechain.node.work import FinalPath

logger = logging.getLogger(__name__)

STATUS_INTERVAL_S: Final = 5.0
"""How often a hub says what it has, so that one that fell behind in silence notices."""
SHOW_AGAIN_INTERVAL_S: Final = 2.0


class NotFounded(Exception):
    """There is no home in this directory yet: found one, or join one."""


class HubStopped(Exception):
    """This hub stops: what it took in is durable, but it cannot say when it becomes final."""


class NodeLimits(Struct, frozen=True, kw_only=True):
    """Bounds from the settings."""

    pending_records: int = 20_000
    clock_window_ms: int = 600_000


class Node:
    """One hub at work. `start` makes it, `run` works until cancelled."""

    def __init__(
        self,
        engine: Engine,
        *,
        genesis: bytes,
        queries: Queries,
        limits: NodeLimits,
        on_request: Callable[[str, PendingDevice | PendingHub], None],
    ) -> None:
        """Use `start`."""
        self.engine = engine
        self.genesis = genesis
        """The record that founded the home, as it was signed."""
        self.queries = queries
        self._store = engine.world.store
        self._clock = engine.clock
        self._pool = engine.pool
        self._verifier = Verifier()
        self._proofs = Proofs()
        self._receipts = Receipts()
        self._spreading = Spreading(engine)
        engine.on_final = self._became_final
        engine.on_record_refused = self._receipts.refuse
        self._inbound = Inbound(
            engine,
            verifier=self._verifier,
            syncing=Syncing(engine, queries=queries, verifier=self._verifier),
            admit=self._spreading.admit,
            on_request=on_request,
            clock_window_ms=limits.clock_window_ms,
        )

    @classmethod
    async def start(
        cls,
        *,
        world: World,
        queries: Queries,
        timing: Timing,
        limits: NodeLimits,
        on_epoch: Callable[[Configuration], None],
        on_request: Callable[[str, PendingDevice | PendingHub], None],
    ) -> "Node":
        """Reads the disk. Raises `NotFounded`, or `DamagedLedger` where it contradicts itself."""
        loaded = await world.store.load()
        if loaded is None:
            raise NotFounded("no home here yet: `homechain hub init` or `homechain hub join`")
        epochs = await load_epochs(loaded, queries)
        first = await queries.block(0)
        newest = await queries.block(loaded.head_height)
        assert first is not None, "every ledger begins with its genesis block"
        chain = chain_from_disk(loaded, commit=newest.commit if newest else None)
        pool = Pool(capacity=max(limits.pending_records, len(loaded.pending)))
        for raw in loaded.pending:
            try:
                pool.add(read_record(raw), now_ms=world.clock.monotonic_ms())
            except Inadmissible as reason:
                # Refused before the hub stopped, and its counter was used again since.
                logger.warning("a record that waited is left out: %s", reason)
        engine = Engine(
            core=core_from_disk(loaded, chain, epochs, world=world, timing=timing),
            chain=chain,
            epochs=epochs,
            pool=pool,
            world=world,
            on_epoch=on_epoch,
        )
        engine.refuse_waiting(None)
        return cls(
            engine,
            genesis=first.block.records[0],
            queries=queries,
            limits=limits,
            on_request=on_request,
        )

    async def run(self) -> None:
        """Works until cancelled. `StorageFailed` ends it: a hub with a broken disk stops (R13)."""
        chores = [
            asyncio.create_task(self._say_status(), name="status"),
            asyncio.create_task(self._show_again(), name="show again"),
        ]
        try:
            await self.engine.run()
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await self._inbound.close()
            self.engine.feed.close()
            self._verifier.close()
            self._receipts.refuse_all(HubStopped("this hub stops; ask another one"))

    async def _say_status(self) -> None:
        while True:
            await asyncio.sleep(STATUS_INTERVAL_S)
            self.engine.announce()

    async def _show_again(self) -> None:
        while True:
            await asyncio.sleep(SHOW_AGAIN_INTERVAL_S)
            self._spreading.show_again()

    # ------------------------------------------------------------------ links

    def receive(self, hub: str, message: Message) -> None:
        """A message came over the link with `hub`. Never waits."""
        self._inbound.receive(hub, message)

    def link_up(self, hub: str) -> None:
        """A link with `hub` is up: each side says what it has, and what waits."""
        self.engine.announce()
        self._spreading.show(hub)
        self.engine.feed.publish(MeshNotice())

    def link_down(self, hub: str) -> None:
        """The link with `hub` broke. If it leads, the core hears of it at once."""
        self._inbound.forget(hub)
        self.engine.link_lost(hub)
        self.engine.feed.publish(MeshNotice())

    # ------------------------------------------------------------------ what is final

    @property
    def home(self) -> bytes:
        """32 bytes: the home's id."""
        return self.head.home

    @property
    def head(self) -> ChainPoint:
        """The highest final block, with the state after it."""
        return self.engine.chain.head

    @property
    def state(self) -> State:
        """The final state."""
        return self.head.state

    @property
    def misbehaviour(self) -> Mapping[str, int]:
        """Messages that could not have come from an honest hub, by hub."""
        return self._inbound.misbehaviour

    @property
    def clock_faults(self) -> int:
        """Blocks that were not prepared because their time is far from this hub's clock."""
        return self._inbound.clock_faults

    @property
    def configuration_steps(self) -> tuple[ConfigurationStep, ...]:
        """The ends of all earlier epochs, for devices that trust an older one."""
        return self.engine.epochs.steps

    def subscribe(self) -> AbstractContextManager[Listener]:
        """What becomes final from now on. `TooManyListeners` if all places are taken."""
        return self.engine.feed.subscribe()

    def command_proof(self, command: bytes) -> CommandProof:
        """Shows a device that a command was allowed. `ProofRefused` where there is no proof."""
        return self._proofs.get(command)

    def time_ms(self) -> int:
        """The later of this box's clock and the last block's: a clock set back revives nothing."""
        return max(self._clock.wall_ms(), self.head.header.time_ms)

    # ------------------------------------------------------------------ taking records in

    async def submit(self, raw: bytes) -> Submission:
        """Takes one record in: read, checked, verified, durable, flooded.

        Raises `Inadmissible` (stable code and a sentence), `PoolFull`, or `HubStopped`. The same
        record again answers with its first place.
        """
        record = read_record(raw)
        if record.id not in self._pool:
            row = await self.queries.record(record.id)
            if row is None:
                try:
                    await self._admit(record)
                except Inadmissible:
                    row = await self.queries.record(record.id)  # final since we asked first?
                    if row is None:
                        raise
            if row is not None:
                return await self._settled(record, row)
        elif (pooled := self._pool.get(record.id)) is not None and pooled.raw != record.raw:
            await self._verify(record)  # the id does not depend on the signature
        record = self._pool.get(record.id) or record
        if self.engine.is_over:
            raise HubStopped("this hub stops; ask another one")
        # No turn of the loop lies between the pool and the hand-over to the disk: a record that
        # becomes final is taken off the disk after it was put there.
        future = self._receipts.of(record.id)
        try:
            await self._store.write(Batch(pending=(record,)))
        except Exception as error:
            self.engine.fail(error)  # it is never tried again, and nothing else may be either
            raise
        return Submission(record=record, already=None, final=future)

    async def _admit(self, record: SignedRecord) -> None:
        check(self.state, record, time_ms=self.time_ms())
        await self._verify(record)
        check(self.state, record, time_ms=self.time_ms())
        if self._pool.add(record, now_ms=self._clock.monotonic_ms()):
            self._spreading.flood(record.raw)
            self.engine.tell_pending()

    async def _verify(self, record: SignedRecord) -> None:
        try:
            (genuine,) = await self._verifier.records([record])
        except VerifierClosed as error:
            raise HubStopped("this hub stops; ask another one") from error
        if not genuine:
            raise Inadmissible("bad_signature", "the signature is not by the key in `iss`")

    async def _settled(self, record: SignedRecord, row: RecordRow) -> Submission:
        command = await self.queries.command(row.id) if row.kind == CommandRecord.KIND else None
        return settled_before(record, row, decision=command.decision if command else None)

    # ------------------------------------------------------------------ becoming final

    def _became_final(self, path: FinalPath) -> None:
        self._proofs.keep(path, steps=self.configuration_steps, time_ms=self._clock.wall_ms())
        for step, _ in path:
            self._receipts.settle(step.built)
        self._spreading.try_early()
