"""Final blocks for a hub that was away: asked for, checked whole, installed (consensus.md R12).

A page of blocks is believed only beneath a commit certificate of the configuration that the chain
itself leads to; every record's signature and every root is checked before anything is written.
"""

import asyncio
from collections.abc import Sequence

from homechain.crypto.keys import PublicKey, verify_batch
from homechain.ledger.blocks import ChainPoint, check_block
from homechain.ledger.certificates import commit_checks
from homechain.ledger.errors import InvalidBlock
from homechain.ledger.records import SignatureCheck, SignedRecord, read_record, record_checks
from homechain.model.blocks import (
    CertifiedBlock,
    CommitCertificate,
    Header,
    block_hash,
    read_header,
)
from homechain.model.configuration import Configuration
from homechain.model.messages import BlocksWanted, FinalBlocks
from homechain.model.statements import proposal_bytes
from homechain.node.catch_up import PAGE_BLOCKS, PAGE_BYTES
from homechain.node.chain import OpenBlock
from homechain.node.engine import Engine, Install
from homechain.node.queries import Queries
from homechain.node.verification import Verifier

Steps = list[tuple[OpenBlock, CommitCertificate | None]]


class Syncing:
    """Answers hubs that were away, and brings this one up to date."""

    def __init__(self, engine: Engine, *, queries: Queries, verifier: Verifier) -> None:
        self._engine = engine
        self._queries = queries
        self._verifier = verifier
        self._installing = False

    async def answer(self, hub: str, wanted: BlocksWanted) -> None:
        """Sends a page of final blocks, if this hub has what `hub` lacks."""
        blocks = await self._queries.blocks(
            max(0, wanted.from_height),
            limit=max(1, min(wanted.at_most, PAGE_BLOCKS)),
            at_most_bytes=PAGE_BYTES,
        )
        if blocks:
            self._engine.peers.send(hub, FinalBlocks(tuple(blocks)))

    async def take(self, hub: str, page: FinalBlocks) -> None:
        """Checks a page and installs it; asks for the next. A bad page costs its sender trust."""
        engine = self._engine
        if self._installing:
            return
        self._installing = True
        useful = False
        try:
            steps = await self._check(page.blocks)
            if steps:
                done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                engine.enqueue(Install(steps, done=done))
                await done
                useful = True
        finally:
            self._installing = False
            engine.catch_up.delivered(hub, useful=useful, now_ms=engine.clock.monotonic_ms())
        engine.seek_blocks()

    async def _check(self, blocks: Sequence[CertifiedBlock]) -> Steps:
        point: ChainPoint = self._engine.chain.head
        steps: Steps = []
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
