"""How the state of the home follows from what the hub says: a pure fold.

May live here: functions from a state and what was heard to the next state. May not: a client, a
clock, a screen. The same item twice changes nothing more, and a command's life never goes back.
"""

from typing import Any, Final

from msgspec.structs import replace

from homechain.api.client.live import FeedItem, LiveLost
from homechain.api.schema.commands import CommandLife, CommandView
from homechain.api.schema.devices import DeviceView
from homechain.api.schema.home import GrantView, HomeView, PersonView
from homechain.api.schema.live import (
    LiveBlock,
    LiveCommand,
    LiveHello,
    LiveHome,
    LiveKeepAlive,
    LiveMesh,
    LiveProperty,
    LiveRequests,
    LiveResync,
)
from homechain.api.schema.mesh import MeshView
from homechain.api.schema.records import Receipt, RecordView
from homechain_tui.state import (
    Act,
    ActEntry,
    Connection,
    FeedEntry,
    HappeningEntry,
    HomeState,
    RecordEntry,
    Snapshot,
    act_of,
)

FEED_ENTRIES: Final = 400
ACTS: Final = 800

_LIFE_ORDER: Final = (
    CommandLife.REQUESTED,
    CommandLife.FINAL,
    CommandLife.DELIVERED,
    CommandLife.EXPIRED,
    CommandLife.DENIED,
    CommandLife.REFUSED,
    CommandLife.FAILED,
    CommandLife.DONE,
)
REPORT_READINGS: Final = 3
"""So many readings in one record are a report of everything, as after a restart."""
QUIET_READINGS: Final = frozenset(
    {"temperature", "battery", "last_still", "auto_relock_s", "hold_until", "action"}
)
"""Readings that change all the time, or say nothing without their cause: not in the feed."""


def with_snapshot(state: HomeState, snapshot: Snapshot) -> HomeState:
    """The state after everything was read again; open wishes of this dashboard stay."""
    lists = with_lists(
        state,
        home=snapshot.home,
        devices=snapshot.devices,
        persons=snapshot.persons,
        grants=snapshot.grants,
    )
    state = replace(lists, mesh=snapshot.mesh, requests=snapshot.requests)
    for record in reversed(snapshot.records):
        state = _with_record(state, record)
    return replace(state, height=max(state.height, snapshot.home.height))


def with_lists(
    state: HomeState,
    *,
    home: HomeView,
    devices: list[DeviceView],
    persons: list[PersonView],
    grants: list[GrantView],
) -> HomeState:
    """The state with who belongs to the home and what they may, as just read."""
    return replace(
        state,
        home=home,
        me=home.me.did,
        devices={device.did: _newest(state.devices.get(device.did), device) for device in devices},
        persons={person.did: person for person in persons},
        grants={grant.id: grant for grant in grants},
    )


def fold(state: HomeState, item: FeedItem, *, now_ms: int) -> HomeState:
    """The state after one item of the live feed. The same item twice changes nothing more."""
    if isinstance(item, LiveLost):
        heard_ms = state.connection.heard_ms
        lost = Connection(reason=item.reason, attempts=item.attempts, heard_ms=heard_ms)
        return replace(state, connection=lost)
    state = replace(state, connection=Connection(live=True, heard_ms=now_ms))
    match item:
        case LiveHello() | LiveKeepAlive() | LiveResync():
            return replace(state, height=max(state.height, item.height))
        case LiveBlock():
            for record in item.records:
                state = _with_record(state, record)
            return replace(state, height=max(state.height, item.height))
        case LiveProperty():
            return _with_property(state, item)
        case LiveCommand():
            return _with_command(state, item.command)
        case LiveHome():
            return replace(state, home=item.home, height=max(state.height, item.home.height))
        case LiveMesh():
            return replace(state, mesh=item.mesh)
        case LiveRequests():
            return replace(state, requests=item.requests)


def with_mesh(state: HomeState, mesh: MeshView) -> HomeState:
    """The state with the hubs as just read."""
    return replace(state, mesh=mesh)


def with_wish(state: HomeState, act: Act) -> HomeState:
    """The state after this dashboard signed a command that nobody has answered yet."""
    return _with_act(state, act)


def with_receipt(state: HomeState, receipt: Receipt) -> HomeState:
    """The state after the hub said what the home decided on one of our commands."""
    act = state.acts.get(receipt.id)
    if act is None or receipt.decision is None:
        return state
    life = CommandLife.FINAL if receipt.decision.allowed else CommandLife.DENIED
    return _with_act(state, replace(act, life=life, decision=receipt.decision, trouble=""))


def with_trouble(state: HomeState, *, act_id: str, sentence: str) -> HomeState:
    """The state after one of our commands got no good answer."""
    act = state.acts.get(act_id)
    if act is None or act.life is not CommandLife.REQUESTED:
        return state  # the feed knew more than the answer that was lost
    acts = {**state.acts, act_id: replace(act, trouble=sentence)}
    return replace(state, acts=acts)


