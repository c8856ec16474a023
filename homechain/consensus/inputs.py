"""What the core is told. Everything here was verified by the driver; the core trusts it.

What the driver owes the core:

- Statements, certificates and proposals are of the core's own epoch and carry valid signatures of
  distinct members. Those of another epoch are not given (a hub behind catches up by blocks).
- A statement that comes again is given again, if some `Timing.heartbeat_interval_ms` passed since
  it was last given: whoever repeats itself lacks something. Deduplicate relaying, not hearing.
- The certificates that a proposal carries may be shown at once (`QuorumShown`, `ElectionShown`);
  the proposal itself only once its body, its parent's body and everything down to the final chain
  are here and checked. Until then the driver holds it back; the core asks for missing certified
  bodies by `Fetch`.
"""

from dataclasses import dataclass

from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    EpochClose,
    QuorumCertificate,
    Rank,
)
from homechain.model.configuration import Configuration
from homechain.model.statements import Commit, Heartbeat, HeartbeatAck, Prepare, PreVote, Vote


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """What the core knows of a block whose body is here."""

    hash: bytes
    parent: bytes
    slot: Rank
    """From the header: the slot in which the block was first proposed."""
    height: int
    justify: QuorumCertificate
    """From the header."""
    closes: EpochClose | None


@dataclass(frozen=True, slots=True)
class TimePassed:
    """`deadline_ms` was reached. Harmless at any other time."""


@dataclass(frozen=True, slots=True)
class StatementSeen:
    """A verified statement, this hub's own included (after its persists). A vote's high certificate
    was verified as well.
    """

    statement: PreVote | Vote | Prepare | Commit | Heartbeat | HeartbeatAck


@dataclass(frozen=True, slots=True)
class ProposalSeen:
    """A leader's proposal whose body is here in memory and valid on top of its parent."""

    slot: Rank
    """Where it is proposed; differs from `summary.slot` only for a K proposed again (R11)."""
    signer: int
    summary: BlockSummary
    justify: QuorumCertificate
    election: ElectionCertificate | None


@dataclass(frozen=True, slots=True)
class ProposalRefused:
    """A well-signed proposal whose content is invalid (records, roots, links, block time)."""

    slot: Rank
    signer: int
    block: bytes


@dataclass(frozen=True, slots=True)
class QuorumShown:
    """A verified prepare certificate."""

    certificate: QuorumCertificate


@dataclass(frozen=True, slots=True)
class CommitShown:
    """A verified commit certificate. The core checks the larger count of a closing block itself."""

    certificate: CommitCertificate


@dataclass(frozen=True, slots=True)
class ElectionShown:
    """A verified election certificate."""

    certificate: ElectionCertificate


@dataclass(frozen=True, slots=True)
class BlockAvailable:
    """A body that was asked for by `Fetch` is durable here. Its parent may still be missing."""

    summary: BlockSummary


@dataclass(frozen=True, slots=True)
class PendingChanged:
    """Valid records that are not final yet, those in undecided blocks included."""

    count: int
    oldest_waiting_since_ms: int | None
    """On the clock of `now_ms`; None exactly if `count` is 0."""


@dataclass(frozen=True, slots=True)
class BlockBuilt:
    """The answer to `Build`. None: there was nothing to put into a block."""

    slot: Rank
    summary: BlockSummary | None


@dataclass(frozen=True, slots=True)
class LeaderLinkLost:
    """The link to hub `hub` broke (whoever leads: the core knows). A hint."""

    hub: int


@dataclass(frozen=True, slots=True)
class PeerSeen:
    """A `Status` of a hub: a hint, never proof. Give every one, those after `Announce` too."""

    hub: int | None
    """None: not among this epoch's members (it may be of a later one)."""
    epoch: int
    term: int
    height: int


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Final blocks were installed by sync; `summary` is the newest of them, `commit` proves it.

    Still the same epoch: if the newest block closes it, `EpochEntered` follows.
    """

    commit: CommitCertificate
    summary: BlockSummary


@dataclass(frozen=True, slots=True)
class EpochEntered:
    """The closing block and the next configuration are durable here: the next epoch begins (R11).

    Any number of epochs may have been skipped (a hub that was away).
    """

    configuration: Configuration
    root: bytes
    height: int
    me: int | None
    """Place in the new members; None: not a member, only watching."""


Input = (
    TimePassed
    | StatementSeen
    | ProposalSeen
    | ProposalRefused
    | QuorumShown
    | CommitShown
    | ElectionShown
    | BlockAvailable
    | PendingChanged
    | BlockBuilt
    | LeaderLinkLost
    | PeerSeen
    | CaughtUp
    | EpochEntered
)
