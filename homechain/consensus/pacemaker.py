"""When a hub wants another leader, and when it wants to be woken (R1, R10).

May live here: reasons, deadlines, the wish itself. May not: what follows from other hubs' wishes.
"""

from typing import Final

from homechain.consensus import helping
from homechain.consensus.roles import Follower, Leader
from homechain.consensus.state import NEVER_MS, Hub
from homechain.consensus.terms import JITTER_STEPS
from homechain.model.statements import PreVote

FOREVER_MS: Final = 2**53


def start(hub: Hub) -> None:
    """The first step after a start: listen for a moment, then want a leader."""
    patience = hub.timing.start_patience_ms if hub.configuration.size > 1 else 0
    hub.pace.started_ms = hub.pace.progress_ms = hub.pace.heard_ms = hub.now_ms
    hub.pace.timeout_ms = patience + patience * (hub.entropy % JITTER_STEPS) // JITTER_STEPS


def unhappy_at(hub: Hub) -> int:
    """When the hub, a member, starts to want another leader; may be in the past."""
    pace, record = hub.pace, hub.safety
    if pace.link_lost or pace.refused:
        return NEVER_MS
    at = silent_since_ms(hub) + pace.timeout_ms
    if hub.is_behind(record.high) or hub.prepared_in_vain():
        at = min(at, pace.progress_ms + pace.timeout_ms)
    if hub.pending_oldest_ms is not None:
        waits_since = max(hub.pending_oldest_ms, pace.started_ms)
        at = min(at, waits_since + max(hub.timing.censor_timeout_ms, pace.timeout_ms))
    return at


def silent_since_ms(hub: Hub) -> int:
    """Since when nobody leads, as far as this hub can tell."""
    match hub.role:
        case Leader() as leader:
            return quorum_heard_ms(hub, leader)
        case Follower(leader=leader_number) if leader_number == hub.me:
            return NEVER_MS  # restarted in its own term: it knows that it will not lead
        case Follower():
            return hub.pace.heard_ms
        case _:
            return hub.pace.started_ms


def quorum_heard_ms(hub: Hub, leader: Leader) -> int:
    """CheckQuorum: since when a quorum, the leader included, was not all heard."""
    acks = sorted(
        (leader.acks.get(member, leader.since_ms) for member in range(hub.configuration.size)),
        reverse=True,
    )
    return acks[hub.configuration.quorum - 1]


def is_fresh(hub: Hub) -> bool:
    """May this hub call what it knows the newest?"""
    match hub.role:
        case Leader():
            return hub.now_ms < quorum_heard_ms(hub, hub.role) + hub.timing.election_timeout_ms
        case Follower(beat=beat):
            heard = hub.now_ms < hub.pace.heard_ms + hub.timing.election_timeout_ms
            return beat >= 0 and heard and not hub.pace.link_lost
        case _:
            return False


def wish(hub: Hub) -> None:
    """Says, and repeats while it holds, that the term should end."""
    if hub.me is None or hub.now_ms < next_wish_ms(hub):
        return
    hub.pace.pre_voted_ms = hub.now_ms
    hub.say(PreVote(hub.safety.epoch, hub.term, hub.me))


def next_wish_ms(hub: Hub) -> int:
    """A wish is repeated once a heartbeat interval."""
    return hub.pace.pre_voted_ms + hub.timing.heartbeat_interval_ms


def tend(hub: Hub) -> None:
    """Whatever is due by now, apart from the leader's beat."""
    if hub.observes():
        if helping.is_undecided(hub) and hub.now_ms >= next_repeat_ms(hub):
            helping.repeat(hub)
        return
    if hub.now_ms >= unhappy_at(hub):
        wish(hub)
    if helping.is_undecided(hub) and hub.now_ms >= next_repeat_ms(hub):
        helping.repeat(hub)


def next_repeat_ms(hub: Hub) -> int:
    """What is undecided is repeated once a heartbeat interval, first one after it began."""
    since = max(hub.pace.repeated_ms, hub.pace.progress_ms)
    return since + hub.timing.heartbeat_interval_ms


def deadline_ms(hub: Hub) -> int:
    """When the hub wants to be woken at the latest."""
    due = [FOREVER_MS]
    if helping.is_undecided(hub):
        due.append(next_repeat_ms(hub))
    if not hub.observes():
        due.append(max(unhappy_at(hub), next_wish_ms(hub)))
    if isinstance(hub.role, Leader):
        due.append(hub.role.beat_ms + hub.timing.heartbeat_interval_ms)
    if hub.missing is not None:
        asked = hub.last_ms.get(("fetch", -1), NEVER_MS)
        due.append(max(helping.fetch_at(hub), asked + hub.timing.heartbeat_interval_ms))
    return max(min(due), hub.now_ms + 1)
