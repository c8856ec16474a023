"""Leaving a term and electing the leader of the next (R1 to R4).

May live here: what a hub makes of others' pre-votes, votes, heartbeats and acks. May not: blocks.
"""

from dataclasses import replace

from homechain.consensus import helping, pacemaker, rules
from homechain.consensus.effects import Accuse
from homechain.consensus.inputs import ElectionShown
from homechain.consensus.roles import Candidate, Follower, Leader
from homechain.consensus.safety import Promise
from homechain.consensus.state import Hub, Spoken
from homechain.consensus.tally import election_certificate
from homechain.consensus.terms import enter_term, learn_election, learn_quorum
from homechain.model.statements import Heartbeat, HeartbeatAck, PreVote, Vote


def is_of_this_term(hub: Hub, statement: Spoken) -> bool:
    """True if it is; otherwise whoever is in the older term gets help: its signer or this hub."""
    if statement.epoch != hub.safety.epoch:
        return False
    if statement.term < hub.term:
        helping.lift(hub, statement.signer, statement.term)
    elif statement.term > hub.term:
        helping.announce(hub)
    return statement.term == hub.term


def on_pre_vote(hub: Hub, statement: PreVote) -> None:
    """R1, R2: some wishes carry everybody along, a quorum of them ends the term."""
    if statement.epoch == hub.safety.epoch:
        hub.pre_votes.add(
            signer=statement.signer,
            term=statement.term,
            current=hub.term,
            now_ms=hub.now_ms,
        )
    if is_of_this_term(hub, statement):
        weigh_wishes(hub)


def weigh_wishes(hub: Hub) -> None:
    """Joins, or leaves the term, if enough hubs want it."""
    if hub.me is None:
        return
    wishes = hub.pre_votes.count(hub.term, since_ms=hub.now_ms - hub.timing.pre_vote_lifetime_ms)
    if wishes >= hub.configuration.quorum:
        leave_term(hub)
    elif wishes >= rules.joins_at(hub.configuration):
        pacemaker.wish(hub)


def leave_term(hub: Hub) -> None:
    """R2, R3: on to the next term, and the one vote in it."""
    assert hub.me is not None
    term = hub.term + 1
    high = hub.safety.high
    if not rules.may_vote(hub.safety, term):
        return
    enter_term(hub, term, voted=Promise(term, high))
    hub.say(Vote(hub.safety.epoch, term, hub.me, high))
    weigh_wishes(hub)


def on_vote(hub: Hub, statement: Vote) -> None:
    """R4: a quorum of votes proves an election, also of a term that this hub did not enter yet."""
    if statement.epoch != hub.safety.epoch:
        return
    learn_quorum(hub, statement.high)
    is_of_this_term(hub, statement)
    if statement.term < hub.term:
        return
    before = hub.votes.get(statement.signer)
    if before is not None and before.term == statement.term:
        if (before.high.rank, before.high.block) != (statement.high.rank, statement.high.block):
            hub.do(Accuse("vote", statement.signer, before, statement))
        return
    if before is None or before.term < statement.term:
        hub.votes[statement.signer] = statement
        count_votes(hub, statement.term)


def count_votes(hub: Hub, term: int) -> None:
    """Makes the election certificate of `term` if the votes suffice."""
    votes = [vote for vote in hub.votes.values() if vote.term == term]
    if rules.is_elected(hub.configuration, term, votes):
        learn_election(
            hub,
            election_certificate(
                epoch=hub.safety.epoch,
                term=term,
                votes=votes,
                quorum=hub.configuration.quorum,
            ),
        )


def on_election(hub: Hub, event: ElectionShown) -> None:
    """R2: an election's proof is enough to enter its term."""
    learn_election(hub, event.certificate)


def on_heartbeat(hub: Hub, statement: Heartbeat) -> None:
    """R1, R10: the leader is at work; it is answered, and says how far it is."""
    if not is_of_this_term(hub, statement):
        return
    if not rules.may_lead(hub.configuration, hub=statement.signer, term=statement.term):
        return
    role = hub.role
    if isinstance(role, Candidate):
        helping.announce(hub)
    if not isinstance(role, Follower) or statement.beat <= role.beat or hub.me is None:
        return
    hub.lost_links.discard(statement.signer)
    hub.pace.heard_ms = hub.now_ms
    hub.pace.link_lost = False
    if hub.now_ms >= hub.pace.started_ms + hub.pace.timeout_ms and is_idle(hub):
        hub.pace.committed = True  # a term in which nothing was to be done did not fail
    # One beat's delay: what the leader is ahead by is usually on its way.
    if role.told_high > hub.safety.high.rank:
        helping.announce(hub)
    if role.told_height > hub.safety.committed_height:
        helping.catch_up(hub, statement.signer, role.told_height)
    hub.role = replace(
        role,
        beat=statement.beat,
        told_high=statement.high,
        told_height=statement.committed_height,
    )
    hub.say(HeartbeatAck(statement.epoch, statement.term, hub.me, statement.beat))


def is_idle(hub: Hub) -> bool:
    """Is nothing pending or undecided?"""
    return hub.pending_count == 0 and not helping.is_undecided(hub)


def on_own_heartbeat(hub: Hub, statement: Heartbeat) -> None:
    """The leader hears itself: it counts towards its own quorum."""
    if statement.signer == hub.me:
        note_ack(hub, statement.signer, statement.term)
    else:
        on_heartbeat(hub, statement)


def on_ack(hub: Hub, statement: HeartbeatAck) -> None:
    """R10: CheckQuorum."""
    if is_of_this_term(hub, statement):
        note_ack(hub, statement.signer, statement.term)


def note_ack(hub: Hub, signer: int, term: int) -> None:
    """A member heard this leader now."""
    if isinstance(hub.role, Leader) and term == hub.term:
        hub.role = replace(hub.role, acks={**hub.role.acks, signer: hub.now_ms})
