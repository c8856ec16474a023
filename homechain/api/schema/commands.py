"""Commands: what a device is sent, and what a resident sees of their way."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from homechain.api.schema.fields import Body
from homechain.ledger.proofs import CommandProof
from homechain.model.ids import Did, DigestText


class CommandOrder(Struct, frozen=True, kw_only=True, tag="command"):
    """A line of a device's command stream: do this, and here is why you may believe it."""

    id: DigestText
    proof: CommandProof
    """The command itself is inside. Bytes in it are base64 (RFC 4648, section 4)."""


class CommandKeepAlive(Struct, frozen=True, kw_only=True, tag="keep-alive"):
    """A line that says only that the stream is alive. None for long: fail over to another hub."""

    clock_ms: int


CommandLine = CommandOrder | CommandKeepAlive


class CommandLife(StrEnum):
    """How far a command has come. A wish is never shown as a fact."""

    REQUESTED = "requested"
    DENIED = "denied"
    FINAL = "final"
    """Allowed, not yet handed to the device."""
    DELIVERED = "delivered"
    """Written to the device's stream by this hub, no outcome yet."""
    EXPIRED = "expired"
    """Allowed, but its time ran out without an outcome."""
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class DecisionView(Body, frozen=True, kw_only=True):
    """What the home decided on one command, and why."""

    allowed: bool
    code: str
    """Stable word, for example `granted`, `role`, `no_grant`, `expired`, `revoked`."""
    reason: str
    """A sentence for a resident."""
    grant: str | None = None


class CommandView(Body, frozen=True, kw_only=True):
    """One command from request to outcome."""

    id: DigestText
    device: Did
    person: Did
    person_name: str
    action: str
    arguments: dict[str, Any]
    requested_ms: int
    """The signer's clock."""
    expires_ms: int
    final_ms: int
    height: int
    life: CommandLife
    decision: DecisionView
    delivered_ms: int | None = None
    """When this hub wrote it to the device's stream; another hub may have done so instead."""
    outcome: str | None = None
    """`done`, `refused` or `failed`: the device's own word."""
    outcome_reason: str = ""
    outcome_ms: int | None = None
    media: DigestText | None = None


class CommandList(Body, frozen=True, kw_only=True):
    """Newest first."""

    commands: list[CommandView]
