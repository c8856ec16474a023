"""What peers say, verified before the core hears of it.

Each peer has its own bounded queue and worker, so that one flood delays nobody else and a peer's
words keep their order. Nothing that a peer sends ends its worker, or the hub. May not live here:
what a statement means (`consensus`), or which records may enter (`ledger`).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from homechain.consensus import inputs
from homechain.crypto.errors import CryptoError
from homechain.ledger.certificates import verify_statement
from homechain.ledger.errors import LedgerError
from homechain.ledger.records import SignedRecord, read_record
from homechain.model import limits
from homechain.model.blocks import read_header
from homechain.model.errors import FormatError
from homechain.model.messages import (
    BlocksWanted,
    BlockWanted,
    FinalBlocks,
    Message,
    OpenBlock,
    PendingDevice,
    PendingHub,
    PendingRecords,
    ShownCommit,
    ShownElection,
    ShownQuorum,
    Status,
    write_message,
)
from homechain.model.statements import Proposal, Statement, Vote
from homechain.node.engine import Engine
from homechain.node.judging import Judge, Misbehaviour
from homechain.node.ports import StoreFailed
from homechain.node.proposals import Proposals
from homechain.node.syncing import Syncing
from homechain.node.verification import Verifier

logger = logging.getLogger(__name__)

QUEUE_MESSAGES: Final = 2_048
FLOOD_RECORDS: Final = 256
"""Most records in one message to a peer."""
LINKS_TOLD: Final = 4 * limits.HUBS
"""Most links that a peer may claim to have: members, and hubs that are being taken in."""


class _Line:
    """What one peer said and nobody heard yet. None: the link broke, nothing more comes."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue()


