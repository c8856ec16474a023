"""What a hub is in its term. One frozen record a role: what cannot be in a role has no field.

May live here: the records. May not: a rule, or anything that outlives the term.
"""

from dataclasses import dataclass, field
from typing import Final

from homechain.model.blocks import ElectionCertificate, QuorumCertificate, Rank

NO_RANK: Final = Rank(-1, 0, 0)
"""Below every certificate."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Not a member: follows final blocks, signs nothing (a joiner, a removed hub)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """In a term whose election is not proven here (yet)."""


@dataclass(frozen=True, slots=True)
class Follower:
    """In a term with a proven leader: another hub, or this one before it was restarted (R9)."""

    election: ElectionCertificate
    leader: int
    beat: int = -1
    """Newest heartbeat heard."""
    told_high: Rank = NO_RANK
    """What that heartbeat said the leader holds."""
    told_height: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """The newest proposal of this leader."""

    slot: Rank
    block: bytes
    justify: QuorumCertificate
    at_ms: int


@dataclass(frozen=True, slots=True)
class Building:
    """A `Build` that was not answered yet."""

    slot: Rank
    justify: QuorumCertificate
    pending_version: int
    """Of `Hub.pending_version` when it was asked."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Leads its term, whose election is proven here."""

    election: ElectionCertificate
    since_ms: int
    beat: int = -1
    beat_ms: int = -1_000_000_000
    acks: dict[int, int] = field(default_factory=dict)
    """Signer → when its newest ack came; at most one entry a member."""
    sent: Sent | None = None
    building: Building | None = None
    dry_version: int = -1
    """Pending records of this version left nothing to build."""


Role = Observer | Candidate | Follower | Leader
