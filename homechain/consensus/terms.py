"""What moves a hub up: a later term, an election's proof, a higher certificate (R2, R4, R7).

May live here: raising term, role and high certificate. May not: who said what, or blocks.
"""

from homechain.consensus import rules
from homechain.consensus.roles import Candidate, Follower, Leader
from homechain.consensus.safety import Promise
from homechain.consensus.state import Hub, Pace
from homechain.consensus.tally import Tally
from homechain.model.blocks import ElectionCertificate, QuorumCertificate

JITTER_STEPS = 1 << 16


def enter_term(hub: Hub, term: int, *, voted: Promise | None = None) -> None:
    """From now on nothing is signed below `term`; its election is not proven yet."""
    assert term > hub.safety.term, "terms only grow"
    failures = 0 if hub.pace.committed or hub.safety.term == 0 else hub.pace.failures + 1
    hub.remember(hub.safety._replace(term=term, voted=voted or hub.safety.voted))
    if not hub.observes():
        hub.role = Candidate()
    hub.tally = Tally()
    hub.pre_votes.forget(below=term)
    hub.votes = {signer: vote for signer, vote in hub.votes.items() if vote.term >= term}
    hub.pace = Pace(
        started_ms=hub.now_ms,
        timeout_ms=timeout(hub, failures),
        progress_ms=hub.now_ms,
        heard_ms=hub.now_ms,
        failures=failures,
        link_lost=hub.configuration.leader(term) in hub.lost_links,
    )


def timeout(hub: Hub, failures: int) -> int:
    """R10: doubles with each failed term up to a limit; up to half of it more, by chance."""
    timing = hub.timing
    doubled = timing.election_timeout_ms << min(failures, 16)
    base = min(doubled, timing.election_timeout_limit_ms)
    return base + base * (hub.entropy % JITTER_STEPS) // (2 * JITTER_STEPS)


def learn_election(hub: Hub, election: ElectionCertificate) -> None:
    """R2, R4: an election's proof lifts everybody into its term and names the leader."""
    if election.epoch != hub.safety.epoch:
        return
    if hub.election is None or election.term > hub.election.term:
        hub.election = election
    if election.term > hub.term:
        enter_term(hub, election.term)
    if election.term != hub.term or not isinstance(hub.role, Candidate):
        return
    leader = hub.configuration.leader(election.term)
    if leader == hub.me and rules.may_propose(term=election.term, restarted_in=hub.restarted_in):
        hub.role = Leader(election, since_ms=hub.now_ms)
    else:
        hub.role = Follower(election, leader)
    hub.pace.heard_ms = hub.now_ms


def learn_quorum(hub: Hub, certificate: QuorumCertificate) -> None:
    """The highest prepare certificate is kept; it goes to disk before anything is said of it.

    One of a later term lifts the hub into that term, as its election would: a quorum prepared
    there, and a hub below its own high certificate could not cast a vote that anybody can use.
    """
    rank = certificate.rank
    if rank.epoch != hub.safety.epoch or not rules.outranks(certificate, hub.safety.high):
        return
    if rank.term > hub.term:
        enter_term(hub, rank.term)
    if not hub.is_behind(hub.safety.high):
        hub.pace.progress_ms = hub.now_ms  # patience begins with the work
    hub.remember(hub.safety._replace(high=certificate))
    if rank.term == hub.term:
        hub.pace.progress_ms = hub.now_ms
        hub.pace.refused = False
        hub.tally.slide(rank.seq)
