"""Re-checks a whole ledger from genesis and names the first thing that is wrong.

May live here: the order of checks and the blame. May not: reading files, threads, progress bars:
blocks are fed in, signatures are checked by whatever `verify_batch` the caller brings.

Every block is made again from its parent and its records, so links, counts, roots, state and
decisions need no check of their own. What remains are signatures: they are collected while blocks
are made, and verified a batch at a time. Within a block the order of checks is: header, records,
justifying certificate, what the records make, proposal, commit certificate.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from homechain.crypto.keys import PublicKey, verify_batch
from homechain.ledger.anchors import certifies_slot
from homechain.ledger.blame import (
    Blame,
    broken,
    broken_field,
    broken_record,
    first_difference,
    read_or_blame,
)
from homechain.ledger.blocks import BuiltBlock, ChainPoint, found, rebuild
from homechain.ledger.certificates import commit_checks, quorum_checks
from homechain.ledger.errors import BrokenLedger, Inadmissible, InvalidCertificate
from homechain.ledger.execution import first_refused
from homechain.ledger.headers import content_fault, field_range, link_fault
from homechain.ledger.records import SignatureCheck, SignedRecord, record_checks
from homechain.model import limits
from homechain.model.blocks import CertifiedBlock, Header, read_header
from homechain.model.configuration import Configuration
from homechain.model.errors import FormatError
from homechain.model.statements import proposal_bytes

BATCH_SIGNATURES: Final = 2_048
"""So many signatures are collected before they are verified."""

VerifyBatch = Callable[[Sequence[SignatureCheck]], list[bool]]


class AuditProgress(Struct, frozen=True, kw_only=True):
    """How far an audit has come. All that it counts was found right."""

    blocks: int
    records: int
    signatures: int
    final_height: int
    """Highest block that a commit certificate covers (0: genesis); -1 before genesis."""


class Auditor:
    """Feed it every block from height 0 on, then `finish`. Raises `BrokenLedger` for the first
    thing that is wrong; after that it is of no more use.
    """

    def __init__(self, *, home: bytes | None = None, verify: VerifyBatch = verify_batch) -> None:
        """`home`: the id that the ledger must have, where it is known from elsewhere."""
        self._home = home
        self._verify = verify
        self._head: ChainPoint | None = None
        self._waiting: list[tuple[SignatureCheck, Blame]] = []
        self._hashes_named: dict[int, bytes] = {}
        """Height to the hash that a later part of the ledger names for the block there."""
        self._blocks = self._records = self._signatures = 0
        self._final_height = -1

    @property
    def progress(self) -> AuditProgress:
        """How far it has come."""
        return AuditProgress(
            blocks=self._blocks,
            records=self._records,
            signatures=self._signatures,
            final_height=self._final_height,
        )

    @property
    def head(self) -> ChainPoint | None:
        """The last block that was fed, with the state after it."""
        return self._head

    def feed(self, blocks: Iterable[CertifiedBlock]) -> AuditProgress:
        """Check the next blocks, in order. Signatures may wait for their batch or for `finish`."""
        for certified in blocks:
            try:
                self._take(certified)
            except BrokenLedger:
                self._flush()  # an earlier signature that is wrong comes first
                raise
            if len(self._waiting) >= BATCH_SIGNATURES:
                self._flush()
        return self.progress

    def finish(self) -> AuditProgress:
        """Say that there are no more: every block must be covered by a commit certificate."""
        self._flush()
        if self._head is None:
            raise BrokenLedger(height=0, part="header", reason="the ledger is empty")
        if self._final_height < self._head.height:
            raise BrokenLedger(
                height=self._final_height + 1,
                part="commit",
                reason="no commit certificate covers this block or any after it",
            )
        return self.progress

    def _take(self, certified: CertifiedBlock) -> None:
        if self._head is None:
            built = self._take_genesis(certified)
        else:
            built = self._take_block(self._head, certified)
        self._blocks += 1
        self._records += len(built.records)
        self._head = built.point

    def _take_genesis(self, certified: CertifiedBlock) -> BuiltBlock:
        block = certified.block
        if len(block.records) != 1:
            raise BrokenLedger(height=0, part="records", reason="not one genesis record alone")
        record = read_or_blame(block.records[0], height=0, place=0)
        try:
            built = found(record)
        except Inadmissible as error:
            raise broken_record(record, str(error), height=0, place=0) from error
        if self._home is not None and built.home != self._home:
            raise broken_record(record, "the genesis of another home", height=0, place=0)
        if built.block.header != block.header:
            raise BrokenLedger(
                height=0,
                part="header",
                reason="not the header that the genesis record makes",
                byte_range=first_difference(built.block.header, block.header),
            )
        if certified.proposal != b"":
            reason = "nobody proposes the genesis block"
            raise BrokenLedger(height=0, part="proposal", reason=reason)
        if certified.commit is not None:
            reason = "the genesis block is proven by its record alone"
            raise BrokenLedger(height=0, part="commit", reason=reason)
        self._final_height = 0
        return built

    def _take_block(self, parent: ChainPoint, certified: CertifiedBlock) -> BuiltBlock:
        height = parent.height + 1
        if parent.header.close is not None and self._final_height < parent.height:
            reason = "the block that ends an epoch comes without its own commit certificate"
            raise BrokenLedger(height=parent.height, part="commit", reason=reason)
        header = self._take_header(parent, certified.block.header, height=height)
        records = []
        for place, raw in enumerate(certified.block.records):
            record = read_or_blame(raw, height=height, place=place)
            self._expect_record(record, height=height, place=place)
            records.append(record)
        self._expect_quorum(parent, certified.block.header, header)
        built = self._remake(parent, header, records, certified)
        self._expect_proposal(built, certified.proposal, parent.configuration)
        self._take_commit(built, certified, parent.configuration)
        return built

    def _take_header(self, parent: ChainPoint, raw: bytes, *, height: int) -> Header:
        try:
            header = read_header(raw)
        except FormatError as error:
            raise BrokenLedger(
                height=height, part="header", reason=str(error), byte_range=(0, len(raw))
            ) from error
        self._hashes_named.setdefault(parent.height, header.parent)
        fault = link_fault(
            parent.header, header, parent_hash=parent.hash, configuration=parent.configuration
        )
        if fault is not None:
            raise broken_field(raw, fault, height=height)
        return header

    def _remake(
        self,
        parent: ChainPoint,
        header: Header,
        records: Sequence[SignedRecord],
        certified: CertifiedBlock,
    ) -> BuiltBlock:
        height = header.height
        sizes = [len(raw) for raw in certified.block.records]
        if len(sizes) > limits.RECORDS_PER_BLOCK or sum(sizes) > limits.BLOCK_BYTES:
            reason = "more records than a block may hold"
            raise BrokenLedger(height=height, part="records", reason=reason)
        built = rebuild(chain=parent, header=header, records=records)
        if built.refused:
            record, error = built.refused[0]
            place = first_refused(records, built.records)
            raise broken_record(record, str(error), height=height, place=place)
        if (fault := content_fault(built.header, header)) is not None:
            raise broken_field(certified.block.header, fault, height=height)
        return built

    # ------------------------------------------------------------ signatures

    def _expect_record(self, record: SignedRecord, *, height: int, place: int) -> None:
        blame = Blame(height, "record", "its signer did not sign this", place, (0, len(record.raw)))
        self._waiting += [(check, blame) for check in record_checks(record)]

    def _expect_quorum(self, parent: ChainPoint, raw: bytes, header: Header) -> None:
        reason = "the certificate that justifies the block"
        blame = Blame(header.height, "header", reason, None, field_range(raw, "justify"))
        try:
            checks = quorum_checks(header.justify, parent.configuration, root=parent.hash)
        except InvalidCertificate as error:
            raise broken(blame, detail=str(error)) from error
        self._waiting += [(check, blame) for check in checks]

    def _expect_proposal(
        self, built: BuiltBlock, proposal: bytes, configuration: Configuration
    ) -> None:
        header = built.header
        leader = configuration.leader(header.term)
        message = proposal_bytes(
            configuration=configuration,
            signer=leader,
            term=header.term,
            seq=header.seq,
            block=built.hash,
        )
        blame = Blame(
            header.height,
            "proposal",
            "the leader of the term did not sign this header",
            None,
            (0, len(proposal)),
            built.hash,
        )
        key = PublicKey.from_did(configuration.members[leader])
        self._waiting.append(((key, proposal, message), blame))

    def _take_commit(
        self, built: BuiltBlock, certified: CertifiedBlock, configuration: Configuration
    ) -> None:
        commit, header = certified.commit, built.header
        if commit is None:
            return
        size_bytes = len(msgspec.msgpack.encode(commit))
        blame = Blame(header.height, "commit", "the commit certificate", None, (0, size_bytes))
        self._hashes_named[header.height] = commit.block
        if commit.block != built.hash:
            raise broken(blame, detail="it is for another block")
        if not certifies_slot(commit.rank, header):
            raise broken(blame, detail="it is for another slot")
        try:
            checks = commit_checks(commit, configuration, closes=header.close)
        except InvalidCertificate as error:
            raise broken(blame, detail=str(error)) from error
        self._waiting += [(check, blame) for check in checks]
        self._final_height = header.height

    def _flush(self) -> None:
        """Verify what was collected; raise for the first signature that is wrong."""
        waiting, self._waiting = self._waiting, []
        verdicts = self._verify([check for check, _ in waiting])
        for verdict, (_, blame) in zip(verdicts, waiting, strict=True):
            if not verdict:
                raise self._broken_signature(blame)
        self._signatures += len(waiting)
        self._hashes_named.clear()

    def _broken_signature(self, blame: Blame) -> BrokenLedger:
        if blame.part == "record":
            return broken(blame, detail=None)
        if blame.proposed is None:
            return broken(blame, detail="a signature in it is wrong")
        # Header or signature: one of the two was changed. Who names the block later tells which.
        named = self._hashes_named.get(blame.height)
        if named is not None and named != blame.proposed:
            return BrokenLedger(
                height=blame.height,
                part="header",
                reason="its leader signed, and later blocks name, another header",
            )
        return broken(blame, detail=None)
