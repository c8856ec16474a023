"""What one hub knows, and how a step collects its effects.

May live here: the fields, reading them, and the one way in which effects are put in order (what is
to be remembered goes ahead of what is said). May not: a rule, or a reaction to an input.
"""

from dataclasses import dataclass, field

from homechain.consensus.effects import Broadcast, Effect, Persist
from homechain.consensus.inputs import BlockSummary
from homechain.consensus.roles import NO_RANK, Candidate, Follower, Leader, Observer, Role
from homechain.consensus.safety import SafetyRecord
from homechain.consensus.tally import PreVotes, Tally
from homechain.consensus.timing import Timing
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    QuorumCertificate,
    Rank,
)
from homechain.model.configuration import Configuration
from homechain.model.statements import (
    Commit,
    Heartbeat,
    HeartbeatAck,
    Prepare,
    PreVote,
    Vote,
)

NEVER_MS = -1_000_000_000
"""Before any clock."""

Spoken = PreVote | Vote | Prepare | Commit | Heartbeat | HeartbeatAck


@dataclass(slots=True)
class Pace:
    """The pacemaker's notes on the current term (R1, R10)."""

    started_ms: int = NEVER_MS
    timeout_ms: int = 0
    progress_ms: int = NEVER_MS
    """When a certificate of the term was last made or seen, or the term began."""
    heard_ms: int = NEVER_MS
    """When the leader was last heard, or became known."""
    pre_voted_ms: int = NEVER_MS
    repeated_ms: int = NEVER_MS
    failures: int = 0
    """Terms in a row that ended without a commit certificate."""
    committed: bool = False
    """A commit certificate came in this term."""
    link_lost: bool = False
    """The link to the leader broke, and no heartbeat came since."""
    refused: bool = False
    """The leader proposed what cannot be prepared."""


@dataclass(slots=True)
class Hub:
    """All state of the core. Only the modules of this package touch it."""

    configuration: Configuration
    me: int | None
    timing: Timing
    safety: SafetyRecord
    chain: dict[bytes, BlockSummary]
    """Bodies that are durable here and not final."""
    head: BlockSummary | None
    """The newest final block; None: known by its hash only (genesis, an epoch's root)."""
    commit: CommitCertificate | None
    """The newest commit certificate of this epoch."""
    restarted_in: int
    """R9: no proposals up to this term."""
    said_commit: Rank = NO_RANK
    """Of the newest commit said since the start."""
    role: Role = field(default_factory=Candidate)
    pace: Pace = field(default_factory=Pace)
    tally: Tally = field(default_factory=Tally)
    pre_votes: PreVotes = field(default_factory=PreVotes)
    votes: dict[int, Vote] = field(default_factory=dict)
    """Signer → vote of the highest term."""
    early: dict[tuple[int, type], Prepare | Commit] = field(default_factory=dict)
    """Statements of later terms, one a signer and type: the election's proof may be late."""
    election: ElectionCertificate | None = None
    """The newest one known here."""
    awaiting: CommitCertificate | None = None
    """Proves a block final whose ancestry is not all here."""
    missing: tuple[bytes, int] | None = None
    """A certified block without body, and since when."""
    lost_links: set[int] = field(default_factory=set)
    pending_count: int = 0
    pending_oldest_ms: int | None = None
    pending_version: int = 0
    last_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    """When something that is limited in rate was last done; keys are (what, member or -1)."""
    now_ms: int = NEVER_MS
    entropy: int = 0
    effects: list[Effect] = field(default_factory=list)
    _dirty: bool = False
    _store: bytes | None = None

    # ------------------------------------------------------------------ effects in order

    def remember(self, safety: SafetyRecord, *, store: bytes | None = None) -> None:
        """From now on `safety` holds; it goes to disk ahead of whatever is said next."""
        if store is not None and self._store is not None:
            self.flush()
        self.safety = safety
        self._dirty = True
        self._store = store if store is not None else self._store

    def flush(self) -> None:
        """Puts what is to be remembered into the list."""
        if self._dirty and self.me is not None:
            self.safety = self.safety._replace(writes=self.safety.writes + 1)
            self.effects.append(Persist(self.safety, self._store))
        self._dirty, self._store = False, None

    def say(self, statement: Spoken) -> None:
        """Broadcasts in this hub's name, after everything remembered so far."""
        assert self.me == statement.signer, "a hub speaks for itself"
        self.flush()
        self.effects.append(Broadcast(statement))

    def do(self, effect: Effect) -> None:
        """Any effect that is not signed."""
        self.effects.append(effect)

    def may_again(self, what: str, member: int = -1, *, every_ms: int | None = None) -> bool:
        """True, and noted, unless it was done less than a heartbeat (or `every_ms`) ago."""
        interval = self.timing.heartbeat_interval_ms if every_ms is None else every_ms
        key = (what, member)
        if self.now_ms - self.last_ms.get(key, NEVER_MS) < interval:
            return False
        self.last_ms[key] = self.now_ms
        return True

    # ------------------------------------------------------------------ what others ask

    @property
    def term(self) -> int:
        return self.safety.term

    @property
    def leads_now(self) -> int | None:
        """The leader whose election is proven."""
        match self.role:
            case Follower(leader=leader):
                return leader
            case Leader():
                return self.me
            case _:
                return None

    @property
    def others(self) -> tuple[int, ...]:
        return tuple(number for number in range(self.configuration.size) if number != self.me)

    def is_behind(self, certificate: QuorumCertificate) -> bool:
        """Is `certificate` above everything that is final here?"""
        return (
            certificate.rank > self.safety.committed_rank
            and certificate.block != self.safety.committed_block
        )

    def prepared_in_vain(self) -> bool:
        """Was something prepared in this term that is not certified?"""
        prepared = self.safety.prepared
        return (
            prepared is not None
            and prepared.rank.term == self.safety.term
            and prepared.rank > max(self.safety.high.rank, self.safety.committed_rank)
        )

    def first_missing(self, block: bytes) -> bytes | None:
        """The block on the way from `block` down to the final chain whose body is not here."""
        while block != self.safety.committed_block:
            summary = self.chain.get(block)
            if summary is None:
                return block
            block = summary.parent
        return None

    def extends_final(self, block: bytes) -> bool:
        """Do all bodies from `block` down to the newest final block lie here?"""
        return self.first_missing(block) is None

    def summary_of(self, block: bytes) -> BlockSummary | None:
        """Of a stored block or of the newest final one; an epoch's root counts as unknown."""
        if block == self.safety.root:
            return None
        if self.head is not None and block == self.head.hash:
            return self.head
        return self.chain.get(block)

    def observes(self) -> bool:
        return isinstance(self.role, Observer)