class Inbound:
    """Verifies messages and turns them into inputs of the core."""

    def __init__(
        self,
        engine: Engine,
        *,
        verifier: Verifier,
        syncing: Syncing,
        admit: Callable[[Sequence[SignedRecord], str], None],
        on_request: Callable[[str, PendingDevice | PendingHub], None],
        clock_window_ms: int,
    ) -> None:
        self._engine = engine
        self._verifier = verifier
        self._syncing = syncing
        self._admit = admit
        self._on_request = on_request
        self._lines: dict[str, _Line] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._judge = Judge(engine)
        self._proposals = Proposals(
            engine, judge=self._judge, verifier=verifier, clock_window_ms=clock_window_ms
        )
        self.misbehaviour: dict[str, int] = {}
        """Messages a peer that could not have come from an honest hub."""

    @property
    def clock_faults(self) -> int:
        """See `Proposals`."""
        return self._proposals.clock_faults

    def receive(self, hub: str, message: Message) -> None:
        """Takes a message from a linked hub; never waits. Beyond the queue it is dropped."""
        if self._engine.is_over:
            return
        line = self._lines.get(hub)
        if line is None:
            line = self._lines[hub] = _Line()
            worker = asyncio.create_task(self._work(hub, line), name=f"inbound {hub}")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        if line.queue.qsize() < QUEUE_MESSAGES:
            line.queue.put_nowait(message)
        else:
            logger.debug("dropped a message of %s: too many wait", hub)

    def forget(self, hub: str) -> None:
        """The link with `hub` broke: what it said last is still heard, then its worker ends."""
        line = self._lines.pop(hub, None)
        if line is not None:
            line.queue.put_nowait(None)

    async def close(self) -> None:
        """Ends all workers."""
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._lines.clear()

    async def _work(self, hub: str, line: _Line) -> None:
        while (message := await line.queue.get()) is not None:
            try:
                await self._handle(hub, message)
            except (FormatError, LedgerError, CryptoError, Misbehaviour) as error:
                self.misbehaviour[hub] = self.misbehaviour.get(hub, 0) + 1
                logger.warning("refused a %s of %s: %s", type(message).__name__, hub, error)
            except StoreFailed as error:
                self._engine.fail(error)
                return
            except Exception:  # a fault of ours must be seen, and not make this hub deaf to a peer
                logger.exception("a %s of %s met a fault of this hub", type(message).__name__, hub)

    async def _handle(self, hub: str, message: Message) -> None:
        match message:
            case Status():
                self._status(hub, message)
            case PendingRecords():
                await self._records(hub, message)
            case ShownQuorum() | ShownCommit() | ShownElection():
                self._shown(message)
            case BlocksWanted():
                await self._syncing.answer(hub, message)
            case FinalBlocks():
                await self._syncing.take(hub, message)
            case BlockWanted():
                self._proposals.answer(hub, message)
            case PendingDevice() | PendingHub():
                if self._engine.flood.is_new(write_message(message)):
                    self._on_request(hub, message)
            case OpenBlock():
                await self._of_this_epoch(
                    hub, message, epoch=read_header(message.block.header).epoch
                )
            case _:
                await self._of_this_epoch(hub, message, epoch=message.epoch)

    async def _of_this_epoch(self, hub: str, message: Statement | OpenBlock, *, epoch: int) -> None:
        """What counts in one epoch only; the sender of an older one is told where we are."""
        engine = self._engine
        if epoch < engine.configuration.epoch:
            engine.announce(hub)
        if epoch != engine.configuration.epoch:
            return
        match message:
            case Proposal():
                await self._proposals.take(hub, message)
            case OpenBlock():
                await self._proposals.take_body(hub, message)
            case _:
                self._statement(hub, message)

    def _shown(self, message: ShownQuorum | ShownCommit | ShownElection) -> None:
        engine = self._engine
        match message:
            case ShownQuorum():
                if self._judge.quorum(message.certificate):
                    engine.tell(inputs.QuorumShown(message.certificate))
            case ShownCommit():
                if self._judge.commit(message.certificate):
                    engine.tell(inputs.CommitShown(message.certificate))
            case ShownElection():
                if self._judge.election(message.certificate):
                    engine.tell(inputs.ElectionShown(message.certificate))

    # ------------------------------------------------------------------ hints

    def _status(self, hub: str, status: Status) -> None:
        engine = self._engine
        if status.home != engine.configuration.home or status.hub != hub:
            raise Misbehaviour("status of another home or hub")
        if len(status.linked) > LINKS_TOLD:
            raise Misbehaviour("status with more links than a home has hubs")
        engine.flood.learn_links(hub, status.linked)
        head = engine.chain.head.height
        engine.healing.catch_up.learn_height(hub, status.height, head=head)
        number = engine.configuration.number_of(hub)
        engine.tell(inputs.PeerSeen(number, status.epoch, status.term, status.height))
        if status.height > engine.chain.head.height:
            engine.healing.seek_blocks()
        elif status.height < engine.chain.head.height:
            engine.announce(hub)  # it asks only those of whom it knows that they have more

    # ------------------------------------------------------------------ statements

    def _statement(self, hub: str, statement: Statement) -> None:
        engine = self._engine
        configuration = engine.configuration
        known = self._judge.knows(statement)
        if not known and not verify_statement(statement, configuration):
            raise Misbehaviour(f"{statement.KIND} with a bad signature")
        if self._judge.heard_lately(statement):
            return
        if isinstance(statement, Vote) and not self._judge.quorum(statement.high):
            raise Misbehaviour("vote with a certificate of another epoch")
        if not known:
            self._judge.remember(statement)
            self._judge.relay(hub, statement, configuration)
        if not isinstance(statement, Proposal):
            engine.tell(inputs.StatementSeen(statement))

    # ------------------------------------------------------------------ records

    async def _records(self, hub: str, message: PendingRecords) -> None:
        """Takes the good ones; the others are their carrier's fault, whoever made them."""
        if len(message.records) > FLOOD_RECORDS:
            raise Misbehaviour("more records at once than any hub sends")
        engine = self._engine
        faults = 0
        fresh = []
        for raw in message.records:
            if engine.flood.has_seen(raw):
                continue
            try:
                record = read_record(raw)
            except LedgerError:
                faults += 1
                continue
            if record.id not in engine.pool:
                fresh.append(record)
        verdicts = await self._verifier.records(fresh)
        good = [record for record, verdict in zip(fresh, verdicts, strict=True) if verdict]
        self._admit(good, hub)
        faults += len(fresh) - len(good)
        if faults:
            raise Misbehaviour(f"{faults} pending records with a bad form or signature")
