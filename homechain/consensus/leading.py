"""What a leader does: heartbeats, and one block at a time (R0, R5, R9, R11).

May live here: deciding what to propose next. May not: the judgement of proposals, its own included.
"""

from dataclasses import replace

from homechain.consensus import helping, rules
from homechain.consensus.effects import Build, Propose, Show
from homechain.consensus.inputs import BlockBuilt
from homechain.consensus.roles import Building, Leader, Sent
from homechain.consensus.state import Hub
from homechain.model.blocks import QuorumCertificate, Rank
from homechain.model.statements import Heartbeat


def lead(hub: Hub) -> None:
    """After every step: beat if it is time, then propose what can be proposed."""
    if isinstance(hub.role, Leader):
        beat(hub, hub.role)
    if isinstance(hub.role, Leader) and hub.role.building is None:
        propose_next(hub, hub.role)


def propose_next(hub: Hub, leader: Leader) -> None:
    """The first block stands on the election, each later one on its certified predecessor."""
    high = hub.safety.high
    if leader.sent is None:
        propose_first(hub, leader, high)
    elif high.rank == leader.sent.slot and rules.may_stand_on(hub.summary_of(high.block)):
        slot = Rank(high.rank.epoch, high.rank.term, high.rank.seq + 1)
        ask(hub, leader, slot, high)


def propose_first(hub: Hub, leader: Leader, base: QuorumCertificate) -> None:
    """R5, R11: carries an undecided tail on, a closing block by proposing it again."""
    if helping.lacks_base(hub, leader) or base.rank.term >= hub.term:
        return
    if base.rank < hub.safety.committed_rank or not hub.extends_final(base.block):
        return
    slot = Rank(hub.safety.epoch, hub.term, 0)
    if rules.may_stand_on(hub.summary_of(base.block)):
        ask(hub, leader, slot, base)
    elif hub.is_behind(base):
        send(hub, replace(leader, sent=Sent(slot, base.block, base, hub.now_ms)))


def ask(hub: Hub, leader: Leader, slot: Rank, base: QuorumCertificate) -> None:
    """Asks for a block, if there is something to put into it or a tail to make final."""
    tail = slot.seq == 0 and hub.is_behind(base)
    if leader.dry_version == hub.pending_version or (hub.pending_count == 0 and not tail):
        return
    hub.role = replace(leader, building=Building(slot, base, hub.pending_version))
    hub.do(Build(slot, base.block, base, even_if_empty=tail))


def on_built(hub: Hub, event: BlockBuilt) -> None:
    """The block that was asked for, or nothing to build."""
    leader = hub.role
    if not isinstance(leader, Leader) or leader.building is None:
        return
    building = leader.building
    if building.slot != event.slot:
        return
    if event.summary is None:
        hub.role = replace(leader, building=None, dry_version=building.pending_version)
        return
    sent = Sent(event.slot, event.summary.hash, building.justify, hub.now_ms)
    send(hub, replace(leader, building=None, sent=sent))


def send(hub: Hub, leader: Leader, *, to: tuple[int, ...] | None = None) -> None:
    """Proposes, or repeats what was proposed."""
    sent = leader.sent
    assert sent is not None
    hub.role = leader
    election = leader.election if sent.slot.seq == 0 else None
    hub.do(Propose(sent.slot, sent.block, sent.justify, election, to))


def beat(hub: Hub, leader: Leader) -> None:
    """Once a heartbeat interval: "at work", and again what somebody may have missed."""
    record, me = hub.safety, hub.me
    if me is None or hub.now_ms < leader.beat_ms + hub.timing.heartbeat_interval_ms:
        return
    # A tail must be carried on even if building it failed before.
    leader = replace(leader, beat=leader.beat + 1, beat_ms=hub.now_ms, dry_version=-1)
    hub.role = leader
    hub.say(
        Heartbeat(
            record.epoch, record.term, me, leader.beat, record.high.rank, record.committed_height
        )
    )
    if leader.beat == 0:
        return
    for member in hub.others:
        if member not in leader.acks:
            hub.do(Show(leader.election, member))
    again(hub, leader)


def again(hub: Hub, leader: Leader) -> None:
    """Repeats a proposal that is not certified, to those who did not prepare it."""
    sent = leader.sent
    if sent is None or hub.safety.high.rank >= sent.slot:
        return
    if hub.now_ms < sent.at_ms + hub.timing.heartbeat_interval_ms:
        return
    prepared = hub.tally.prepares.of(sent.slot.seq)
    lacking = tuple(member for member in range(hub.configuration.size) if member not in prepared)
    if lacking:
        send(hub, replace(leader, sent=replace(sent, at_ms=hub.now_ms)), to=lacking)
