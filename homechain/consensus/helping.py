"""Healing what was lost: repeating oneself, showing certificates, asking for blocks (R10, R12).

May live here: hints and repetitions, limited in rate. May not: what changes the record.
"""

from typing import Final

from homechain.consensus import memory, rules
from homechain.consensus.effects import Announce, CatchUp, Fetch, Show
from homechain.consensus.inputs import LeaderLinkLost, PeerSeen
from homechain.consensus.roles import Candidate, Leader
from homechain.consensus.state import Hub
from homechain.model.statements import Commit, Prepare, PreVote, Vote

FETCH_PATIENCE: Final = 2
"""A missing body is asked for after a heartbeat interval divided by this: it may be under way."""


def on_peer(hub: Hub, event: PeerSeen) -> None:
    """A hub says how far it is: show it what it lacks, ask for what is lacking here."""
    if event.hub is not None and event.hub in hub.lost_links:
        hub.lost_links.discard(event.hub)
        memory.remind(hub, event.hub)
    if event.height > hub.safety.committed_height or event.epoch > hub.safety.epoch:
        catch_up(hub, event.hub, event.height)
    if event.hub is None or event.hub == hub.me:
        return
    if event.epoch < hub.safety.epoch or (
        event.epoch == hub.safety.epoch and event.term > hub.term
    ):
        announce(hub)
    elif event.epoch == hub.safety.epoch:
        lift(hub, event.hub, event.term, lags=event.height < hub.safety.committed_height)


def on_link_lost(hub: Hub, event: LeaderLinkLost) -> None:
    """R1: a broken link to the leader is a hint that it is gone."""
    hub.lost_links.add(event.hub)
    if hub.configuration.leader(hub.term) == event.hub and event.hub != hub.me:
        hub.pace.link_lost = True


def lift(hub: Hub, member: int, term: int, *, lags: bool = True) -> None:
    """R10: whoever meets a hub in an older term shows it the certificate of the newer one.

    Where no later election is proven, the wish that led here is repeated: it binds nobody.
    """
    if member == hub.me or hub.observes():
        return
    shown = hub.election if hub.election is not None and hub.election.term >= term else None
    unproven = term < hub.term and (shown is None or shown.term == term)
    if unproven and hub.me is not None and hub.may_again("wish for others", member):
        hub.say(PreVote(hub.safety.epoch, term, hub.me))
    if not hub.may_again("show", member):
        return
    vote = hub.votes.get(member)
    if vote is not None and vote.term > term:
        memory.remind(hub, member)
    if shown is not None:
        hub.do(Show(shown, member))
    if hub.is_behind(hub.safety.high):
        hub.do(Show(hub.safety.high, member))
    if lags and hub.commit is not None:
        hub.do(Show(hub.commit, member))


def announce(hub: Hub) -> None:
    """Somebody knows more: say how far this hub is, so that it is shown."""
    if hub.may_again("announce"):
        hub.do(Announce())


def catch_up(hub: Hub, member: int | None, height: int) -> None:
    """Final blocks are missing here."""
    if hub.may_again("catch up"):
        hub.do(CatchUp(member, height))


def is_undecided(hub: Hub) -> bool:
    """Is something under way that lost messages could hold up?"""
    record = hub.safety
    if hub.awaiting is not None:
        return True
    if hub.observes():
        return False
    return (
        isinstance(hub.role, Candidate)
        or hub.is_behind(record.high)
        or hub.prepared_in_vain()
        or (isinstance(hub.role, Leader) and lacks_base(hub, hub.role))
    )


def lacks_base(hub: Hub, leader: Leader) -> bool:
    """Is the certificate that the leader has to build on still to come?"""
    return leader.sent is None and not rules.is_high_enough(leader.election, hub.safety.high)


def repeat(hub: Hub) -> None:
    """Says again what this hub said in its term and what is not decided, and asks for help."""
    record, me = hub.safety, hub.me
    hub.pace.repeated_ms = hub.now_ms
    if hub.awaiting is not None:
        catch_up(hub, None, 0)
    announce(hub)
    if me is None or hub.observes():
        return
    if isinstance(hub.role, Candidate) and record.voted and record.voted.term == record.term:
        hub.say(Vote(record.epoch, record.term, me, record.voted.high))
    again = own_prepare(hub, me)
    if again is not None and record.prepared and record.prepared.rank > record.committed_rank:
        hub.say(again)
    high = record.high
    if high.rank.term == record.term and hub.said_commit == high.rank and hub.is_behind(high):
        hub.say(Commit(record.epoch, record.term, high.rank.seq, high.block, me))


def own_prepare(hub: Hub, me: int) -> Prepare | None:
    """The same prepare as before, if it was for the current term."""
    prepared = hub.safety.prepared
    if prepared is None or prepared.rank.term != hub.term:
        return None
    return Prepare(
        prepared.rank.epoch,
        prepared.rank.term,
        prepared.rank.seq,
        prepared.block,
        prepared.justify_rank,
        prepared.justify_block,
        me,
    )


def look_for_bodies(hub: Hub) -> None:
    """Notes the first certified block without body, and asks for it when it does not come."""
    high = hub.safety.high
    missing = hub.first_missing(high.block) if hub.is_behind(high) else None
    if missing is None or hub.observes():
        hub.missing = None
        return
    if hub.missing is None or hub.missing[0] != missing:
        # A parent of a body that was itself asked for will not come by itself.
        known = hub.now_ms if hub.missing is None else hub.missing[1]
        hub.missing = (missing, known)
        hub.last_ms.pop(("fetch", -1), None)
    eager = isinstance(hub.role, Leader) or hub.now_ms >= fetch_at(hub)
    if eager and hub.may_again("fetch"):
        hub.do(Fetch(missing, hub.others))


def fetch_at(hub: Hub) -> int:
    """When the missing body is asked for."""
    assert hub.missing is not None
    return hub.missing[1] + hub.timing.heartbeat_interval_ms // FETCH_PATIENCE
