"""Final blocks for a hub that was away: asked for, checked whole, installed (consensus.md R12).

A page of blocks is believed only beneath a commit certificate of the configuration that the chain
itself leads to; every record's signature and every root is checked before anything is written.
"""

import asyncio
import logging
from collections.abc import Sequence

from homechain.crypto.keys import PublicKey, verify_batch
from homechain.ledger.blocks import ChainPoint, check_block
from homechain.ledger.certificates import commit_checks
from homechain.ledger.errors import InvalidBlock
from homechain.ledger.records import SignatureCheck, SignedRecord, read_record, record_checks
from homechain.model import limits
from homechain.model.blocks import (
    CertifiedBlock,
    CommitCertificate,
    Header,
    block_hash,
    read_header,
)
from homechain.model.configuration import Configuration
from homechain.model.messages import BlocksWanted, FinalBlocks, write_message
from homechain.model.statements import proposal_bytes
from homechain.node.catch_up import PAGE_BLOCKS, PAGE_BYTES
from homechain.node.chain import OpenBlock
from homechain.node.engine import Engine
from homechain.node.queries import Queries
from homechain.node.verification import Verifier
from homechain.node.work import FinalPath, Install

logger = logging.getLogger(__name__)


class Syncing:
    """Answers hubs that were away, and brings this one up to date."""

    def __init__(self, engine: Engine, *, queries: Queries, verifier: Verifier) -> None:
        self._engine = engine
        self._queries = queries
        self._verifier = verifier

    async def answer(self, hub: str, wanted: BlocksWanted) -> None:
        """Sends a page of final blocks, if this hub has what `hub` lacks."""
        blocks = await self._queries.blocks(
            max(0, wanted.from_height),
            limit=max(1, min(wanted.at_most, PAGE_BLOCKS)),
            at_most_bytes=PAGE_BYTES,
        )
        if not blocks:
            return
        answer = FinalBlocks(tuple(blocks))
        if len(write_message(answer)) > limits.MESSAGE_BYTES:
            logger.error("blocks from #%d on do not fit into one message", wanted.from_height)
            return
        self._engine.peers.send(hub, answer)

    async def take(self, hub: str, page: FinalBlocks) -> None:
        """Checks a page and installs it; asks for the next. A bad page costs its sender trust."""
        engine = self._engine
        catch_up = engine.healing.catch_up
        if not catch_up.begin(hub):
            return
        useful = False
        try:
            steps = await self._check(page.blocks)
            if steps:
                done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                engine.enqueue(Install(steps, done=done))
                await done
                useful = True
        finally:
            catch_up.end(useful=useful, now_ms=engine.clock.monotonic_ms())
            engine.healing.seek_blocks()

    async def _check(self, blocks: Sequence[CertifiedBlock]) -> FinalPath:
        point: ChainPoint = self._engine.chain.head
        steps: FinalPath = []
        checks: list[SignatureCheck] = []
        for certified in _up_to_certificate(blocks):
            header = read_header(certified.block.header)
            if header.height <= point.height:
                continue
            configuration = point.configuration
            records = [read_record(raw) for raw in certified.block.records]
            checks.extend(_checks(certified, header, configuration, records))
            built = check_block(chain=point, block=certified.block, records=records)
            step = OpenBlock(built=built, proposal=certified.proposal)
            if certified.commit is not None:
                _same_block(certified.commit, built.hash)
            elif built.next_configuration is not None:
                raise InvalidBlock("the last block of an epoch comes without its certificate")
            steps.append((step, certified.commit))
            point = built
            await asyncio.sleep(0)  # a page is long; statements must not wait for all of it
        verdicts = await self._verifier.call(lambda: verify_batch(checks))
        if not all(verdicts):
            raise InvalidBlock("a signature in a page of final blocks is wrong")
        return steps


def _up_to_certificate(blocks: Sequence[CertifiedBlock]) -> Sequence[CertifiedBlock]:
    """The page up to its last commit certificate: what lies behind it is not proven final."""
    for count in range(len(blocks), 0, -1):
        if blocks[count - 1].commit is not None:
            return blocks[:count]
    return ()


def _same_block(commit: CommitCertificate, block: bytes) -> None:
    if commit.block != block:
        raise InvalidBlock("a commit certificate stands beside another block than its own")


def _checks(
    certified: CertifiedBlock,
    header: Header,
    configuration: Configuration,
    records: Sequence[SignedRecord],
) -> list[SignatureCheck]:
    """Every signature of one block that came by catch-up."""
    leader = configuration.leader(header.term)
    proposal = (
        PublicKey.from_did(configuration.members[leader]),
        certified.proposal,
        proposal_bytes(
            configuration=configuration,
            signer=leader,
            term=header.term,
            seq=header.seq,
            block=block_hash(certified.block.header),
        ),
    )
    checks = [proposal]
    for record in records:
        checks.extend(record_checks(record))
    if certified.commit is not None:
        checks.extend(commit_checks(certified.commit, configuration, closes=header.close))
    return checks
