"""Blocks that are not final yet, from a leader or from whoever was asked: checked, kept, held back.

May not live here: whether to prepare a block (`consensus`), or which blocks are valid (`ledger`).
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from homechain.consensus import inputs
from homechain.crypto.keys import PublicKey
from homechain.ledger.blocks import check_block
from homechain.ledger.certificates import verify_statement
from homechain.ledger.errors import InvalidBlock, LedgerError
from homechain.ledger.records import SignedRecord, read_record, record_id
from homechain.model.blocks import Block, Header, Rank, block_hash, read_header
from homechain.model.errors import FormatError
from homechain.model.messages import BlockWanted, OpenBlock
from homechain.model.statements import Proposal, proposal_bytes, statement_bytes
from homechain.node.chain import ChainFull, summary
from homechain.node.engine import Engine
from homechain.node.judging import Judge, Misbehaviour
from homechain.node.verification import Verifier
from homechain.node.work import Keep

logger = logging.getLogger(__name__)

HELD_PROPOSALS: Final = 32
HELD_BYTES: Final = 16 * 1024 * 1024


class Proposals:
    """Turns proposals and bodies into inputs of the core."""

    def __init__(
        self, engine: Engine, *, judge: Judge, verifier: Verifier, clock_window_ms: int
    ) -> None:
        self._engine = engine
        self._judge = judge
        self._verifier = verifier
        self._clock_window_ms = clock_window_ms
        self._held: OrderedDict[bytes, Proposal] = OrderedDict()
        """Proposals whose parent is not here yet, by signature."""
        self._held_bytes = 0
        self.clock_faults = 0
        """Blocks that were not prepared because their time is far from this hub's clock (CE16)."""

    async def take(self, hub: str, proposal: Proposal) -> None:
        """A proposal of this epoch. Raises what a peer is to blame for."""
        engine = self._engine
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
            self._judge.relay(hub, proposal, configuration)
        engine.tell(inputs.QuorumShown(proposal.justify))
        if proposal.election is not None:
            engine.tell(inputs.ElectionShown(proposal.election))
        await self._consider(proposal)

    async def _consider(self, proposal: Proposal) -> None:
        """Gives a verified proposal to the core once its block stands on something known."""
        engine = self._engine
        header = read_header(proposal.block.header)
        slot = Rank(proposal.epoch, proposal.term, proposal.seq)
        refused = inputs.ProposalRefused(slot, proposal.signer, proposal.block_hash)
        again = Rank(header.epoch, header.term, header.seq) != slot
        if proposal.block_hash not in engine.chain:
            if engine.chain.point(header.parent) is None:
                self._hold(proposal)
                return
            if self._is_out_of_time(header):
                engine.tell(refused)
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

    def _is_out_of_time(self, header: Header) -> bool:
        """CE16. A leader cannot go below its parent's time: however wrong, it may be repeated.

        Without this a home whose clocks were set back together would stand still until then.
        """
        parent = self._engine.chain.point(header.parent)
        ahead_ms = header.time_ms - self._engine.clock.wall_ms()
        repeated = parent is not None and header.time_ms == parent.header.time_ms
        if abs(ahead_ms) <= self._clock_window_ms or repeated:
            return False
        self.clock_faults += 1
        logger.warning(
            "a block's time is %d s from this clock: set the clock of one of the hubs",
            ahead_ms // 1000,
        )
        return True

    async def _add(self, block: Block, signature: bytes) -> bool:
        """Checks a block on its parent and keeps it; False where the parent is gone meanwhile."""
        engine = self._engine
        header = read_header(block.header)
        configuration = engine.configuration
        known = [self._known(raw) for raw in block.records]
        read = [
            read_record(raw)
            for raw, record in zip(block.records, known, strict=True)
            if record is None
        ]
        records = _merged(known, read)
        if not all(await self._verifier.records(read)):
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
        # The proposal's own certificate may carry other signatures than the one that the header
        # keeps for ever, and for whoever audits the ledger later.
        if not self._judge.quorum(header.justify):
            raise InvalidBlock("its header is justified by a certificate of another epoch")
        point = engine.chain.point(header.parent)
        if point is None or engine.configuration.epoch != configuration.epoch:
            return False
        built = check_block(chain=point, block=block, records=records)
        try:
            engine.chain.add(built, proposal=signature)
        except ChainFull:
            logger.warning("too many undecided blocks; one is left out")
            return False
        return True

    def _known(self, raw: bytes) -> SignedRecord | None:
        """The record that waits here under these very bytes: it was read and verified already."""
        waiting = self._engine.pool.get(record_id(raw))
        return waiting if waiting is not None and waiting.raw == raw else None

    # ------------------------------------------------------------------ held back

    def _hold(self, proposal: Proposal) -> None:
        if proposal.signature in self._held:
            return
        self._held[proposal.signature] = proposal
        self._held_bytes += _weight(proposal)
        while len(self._held) > HELD_PROPOSALS or self._held_bytes > HELD_BYTES:
            _, oldest = self._held.popitem(last=False)
            self._held_bytes -= _weight(oldest)

    async def _retry_held(self) -> None:
        ready = [
            (key, proposal)
            for key, proposal in self._held.items()
            if read_header(proposal.block.header).parent in self._engine.chain
        ]
        for key, proposal in ready:
            if self._held.pop(key, None) is None:
                continue  # considered meanwhile
            self._held_bytes -= _weight(proposal)
            if proposal.epoch == self._engine.configuration.epoch:
                await self._consider(proposal)

    # ------------------------------------------------------------------ bodies by hash

    def answer(self, hub: str, wanted: BlockWanted) -> None:
        """Sends an open block, or says how far this hub is."""
        engine = self._engine
        stored = engine.chain.stored(wanted.block)
        if stored is not None:
            engine.peers.send(hub, OpenBlock(stored.block, stored.proposal))
        else:
            engine.announce(hub)

    async def take_body(self, hub: str, message: OpenBlock) -> None:
        """A body that was asked for, of this epoch. What nobody asked for would fill the disk."""
        engine = self._engine
        header = read_header(message.block.header)
        name = block_hash(message.block.header)
        if not engine.healing.expects(name) or name in engine.chain:
            return
        if engine.chain.point(header.parent) is None:
            if header.height > engine.chain.head.height + 1:
                engine.healing.expect(header.parent)
                engine.peers.send(hub, BlockWanted(header.parent))
            return
        if await self._add(message.block, message.proposal):
            step = engine.chain.open_block(name)
            if step is not None:
                engine.enqueue(Keep(step))
                await self._retry_held()


def _merged(
    known: Sequence[SignedRecord | None], read: Sequence[SignedRecord]
) -> list[SignedRecord]:
    """`known` with its gaps filled from `read`, in order."""
    rest = iter(read)
    return [record if record is not None else next(rest) for record in known]


def _weight(proposal: Proposal) -> int:
    return len(proposal.block.header) + sum(map(len, proposal.block.records))
