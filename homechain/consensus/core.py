"""The core's one door: `Consensus.step(input) -> list[effect]`.

May live here: the transition table and what outsiders may ask. May not: a clock, chance,
signatures, a database, logging, `async`, or a rule (those are in the modules that the table names).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from homechain.consensus import committing, helping, leading, membership, memory, pacemaker
from homechain.consensus.committing import on_caught_up, on_commit, on_commit_shown
from homechain.consensus.effects import Effect
from homechain.consensus.helping import on_link_lost, on_peer
from homechain.consensus.inputs import (
    BlockAvailable,
    BlockBuilt,
    BlockSummary,
    CaughtUp,
    CommitShown,
    ElectionShown,
    EpochEntered,
    Input,
    LeaderLinkLost,
    PeerSeen,
    PendingChanged,
    ProposalRefused,
    ProposalSeen,
    QuorumShown,
    StatementSeen,
    TimePassed,
)
from homechain.consensus.leading import on_built
from homechain.consensus.membership import on_epoch
from homechain.consensus.preparing import (
    on_block,
    on_prepare,
    on_proposal,
    on_quorum,
    on_refused,
)
from homechain.consensus.roles import Candidate, Follower, Leader, Observer
from homechain.consensus.safety import SafetyRecord
from homechain.consensus.state import NEVER_MS, Hub
from homechain.consensus.timing import Timing
from homechain.consensus.voting import (
    on_ack,
    on_election,
    on_heartbeat,
    on_own_heartbeat,
    on_pre_vote,
    on_vote,
)
from homechain.model.blocks import CommitCertificate, Rank
from homechain.model.configuration import Configuration
from homechain.model.statements import (
    Commit,
    Heartbeat,
    HeartbeatAck,
    Prepare,
    PreVote,
    Vote,
)

RoleName = Literal["observer", "candidate", "follower", "leader"]
Transition = Callable[[Hub, Any], None]
"""The second argument is of the type that the row names."""


def on_time(hub: Hub, event: TimePassed) -> None:
    """What is due is looked at after every step; this is a step without a reason of its own."""


def on_pending(hub: Hub, event: PendingChanged) -> None:
    """How many records wait, and since when."""
    hub.pending_count = event.count
    hub.pending_oldest_ms = event.oldest_waiting_since_ms
    hub.pending_version += 1


def ignore(hub: Hub, event: Input) -> None:
    """Means nothing in this role."""


ROLES: Final = (Observer, Candidate, Follower, Leader)

# fmt: off
_ROWS: Final[Mapping[type, tuple[Transition, Transition, Transition, Transition]]] = {
    # input           observer         candidate        follower         leader
    TimePassed:      (on_time,         on_time,         on_time,         on_time),
    PreVote:         (ignore,          on_pre_vote,     on_pre_vote,     on_pre_vote),
    Vote:            (ignore,          on_vote,         on_vote,         on_vote),
    ElectionShown:   (ignore,          on_election,     on_election,     on_election),
    Heartbeat:       (ignore,          on_heartbeat,    on_heartbeat,    on_own_heartbeat),
    HeartbeatAck:    (ignore,          on_ack,          on_ack,          on_ack),
    ProposalSeen:    (ignore,          on_proposal,     on_proposal,     on_proposal),
    ProposalRefused: (ignore,          on_refused,      on_refused,      on_refused),
    Prepare:         (ignore,          on_prepare,      on_prepare,      on_prepare),
    QuorumShown:     (ignore,          on_quorum,       on_quorum,       on_quorum),
    BlockAvailable:  (ignore,          on_block,        on_block,        on_block),
    Commit:          (ignore,          on_commit,       on_commit,       on_commit),
    CommitShown:     (on_commit_shown, on_commit_shown, on_commit_shown, on_commit_shown),
    CaughtUp:        (on_caught_up,    on_caught_up,    on_caught_up,    on_caught_up),
    PendingChanged:  (on_pending,      on_pending,      on_pending,      on_pending),
    BlockBuilt:      (ignore,          ignore,          ignore,          on_built),
    LeaderLinkLost:  (ignore,          on_link_lost,    on_link_lost,    on_link_lost),
    PeerSeen:        (on_peer,         on_peer,         on_peer,         on_peer),
    EpochEntered:    (on_epoch,        on_epoch,        on_epoch,        on_epoch),
}
# fmt: on

TABLE: Final[Mapping[tuple[type, type], Transition]] = {
    (role, event): row[column] for event, row in _ROWS.items() for column, role in enumerate(ROLES)
}
"""(role, input or statement) → what it does. Total."""


class Consensus:
    """One hub's part in one home."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        me: int | None,
        safety: SafetyRecord,
        head: BlockSummary | None,
        chain: Sequence[BlockSummary],
        commit: CommitCertificate | None,
        timing: Timing,
    ) -> None:
        """A hub that starts or restarts; its first step must be `TimePassed()`.

        `me`: place in the members, None to watch only. `safety`: as it was last persisted, or
        `first_record` if its epoch is older than `configuration`'s. `head`: the newest final block
        (None: genesis). `chain`: blocks stored above it, in any order. `commit`: the newest commit
        certificate on disk, if it is of this epoch. `ValueError` where these contradict one another
        (the database is behind the record: quarantine, R13).
        """
        self._hub = membership.started(
            configuration,
            me=me,
            safety=safety,
            head=head,
            chain=chain,
            commit=commit,
            timing=timing,
        )

    def step(self, event: Input, *, now_ms: int, entropy: int) -> list[Effect]:
        """What is to be done about `event`, in order.

        `now_ms` never goes back; `entropy` is 64 fresh random bits.
        """
        hub = self._hub
        assert now_ms >= hub.now_ms, "time never goes back"
        is_first = hub.now_ms == NEVER_MS
        hub.now_ms, hub.entropy = now_ms, entropy
        if is_first:
            pacemaker.start(hub)
            helping.announce(hub)
        _apply(hub, event)
        _follow_up(hub)
        hub.flush()
        effects, hub.effects = hub.effects, []
        return effects

    @property
    def deadline_ms(self) -> int:
        """When `TimePassed` is wanted next, unless another step comes before."""
        return pacemaker.deadline_ms(self._hub)

    @property
    def role(self) -> RoleName:
        """What this hub is in its term."""
        names: dict[type, RoleName] = {
            Observer: "observer",
            Candidate: "candidate",
            Follower: "follower",
            Leader: "leader",
        }
        return names[type(self._hub.role)]

    @property
    def epoch(self) -> int:
        """The membership that counts here."""
        return self._hub.safety.epoch

    @property
    def term(self) -> int:
        """Promised: nothing below it is signed any more."""
        return self._hub.term

    @property
    def leader(self) -> int | None:
        """Number of the leader whose election is proven here, else None."""
        return self._hub.leads_now

    @property
    def fresh(self) -> bool:
        """A leader heard by a quorum, or a follower that heard of its leader, of late (R10)."""
        return pacemaker.is_fresh(self._hub)

    @property
    def high(self) -> Rank:
        """Of the highest prepare certificate held here."""
        return self._hub.safety.high.rank

    @property
    def committed_height(self) -> int:
        """Of the newest final block."""
        return self._hub.safety.committed_height

    @property
    def committed_block(self) -> bytes:
        """The newest final block."""
        return self._hub.safety.committed_block

    @property
    def safety(self) -> SafetyRecord:
        """As of the last step; durable once its `Persist` is confirmed."""
        return self._hub.safety


def _apply(hub: Hub, event: Input) -> None:
    subject = event.statement if isinstance(event, StatementSeen) else event
    memory.check(hub, getattr(subject, "certificate", subject))
    TABLE[type(hub.role), type(subject)](hub, subject)


def _follow_up(hub: Hub) -> None:
    """What any step may have made possible, cheapest first."""
    _recall(hub)
    committing.await_again(hub)
    committing.commit_if_due(hub)
    committing.count_commits(hub)
    helping.look_for_bodies(hub)
    leading.lead(hub)
    pacemaker.tend(hub)


def _recall(hub: Hub) -> None:
    """Counts statements that came before their term began here."""
    for key, statement in list(hub.early.items()):
        if statement.term <= hub.term:
            del hub.early[key]
            _apply(hub, StatementSeen(statement))
