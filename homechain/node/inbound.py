"""What peers say, verified before the core hears of it.

Each peer has its own bounded queue and worker, so that one flood delays nobody else and a peer's
words keep their order. May not live here: what a statement means (`consensus`), or which records
may enter (`ledger`).
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from homechain.consensus import inputs
from homechain.crypto.keys import PublicKey
from homechain.ledger.blocks import check_block
from homechain.ledger.certificates import verify_statement
from homechain.ledger.errors import InvalidBlock, LedgerError
from homechain.ledger.records import SignedRecord, read_record
from homechain.model.blocks import Block, Rank, block_hash, read_header
from homechain.model.configuration import Configuration
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
from homechain.model.statements import Proposal, Statement, Vote, proposal_bytes, statement_bytes
from homechain.node.chain import ChainFull, summary
from homechain.node.engine import Engine, Keep
from homechain.node.judging import Judge
from homechain.node.syncing import Syncing
from homechain.node.verification import Verifier

logger = logging.getLogger(__name__)

QUEUE_MESSAGES: Final = 2_048
HELD_PROPOSALS: Final = 32


class Misbehaviour(Exception):
    """A peer sent what no honest hub sends."""


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
        self._clock_window_ms = clock_window_ms
        self._queues: dict[str, asyncio.Queue[Message]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._held: OrderedDict[bytes, tuple[str, Proposal]] = OrderedDict()
        """Proposals whose parent is not here yet, by block hash."""
        self._judge = Judge(engine)
        self.misbehaviour: dict[str, int] = {}
        """Messages a peer that could not have come from an honest hub."""
        self.clock_faults = 0

    def receive(self, hub: str, message: Message) -> None:
        """Takes a message from a linked hub; never waits. Beyond the queue it is dropped."""
        queue = self._queues.get(hub)
        if queue is None:
            queue = self._queues[hub] = asyncio.Queue(QUEUE_MESSAGES)
            self._workers[hub] = asyncio.create_task(self._work(hub, queue), name=f"inbound {hub}")
        try:
            queue.put_nowait(message)
        except asyncio.QueueFull:
            logger.debug("dropped a message of %s: too many wait", hub)

    async def close(self) -> None:
        """Ends all workers."""
        for worker in self._workers.values():
            worker.cancel()
        await asyncio.gather(*self._workers.values(), return_exceptions=True)
        self._workers.clear()
        self._queues.clear()

    async def _work(self, hub: str, queue: asyncio.Queue[Message]) -> None:
        while True:
            message = await queue.get()
            try:
                await self._handle(hub, message)
            except (FormatError, LedgerError, Misbehaviour, IndexError) as error:
                self.misbehaviour[hub] = self.misbehaviour.get(hub, 0) + 1
                logger.warning("refused a %s of %s: %s", type(message).__name__, hub, error)

    async def _handle(self, hub: str, message: Message) -> None:
        match message:
            case Status():
                self._status(hub, message)
            case PendingRecords():
                await self._records(hub, message)
            case ShownQuorum() | ShownCommit() | ShownElection():
                await self._shown(message)
            case BlocksWanted():
                await self._syncing.answer(hub, message)
            case FinalBlocks():
                await self._syncing.take(hub, message)
            case BlockWanted():
                self._answer_block(hub, message)
            case OpenBlock():
                await self._open_block(hub, message)
            case PendingDevice() | PendingHub():
                if self._engine.flood.is_new(write_message(message)):
                    self._on_request(hub, message)
            case Proposal():
                await self._proposal(hub, message)
            case _:
                await self._statement(hub, message)

    async def _shown(self, message: ShownQuorum | ShownCommit | ShownElection) -> None:
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
        engine.flood.learn_links(hub, status.linked)
        engine.catch_up.learn_height(hub, status.height)
        number = engine.configuration.number_of(hub)
        if number is not None:
            engine.tell(inputs.PeerSeen(number, status.epoch, status.term, status.height))
        if status.height > engine.chain.head.height:
            engine.seek_blocks()

    # ------------------------------------------------------------------ statements

    def _relevant(self, hub: str, epoch: int) -> bool:
        """Whether a message is of this epoch; of an older one, its sender is told where we are."""
        engine = self._engine
        if epoch == engine.configuration.epoch:
            return True
        if epoch < engine.configuration.epoch:
            engine.announce(hub)
        return False

    async def _statement(self, hub: str, statement: Statement) -> None:
        engine = self._engine
        if not self._relevant(hub, statement.epoch):
            return
        configuration = engine.configuration
        known = self._judge.knows(statement)
        if not known and not verify_statement(statement, configuration):
            raise Misbehaviour(f"{statement.KIND} with a bad signature")
        if self._judge.heard_lately(statement):
            return
        self._judge.remember(statement)
        if isinstance(statement, Vote) and not self._judge.quorum(statement.high):
            raise Misbehaviour("vote with a certificate of another epoch")
        if not known:
            self._relay(hub, statement, configuration)
        if not isinstance(statement, Proposal):
            engine.tell(inputs.StatementSeen(statement))

    def _relay(self, hub: str, statement: Statement, configuration: Configuration) -> None:
        engine = self._engine
        for peer in engine.flood.relay_to(
            origin=configuration.members[statement.signer],
            came_from=hub,
            peers=engine.peers.connected() - {engine.world.signer.did},
        ):
            engine.peers.send(peer, statement)

    # ------------------------------------------------------------------ proposals

    async def _proposal(self, hub: str, proposal: Proposal) -> None:
        engine = self._engine
        if not self._relevant(hub, proposal.epoch):
            return
        configuration = engine.configuration
        if block_hash(proposal.block.header) != proposal.block_hash:
            raise Misbehaviour("proposal of another block than it carries")
        # What the signature covers; certificates and body are judged each time on their own.
        signed = (proposal.signature, statement_bytes(proposal, configuration))
        known = self._judge.knows(signed)
        if not known and not verify_statement(proposal, configuration):
            raise Misbehaviour("proposal with a bad signature")
        if self._judge.heard_lately(signed):
            return
        if not self._judge.quorum(proposal.justify):
            raise Misbehaviour("proposal with a certificate of another epoch")
        if proposal.election is not None and not self._judge.election(proposal.election):
            raise Misbehaviour("proposal with an election of another epoch")
        if not known:
            self._judge.remember(signed)
            self._relay(hub, proposal, configuration)
        engine.tell(inputs.QuorumShown(proposal.justify))
        if proposal.election is not None:
            engine.tell(inputs.ElectionShown(proposal.election))
        await self._consider(hub, proposal)

    async def _consider(self, hub: str, proposal: Proposal) -> None:
        """Gives a verified proposal to the core once its block stands on something known."""
        engine = self._engine
        header = read_header(proposal.block.header)
        slot = Rank(proposal.epoch, proposal.term, proposal.seq)
        refused = inputs.ProposalRefused(slot, proposal.signer, proposal.block_hash)
        again = Rank(header.epoch, header.term, header.seq) != slot
        if proposal.block_hash not in engine.chain:
            if abs(header.time_ms - engine.clock.wall_ms()) > self._clock_window_ms:
                self.clock_faults += 1
                logger.warning(
                    "a block's time is %d s from this clock: set the clock of one of the hubs",
                    (header.time_ms - engine.clock.wall_ms()) // 1000,
                )
                engine.tell(refused)
                return
            if engine.chain.point(header.parent) is None:
                self._hold(hub, proposal)
                return
            signature = proposal.original if again else proposal.signature
            try:
                added = await self._add(proposal.block, signature)
            except (LedgerError, FormatError) as error:
                logger.warning("refused a block of the leader: %s", error)
                engine.tell(refused)
                return
            if not added:
                return
        step = engine.chain.open_block(proposal.block_hash)
        if step is None:
            return  # it became final while it was checked
        engine.tell(
            inputs.ProposalSeen(
                slot, proposal.signer, summary(step.built), proposal.justify, proposal.election
            )
        )
        await self._retry_held()

    async def _add(self, block: Block, signature: bytes) -> bool:
        """Checks a block on its parent and keeps it; False where the parent is gone meanwhile."""
        engine = self._engine
        header = read_header(block.header)
        configuration = engine.configuration
        checks = [read_record(raw) for raw in block.records]
        unknown = [record for record in checks if record.id not in engine.pool]
        waiting = [record for record in checks if record.id in engine.pool]
        if any((pooled := engine.pool.get(r.id)) is None or pooled.raw != r.raw for r in waiting):
            unknown = checks  # the same record under another signature: verify it all
        if not all(await self._verifier.records(unknown)):
            raise InvalidBlock("it holds a record with a bad signature")
        leader = configuration.leader(header.term)
        unsigned = proposal_bytes(
            configuration=configuration,
            signer=leader,
            term=header.term,
            seq=header.seq,
            block=block_hash(block.header),
        )
        if not PublicKey.from_did(configuration.members[leader]).verify(signature, unsigned):
            raise InvalidBlock("it lacks its leader's signature")
        point = engine.chain.point(header.parent)
        if point is None:
            return False
        built = check_block(chain=point, block=block, records=checks)
        try:
            engine.chain.add(built, proposal=signature)
        except ChainFull:
            logger.warning("too many undecided blocks; one is left out")
            return False
        return True

    def _hold(self, hub: str, proposal: Proposal) -> None:
        self._held[proposal.signature] = (hub, proposal)
        if len(self._held) > HELD_PROPOSALS:
            self._held.popitem(last=False)

    async def _retry_held(self) -> None:
        ready = [
            (key, hub, proposal)
            for key, (hub, proposal) in self._held.items()
            if read_header(proposal.block.header).parent in self._engine.chain
        ]
        for key, hub, proposal in ready:
            if self._held.pop(key, None) is not None and self._relevant(hub, proposal.epoch):
                await self._consider(hub, proposal)

    # ------------------------------------------------------------------ bodies by hash

    def _answer_block(self, hub: str, wanted: BlockWanted) -> None:
        engine = self._engine
        stored = engine.chain.stored(wanted.block)
        if stored is not None:
            engine.peers.send(hub, OpenBlock(stored.block, stored.proposal))
        else:
            engine.announce(hub)

    async def _open_block(self, hub: str, message: OpenBlock) -> None:
        engine = self._engine
        header = read_header(message.block.header)
        name = block_hash(message.block.header)
        if not self._relevant(hub, header.epoch) or name in engine.chain:
            return
        if engine.chain.point(header.parent) is None:
            if header.height > engine.chain.head.height + 1:
                engine.peers.send(hub, BlockWanted(header.parent))
            return
        if await self._add(message.block, message.proposal):
            step = engine.chain.open_block(name)
            if step is not None:
                engine.enqueue(Keep(step))
                await self._retry_held()

    # ------------------------------------------------------------------ records

    async def _records(self, hub: str, message: PendingRecords) -> None:
        engine = self._engine
        fresh = []
        for raw in message.records:
            if engine.flood.is_new(raw):
                record = read_record(raw)
                if record.id not in engine.pool:
                    fresh.append(record)
        verdicts = await self._verifier.records(fresh)
        good = [record for record, verdict in zip(fresh, verdicts, strict=True) if verdict]
        self._admit(good, hub)
        if len(good) < len(fresh):
            raise Misbehaviour("pending record with a bad signature")
