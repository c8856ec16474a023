"""What can be asked of the final ledger: rows for people, proofs for devices.

The rows are folded from final blocks by `storage`, in the transaction that makes them final; the
port is what `api` and `cli` see. Every list is newest first and bounded by `limit`.
"""

from typing import Any, Protocol

from msgspec import Struct

from homechain.model.blocks import CertifiedBlock, CommitCertificate


class RecordRow(Struct, frozen=True, kw_only=True):
    """One final record and where it stands."""

    id: bytes
    raw: bytes
    kind: str
    signer: str
    height: int
    index: int
    """Leaf number in the ledger-wide Merkle tree."""
    time_ms: int
    """Block time."""


class DecisionRow(Struct, frozen=True, kw_only=True):
    """What the home decided on one command."""

    command: bytes
    allowed: bool
    code: str
    """Stable word, for example `granted`, `role`, `no_grant`, `expired`, `revoked`."""
    reason: str
    """A sentence for a resident."""
    grant: str | None
    """`jti` of the deciding grant."""


class CommandRow(Struct, frozen=True, kw_only=True):
    """One command from request to outcome."""

    id: bytes
    device: str
    person: str
    action: str
    arguments: dict[str, Any]
    requested_ms: int
    """Signer's clock."""
    expires_s: int
    final_ms: int
    """Block time."""
    height: int
    decision: DecisionRow
    outcome: str | None
    """`done`, `refused`, `failed`, or None while the device has not answered."""
    outcome_reason: str
    outcome_ms: int | None
    media: str | None


class PropertyRow(Struct, frozen=True, kw_only=True):
    """The newest known value of one property of one device."""

    device: str
    name: str
    value: Any
    at_ms: int
    """The device's clock."""
    height: int


class ReadingRow(Struct, frozen=True, kw_only=True):
    """One reading or occurrence of the past."""

    device: str
    name: str
    value: Any
    at_ms: int
    height: int
    record: bytes
    command: bytes | None = None
    """The command whose outcome carried it; None for "unknown, or by hand"."""


class Queries(Protocol):
    """Reads of the final ledger. Never blocks the event loop."""

    async def block(self, height: int) -> CertifiedBlock | None:
        """The final block at `height`, with its own commit certificate if it has one."""

    async def blocks(
        self, from_height: int, *, limit: int, at_most_bytes: int
    ) -> list[CertifiedBlock]:
        """Final blocks from `from_height` ascending, cut so that the last carries a certificate."""

    async def covering_commit(self, height: int) -> tuple[bytes, CommitCertificate] | None:
        """Header and commit certificate of the lowest certified block at or above `height`."""

    async def record(self, record_id: bytes) -> RecordRow | None: ...

    async def records_of_block(self, height: int) -> list[RecordRow]: ...

    async def recent_records(
        self,
        *,
        kinds: tuple[str, ...] = (),
        signer: str | None = None,
        device: str | None = None,
        before_index: int | None = None,
        limit: int = 100,
    ) -> list[RecordRow]:
        """Newest first. `device` also finds commands for it and its outcomes."""

    async def inclusion_path(self, *, index: int, size: int) -> list[bytes]:
        """RFC 6962 path of leaf `index` in the tree of the first `size` records."""

    async def command(self, record_id: bytes) -> CommandRow | None: ...

    async def commands(
        self,
        *,
        device: str | None = None,
        person: str | None = None,
        waiting_only: bool | None = None,
        limit: int = 100,
    ) -> list[CommandRow]:
        """`waiting_only=True`: allowed commands that have no outcome yet."""

    async def properties(self, device: str | None = None) -> list[PropertyRow]: ...

    async def readings(
        self,
        *,
        device: str | None = None,
        name: str | None = None,
        since_ms: int = 0,
        limit: int = 1_000,
    ) -> list[ReadingRow]: ...
