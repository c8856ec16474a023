"""Records on their way in (receipts) and final ones on their way out."""

from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import Meta

from homechain.api.schema.commands import CommandView, DecisionView
from homechain.api.schema.fields import Body, JwsText, Request
from homechain.api.schema.problems import Problem
from homechain.model.blocks import CommitCertificate
from homechain.model.ids import Did, DigestText

RECORDS_PER_REQUEST: Final = 256


class RecordBatch(Request, frozen=True, kw_only=True):
    """`POST /v1/events` as application/json: many records at once."""

    records: Annotated[list[JwsText], Meta(min_length=1, max_length=RECORDS_PER_REQUEST)]


class ReceiptStatus(StrEnum):
    """How far a record has come."""

    ACCEPTED = "accepted"
    """Durable on this hub, not final (only with `Prefer: respond-async`)."""
    FINAL = "final"


class Receipt(Body, frozen=True, kw_only=True):
    """One record is in. A repeat of a committed record gets the same receipt again."""

    id: DigestText
    status: ReceiptStatus
    height: int | None = None
    index: int | None = None
    """Leaf number in the ledger's Merkle tree."""
    time_ms: int | None = None
    """Block time."""
    decision: DecisionView | None = None
    """For a command: what the home decided."""


class RecordResult(Body, frozen=True, kw_only=True):
    """What became of one record of a batch: exactly one of the two is present."""

    receipt: Receipt | None = None
    problem: Problem | None = None


class BatchResult(Body, frozen=True, kw_only=True):
    """Answer to a batch, in the batch's order. One bad record does not sink the others."""

    results: list[RecordResult]


class Counter(Body, frozen=True, kw_only=True):
    """`GET /v1/counter`: the next `ctr` that this hub knows to be free for the asking person."""

    next: int


class RecordView(Body, frozen=True, kw_only=True):
    """One final record, for a list."""

    id: DigestText
    kind: str
    signer: Did
    signer_name: str
    height: int
    index: int
    time_ms: int
    """Block time."""
    payload: dict[str, Any]
    """What the record says. The bytes that were signed are at `/v1/records/{id}`."""
    decision: DecisionView | None = None
    """For a command."""


class RecordPage(Body, frozen=True, kw_only=True):
    """Newest first. Pass the last item's `index` as `before` for the next page."""

    records: list[RecordView]
    more: bool


class InclusionProof(Body, frozen=True, kw_only=True):
    """Shows that the record is in the ledger (RFC 6962, section 2.1.1)."""

    index: int
    tree_size: int
    path: list[DigestText]
    header: bytes
    """Exact bytes (base64) of the certified header whose `records_root` the path leads to."""
    commit: CommitCertificate


class RecordDetail(Body, frozen=True, kw_only=True):
    """`GET /v1/records/{id}`: one record down to its signature."""

    record: RecordView
    raw: JwsText
    proof: InclusionProof | None
    """None for a moment, until a certified header covers the record."""
    command: CommandView | None = None
    """For a command: its life so far. For an outcome: the command that it answers."""


class BlockView(Body, frozen=True, kw_only=True):
    """One final block."""

    height: int
    hash: DigestText
    parent: DigestText
    epoch: int
    term: int
    seq: int
    time_ms: int
    record_count: int
    tree_size: int
    records_root: DigestText
    state_root: DigestText
    closes_epoch: bool
    committed_by: list[Did]
    """Hubs whose commits this block's own certificate carries; empty where a later block's does."""


class BlockPage(Body, frozen=True, kw_only=True):
    """Ascending heights."""

    blocks: list[BlockView]
    head_height: int
