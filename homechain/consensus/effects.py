"""What the core wants done. Values; their order in the list matters.

An effect may not be carried out before every `Persist` ahead of it is confirmed on the medium, in
this step and in all earlier ones (a `Finalize` is one too). `Fetch`, `CatchUp` and `Announce` say
nothing that binds; they may overtake. Members are numbered as in the configuration of the step that
gave the effect: once a later epoch is entered, what an older one left to be signed, sent or built
is dropped (not its `Persist` and `Finalize`).
"""

from dataclasses import dataclass

from homechain.consensus.inputs import ProposalSeen
from homechain.consensus.safety import SafetyRecord
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    QuorumCertificate,
    Rank,
)
from homechain.model.statements import Commit, Heartbeat, HeartbeatAck, Prepare, PreVote, Vote


@dataclass(frozen=True, slots=True)
class Persist:
    """Write `safety`, and the body of block `store` with its proposal if one is named, as one
    transaction.
    """

    safety: SafetyRecord
    store: bytes | None = None


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Sign, send to all, give it back as `StatementSeen`: one's own word counts like others'."""

    statement: PreVote | Vote | Prepare | Commit | Heartbeat | HeartbeatAck
    """Without signature."""


@dataclass(frozen=True, slots=True)
class Build:
    """Make a block for `slot` on `parent` from pending records that no ancestor holds; answer with
    `BlockBuilt`. A newer `Build` replaces an unanswered one.
    """

    slot: Rank
    parent: bytes
    justify: QuorumCertificate
    """Goes into the header."""
    even_if_empty: bool
    """A block is needed to make earlier ones final; otherwise answer None if there is nothing."""


@dataclass(frozen=True, slots=True)
class Propose:
    """Sign and send the proposal of `block` for `slot`, and give it back as `ProposalSeen`.

    `block` was just built, or is a stored K proposed again. Repeated with the same content, and
    then `to` names the members that seem to lack it (None: everybody).
    """

    slot: Rank
    block: bytes
    justify: QuorumCertificate
    election: ElectionCertificate | None
    to: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Show:
    """Send a certificate to one member, or to all."""

    certificate: QuorumCertificate | CommitCertificate | ElectionCertificate
    to: int | None


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask these members for a certified block that is not here; answer with `BlockAvailable`."""

    block: bytes
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Finalize:
    """`block` and all its ancestors are final; all bodies are here. Durable before told.

    Where sync made it final meanwhile (its `CaughtUp` comes later), only `safety` is left to write.
    """

    block: bytes
    commit: CommitCertificate
    safety: SafetyRecord
    """Goes to disk in the same transaction, so that the record is never ahead of the blocks."""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Final blocks are missing here: ask `hub` first, or anybody. Answer with `CaughtUp`."""

    hub: int | None
    height: int
    """Said to be final there; 0 if nobody said."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Send this hub's `Status` to all linked hubs now: whoever knows more shows it."""


@dataclass(frozen=True, slots=True)
class Accuse:
    """Two statements that contradict each other, signed by one hub."""

    kind: str
    """`prepare`, `vote` or `proposal`."""
    signer: int
    first: Prepare | Vote | ProposalSeen
    second: Prepare | Vote | ProposalSeen


@dataclass(frozen=True, slots=True)
class Remind:
    """Send this statement, as it was received, back to its signer, who may have forgotten it."""

    statement: Prepare | Vote
    to: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """This hub's key signed `proof`, and its record does not know (a disk image was put back?).

    The core signs nothing any more and only watches. Alarm; rejoin as a new member (R13).
    """

    proof: object
    """A statement or a certificate."""


Effect = (
    Persist
    | Broadcast
    | Build
    | Propose
    | Show
    | Fetch
    | Finalize
    | CatchUp
    | Announce
    | Accuse
    | Remind
    | Quarantine
)
