"""Grants in words, and the presets of the wizard that gives them. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from homechain.api.schema.devices import DeviceView
from homechain.api.schema.home import GrantStatus, GrantView
from homechain.model.limits import ACTIONS_PER_GRANT
from homechain.model.records import Authorization, DeviceKind
from homechain_tui.plain_text import plain
from homechain_tui.state import HomeState
from homechain_tui.times import end_of_day_s, full, local

AREA_PREFIX: Final = "area "
"""Marks an area among the keys of the wizard's second step; the others are devices' names."""


class ActionPreset(Struct, frozen=True, kw_only=True):
    """A bundle of actions under one name."""

    name: str
    words: str
    kinds: frozenset[DeviceKind]
    actions: tuple[str, ...]


_PRESETS: Final = (
    ActionPreset(
        name="doors",
        words="Lock and unlock",
        kinds=frozenset({DeviceKind.LOCK}),
        actions=("lock", "unlock"),
    ),
    ActionPreset(
        name="doors-open",
        words="Lock, unlock and open",
        kinds=frozenset({DeviceKind.LOCK}),
        actions=("lock", "unlock", "unlatch"),
    ),
    ActionPreset(
        name="look",
        words="Take pictures",
        kinds=frozenset({DeviceKind.CAMERA}),
        actions=("still",),
    ),
    ActionPreset(
        name="warmth",
        words="Set the warmth",
        kinds=frozenset({DeviceKind.THERMOSTAT}),
        actions=("set_setpoint", "set_hold", "resume"),
    ),
)
EVERYTHING: Final = "everything"
ONE_BY_ONE: Final = "one-by-one"


class Span(Struct, frozen=True, kw_only=True):
    """From when until when, in seconds since 1970; the end is the first second too late."""

    name: str
    words: str
    nbf_s: int
    exp_s: int


def devices_of(places: Sequence[str], state: HomeState) -> list[DeviceView]:
    """The devices in service that these keys of the wizard mean."""
    return [
        device
        for device in state.devices.values()
        if not device.retired and (device.did in places or f"{AREA_PREFIX}{device.area}" in places)
    ]


def action_presets(devices: Sequence[DeviceView]) -> list[ActionPreset]:
    """The presets that make sense for these devices, and everything they can do."""
    kinds = {device.kind for device in devices}
    everything = sorted({action for device in devices for action in device.thing.actions})
    found = [preset for preset in _PRESETS if preset.kinds & kinds]
    found.append(
        ActionPreset(
            name=EVERYTHING,
            words="Everything that these can do",
            kinds=frozenset(kinds),
            actions=tuple(everything[:ACTIONS_PER_GRANT]),
        )
    )
    return found


def spans(now_ms: int, zone: str) -> list[Span]:
    """Now until tonight, this week, two hours; the home's midnight is the border."""
    now_s = now_ms // 1000
    week = 6 - local(now_ms, zone).weekday()
    return [
        Span(name="today", words="Today", nbf_s=now_s, exp_s=end_of_day_s(now_ms, zone)),
        Span(
            name="week",
            words="This week, until Sunday night",
            nbf_s=now_s,
            exp_s=end_of_day_s(now_ms, zone, days=week),
        ),
        Span(name="hours", words="For two hours", nbf_s=now_s, exp_s=now_s + 7_200),
    ]


def authorization(places: Sequence[str], actions: Sequence[str]) -> Authorization:
    """What is signed for these places and actions."""
    return Authorization(
        devices=[place for place in places if not place.startswith(AREA_PREFIX)],
        areas=[place.removeprefix(AREA_PREFIX) for place in places if _is_area(place)],
        actions=list(actions),
    )


def grant_sentence(
    person_name: str, entries: Sequence[Authorization], span: Span, state: HomeState
) -> str:
    """`Maria may lock and unlock Front door, from … until …`, before anything is signed."""
    begins = full(span.nbf_s * 1000, state.zone)
    ends = full(span.exp_s * 1000, state.zone)
    what = "; and ".join(allowance_words(entry, state) for entry in entries)
    return f"{plain(person_name)} may {what}, from {begins} until {ends}."


def allowance_words(entry: Authorization, state: HomeState) -> str:
    """`lock and unlock Front door and everything in Hall that can do so`."""
    actions = _listed([plain(action).replace("_", " ") for action in entry.actions])
    places = [plain(state.device_name(did)) for did in entry.devices]
    places += [f"everything in {plain(area)} that can do so" for area in entry.areas]
    return f"{actions} {_listed(places)}" if places else f"{actions} nothing"


def grant_words(grant: GrantView, state: HomeState) -> tuple[str, str, str]:
    """(mark, status in words, what it allows) of a grant that was given."""
    what = "; ".join(allowance_words(entry, state) for entry in grant.authorization_details)
    ends = full(grant.exp_s * 1000, state.zone)[:-3]
    status = {
        GrantStatus.ACTIVE: ("✓", f"until {ends}"),
        GrantStatus.WAITING: ("…", f"from {full(grant.nbf_s * 1000, state.zone)[:-3]}"),
        GrantStatus.EXPIRED: ("–", f"ended {ends}"),
        GrantStatus.REVOKED: ("✗", "revoked"),
    }[grant.status]
    return (*status, what)


def _is_area(place: str) -> bool:
    return place.startswith(AREA_PREFIX)


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
