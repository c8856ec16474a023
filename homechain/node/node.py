"""`Node`: one hub of one home, as the HTTP interface and the command line see it.

It starts from what is on disk, takes records in, says what is final, and proves it. May not live
here: HTTP, sockets, SQL, or how the hubs agree (`engine`, `inbound`).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from msgspec import Struct

from homechain.consensus.timing import Timing
from homechain.ledger.admission import check
from homechain.ledger.blocks import BuiltBlock, ChainPoint
from homechain.ledger.decisions import Decision
from homechain.ledger.errors import Inadmissible
from homechain.ledger.proofs import CommandProof, ConfigurationStep
from homechain.ledger.records import SignedRecord, read_record
from homechain.ledger.state import State
from homechain.model.configuration import Configuration
from homechain.model.messages import Message, PendingDevice, PendingHub, PendingRecords
from homechain.model.records import CommandRecord
from homechain.node.engine import Engine, FinalPath
from homechain.node.epochs import load_epochs
from homechain.node.feed import Listener, MeshNotice
from homechain.node.inbound import Inbound
from homechain.node.pool import Pool, PoolFull
from homechain.node.ports import Batch, World
from homechain.node.proving import Proofs
from homechain.node.queries import Queries, RecordRow
from homechain.node.starting import chain_from_disk, core_from_disk
from homechain.node.syncing import Syncing
from homechain.node.verification import Verifier

logger = logging.getLogger(__name__)

FLOOD_RECORDS: Final = 256
"""Most records in one message to a peer."""
STATUS_INTERVAL_S: Final = 5.0
"""How often a hub says what it has, so that one that fell behind in silence notices."""


class NotFounded(Exception):
    """There is no home in this directory yet: found one, or join one."""


class Settled(Struct, frozen=True, kw_only=True):
    """Where a final record stands, and what was decided if it is a command."""

    row: RecordRow
    decision: Decision | None


class Submission(Struct, frozen=True, kw_only=True):
    """A record that this hub has durably taken in."""

    record: SignedRecord
    already: RecordRow | None
    """Set where the same record was final before: nothing changed."""
    final: asyncio.Future[Settled]
    """Resolves when the record is final; raises `Inadmissible` if it never can be."""


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
        self._waiting: dict[bytes, asyncio.Future[Settled]] = {}
        self._unflooded: list[bytes] = []
        engine.on_final = self._became_final
        engine.on_record_refused = self._was_refused
        self._inbound = Inbound(
            engine,
            verifier=self._verifier,
            syncing=Syncing(engine, queries=queries, verifier=self._verifier),
            admit=self._admit_flooded,
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
            pool.add(read_record(raw), now_ms=world.clock.monotonic_ms())
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
        status = asyncio.create_task(self._say_status(), name="status")
        try:
            await self.engine.run()
        finally:
            status.cancel()
            await self._inbound.close()
            self.engine.feed.close()
            self._verifier.close()
            for future in self._waiting.values():
                future.cancel()

    async def _say_status(self) -> None:
        while True:
            await asyncio.sleep(STATUS_INTERVAL_S)
            self.engine.announce()

    # ------------------------------------------------------------------ links

    def receive(self, hub: str, message: Message) -> None:
        """A message came over the link with `hub`. Never waits."""
        self._inbound.receive(hub, message)

    def link_up(self, hub: str) -> None:
        """A link with `hub` is up: each side says what it has, and what waits."""
        self.engine.announce()
        self._send_records(hub, self._pool.raws(at_most=len(self._pool)))
        self.engine.feed.publish(MeshNotice())

    def link_down(self, hub: str) -> None:
        """The link with `hub` broke. If it leads, the core hears of it at once."""
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

        Raises `Inadmissible` (stable code and a sentence) or `PoolFull`. The same record again
        answers with its first place.
        """
        record = read_record(raw)
        if record.id not in self._pool:
            row = await self.queries.record(record.id)
            if row is not None:
                return await self._settled(record, row)
            check(self.state, record, time_ms=self.time_ms())
            (genuine,) = await self._verifier.records([record])
            if not genuine:
                raise Inadmissible("bad_signature", "the signature is not by the key in `iss`")
            try:
                check(self.state, record, time_ms=self.time_ms())
                if self._pool.add(record, now_ms=self._clock.monotonic_ms()):
                    self._flood(record.raw)
                    self.engine.tell_pending()
            except Inadmissible:
                row = await self.queries.record(record.id)  # final since we asked first?
                if row is None:
                    raise
                return await self._settled(record, row)
        future = self._future(record.id)
        await self._store.write(Batch(pending=(record,)))
        return Submission(record=record, already=None, final=future)

    async def _settled(self, record: SignedRecord, row: RecordRow) -> Submission:
        command = await self.queries.command(row.id) if row.kind == CommandRecord.KIND else None
        decision = None
        if command is not None:
            row_of = command.decision
            decision = Decision(
                command=row_of.command,
                allowed=row_of.allowed,
                code=row_of.code,
                reason=row_of.reason,
                grant=row_of.grant,
            )
        future: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        future.set_result(Settled(row=row, decision=decision))
        return Submission(record=record, already=row, final=future)

    def _future(self, record_id: bytes) -> asyncio.Future[Settled]:
        future = self._waiting.get(record_id)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            # Whoever asked may have hung up; an answer that nobody waits for is no error.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._waiting[record_id] = future
        return future

    def _admit_flooded(self, records: Sequence[SignedRecord], came_from: str) -> None:
        """Verified records that another hub took in. They are durable there; here they wait too."""
        taken = []
        for record in records:
            try:
                check(self.state, record, time_ms=self.head.header.time_ms)
                if self._pool.add(record, now_ms=self._clock.monotonic_ms()):
                    taken.append(record.raw)
            except (Inadmissible, PoolFull) as reason:
                logger.debug("a flooded record was not taken: %s", reason)
        if not taken:
            return
        peers = self.engine.peers
        for peer in self.engine.flood.relay_to(
            origin=came_from, came_from=came_from, peers=peers.connected()
        ):
            self._send_records(peer, taken)
        self.engine.tell_pending()

    def _flood(self, raw: bytes) -> None:
        """Collects what was admitted in one turn of the loop into one message."""
        self.engine.flood.is_new(raw)
        if not self._unflooded:
            asyncio.get_running_loop().call_soon(self._flush_flood)
        self._unflooded.append(raw)

    def _flush_flood(self) -> None:
        raws, self._unflooded = self._unflooded, []
        for part in _parts(raws):
            self.engine.peers.broadcast(PendingRecords(part))

    def _send_records(self, peer: str, raws: Sequence[bytes]) -> None:
        for part in _parts(raws):
            self.engine.peers.send(peer, PendingRecords(part))

    # ------------------------------------------------------------------ becoming final

    def _became_final(self, path: FinalPath) -> None:
        self._proofs.keep(path, steps=self.configuration_steps, time_ms=self._clock.wall_ms())
        for step, _ in path:
            self._settle(step.built)

    def _settle(self, built: BuiltBlock) -> None:
        """Tells those who wait for a record of this block where it stands."""
        decisions = {decision.command: decision for decision in built.decisions}
        for offset, record in enumerate(built.records):
            future = self._waiting.pop(record.id, None)
            if future is None or future.done():
                continue
            row = RecordRow(
                id=record.id,
                raw=record.raw,
                kind=record.kind,
                signer=record.signer,
                height=built.height,
                index=built.first_index + offset,
                time_ms=built.header.time_ms,
            )
            future.set_result(Settled(row=row, decision=decisions.get(record.id)))

    def _was_refused(self, record: SignedRecord, reason: Exception) -> None:
        future = self._waiting.pop(record.id, None)
        if future is not None and not future.done():
            future.set_exception(reason)


def _parts(raws: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    return [tuple(raws[at : at + FLOOD_RECORDS]) for at in range(0, len(raws), FLOOD_RECORDS)]