def with_refusal(state: HomeState, sentence: str) -> HomeState:
    """The state after the hub refused this person altogether."""
    return replace(state, connection=Connection(reason=sentence, refused=True))


def must_read_again(item: FeedItem) -> str:
    """What the lists need after `item`: `all`, `lists` or nothing (empty)."""
    if isinstance(item, LiveHello | LiveResync):
        return "all"
    return "lists" if isinstance(item, LiveHome) else ""


def _newest(known: DeviceView | None, read: DeviceView) -> DeviceView:
    """What was read; the feed may have told newer values while the answer was on its way."""
    if known is None:
        return read
    properties = dict(read.properties)
    for name, value in known.properties.items():
        if name not in properties or properties[name].height < value.height:
            properties[name] = value
    return replace(read, properties=properties)


def _with_command(state: HomeState, command: CommandView) -> HomeState:
    return _with_act(state, act_of(command))


def _with_act(state: HomeState, act: Act) -> HomeState:
    known = state.acts.get(act.id)
    if known is not None:
        if _LIFE_ORDER.index(known.life) > _LIFE_ORDER.index(act.life):
            act = replace(known, decision=known.decision or act.decision)
        # The first time that was told stays, so that a line of the feed does not jump.
        act = replace(act, at_ms=known.at_ms, media=act.media or known.media)
    acts = {**state.acts, act.id: act}
    while len(acts) > ACTS:
        del acts[next(iter(acts))]
    state = replace(state, acts=acts)
    return _with_entry(state, ActEntry(key=act.id, at_ms=act.at_ms))


def _with_property(state: HomeState, item: LiveProperty) -> HomeState:
    device = state.devices.get(item.device)
    if device is None:
        return state
    known = device.properties.get(item.property.name)
    if known is not None and known.height > item.property.height:
        return state
    device = replace(
        device,
        properties={**device.properties, item.property.name: item.property},
        last_seen_ms=max(device.last_seen_ms or 0, item.property.at_ms),
    )
    return replace(state, devices={**state.devices, item.device: device})


def _with_record(state: HomeState, record: RecordView) -> HomeState:
    match record.kind:
        case "command":
            return _with_act(state, _act_of_record(record))
        case "outcome":
            return _with_outcome(state, record)
        case "event":
            return _with_event(state, record)
        case _:
            return _with_entry(
                state, RecordEntry(key=record.id, at_ms=record.time_ms, record=record)
            )


def _with_event(state: HomeState, record: RecordView) -> HomeState:
    readings = record.payload["readings"]
    is_report = len({reading["name"] for reading in readings}) >= REPORT_READINGS
    for number, reading in enumerate(readings):
        name, value = reading["name"], reading["value"]
        known = state.said.get((record.signer, name))
        state = _with_said(state, device=record.signer, name=name, value=value)
        if not is_news(name, value, before=known, is_report=is_report):
            continue
        entry = HappeningEntry(
            key=f"{record.id}/{number}",
            at_ms=reading["at"],
            record=record.id,
            device=record.signer,
            name=name,
            value=value,
        )
        state = _with_entry(state, entry)
    return state


def is_news(name: str, value: Any, *, before: Any, is_report: bool) -> bool:
    """Whether a reading says something that a resident wants to know; `before` is its last value.

    `is_report`: after a restart a device reports what everybody knew: no news, and nobody's hand.
    """
    if name in QUIET_READINGS or value is False:
        return False
    if (name, before, value) == ("bolt", "unlatched", "unlocked"):
        return False  # the latch springs back by itself after the door was opened
    return not is_report or before not in (None, value)


def _with_said(state: HomeState, *, device: str, name: str, value: Any) -> HomeState:
    return replace(state, said={**state.said, (device, name): value})


def _act_of_record(record: RecordView) -> Act:
    denied = record.decision is not None and not record.decision.allowed
    return Act(
        id=record.id,
        device=record.payload["device"],
        person=record.signer,
        action=record.payload["action"],
        arguments=record.payload.get("arguments", {}),
        at_ms=record.time_ms,
        life=CommandLife.DENIED if denied else CommandLife.FINAL,
        decision=record.decision,
    )


def _with_outcome(state: HomeState, record: RecordView) -> HomeState:
    for reading in record.payload.get("readings", []):
        state = _with_said(
            state, device=record.signer, name=reading["name"], value=reading["value"]
        )
    act = state.acts.get(record.payload["command"])
    if act is None:
        return state  # the command lies further back than what was read
    return _with_act(
        state,
        replace(
            act,
            life=CommandLife(record.payload["result"]),
            outcome_reason=record.payload.get("reason", ""),
            outcome_ms=record.payload["at"],
            media=record.payload.get("media"),
            trouble="",
        ),
    )


def _with_entry(state: HomeState, entry: FeedEntry) -> HomeState:
    if any(known.key == entry.key for known in state.feed):
        return state
    place = 0
    while place < len(state.feed) and state.feed[place].at_ms > entry.at_ms:
        place += 1
    feed = (*state.feed[:place], entry, *state.feed[place:])
    return replace(state, feed=feed[:FEED_ENTRIES])
