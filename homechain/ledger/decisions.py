"""What the home decided on a command, and why, in words for a resident."""

from msgspec import Struct


class Verdict(Struct, frozen=True, kw_only=True):
    """May this person do this, and why? Codes are listed in `policy`."""

    allowed: bool
    code: str
    """Stable word, for example `granted`, `role`, `no_grant`, `expired`."""
    reason: str
    """A sentence for a resident."""
    grant: str | None = None
    """`jti` of the grant that allowed it, or that came closest."""


class Decision(Struct, frozen=True, kw_only=True):
    """The verdict on one command of a block."""

    command: bytes
    """Id of the command record: 32 bytes."""
    allowed: bool
    code: str
    reason: str
    grant: str | None = None
