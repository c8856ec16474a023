"""What a device is now, in a few words; and what in the home needs somebody.

Pure. Everything here is what devices themselves reported, with its time; no command changes it.
"""

from typing import Any, Final

from msgspec import Struct

from homechain.api.schema.devices import DeviceView
from homechain.model.records import DeviceKind
from homechain_tui.plain_text import plain
from homechain_tui.state import HappeningEntry, HomeState
from homechain_tui.times import clock

LOW_BATTERY_PERCENT: Final = 20
KIND_ORDER: Final = (
    DeviceKind.LOCK,
    DeviceKind.CAMERA,
    DeviceKind.THERMOSTAT,
    DeviceKind.OTHER,
)
_ALERT_WORDS: Final = {
    "forced": "the door was forced open",
    "ajar": "the door was left open",
}


class Summary(Struct, frozen=True, kw_only=True):
    """One device on one line: its state first, what else matters behind."""

    mark: str
    state: str
    style: str
    details: tuple[str, ...] = ()


class Alert(Struct, frozen=True, kw_only=True):
    """Something that needs somebody; `device` to jump to, or `place` of the dashboard."""

    words: str
    device: str | None = None
    place: str | None = None


def value_of(device: DeviceView, name: str) -> Any:
    """The newest value of a property, None if the device never said it."""
    known = device.properties.get(name)
    return known.value if known is not None else None


def in_order(state: HomeState) -> list[tuple[str, list[DeviceView]]]:
    """Devices in service by area, areas with locks first, locks first in each."""
    areas: dict[str, list[DeviceView]] = {}
    for device in state.devices.values():
        if not device.retired:
            areas.setdefault(device.area, []).append(device)
    for devices in areas.values():
        devices.sort(key=lambda device: (KIND_ORDER.index(device.kind), plain(device.name)))
    return sorted(
        areas.items(),
        key=lambda area: (KIND_ORDER.index(area[1][0].kind) > 0, plain(area[0]).casefold()),
    )


def summary(device: DeviceView) -> Summary:
    """The line of one device."""
    match device.kind:
        case DeviceKind.LOCK:
            return _lock(device)
        case DeviceKind.CAMERA:
            return _camera(device)
        case DeviceKind.THERMOSTAT:
            return _thermostat(device)
        case DeviceKind.OTHER:
            return _other(device)


def alerts(state: HomeState) -> list[Alert]:
    """What needs somebody, the worst first."""
    found = [alert for area in in_order(state) for d in area[1] for alert in _alerts(d, state)]
    home = state.home
    if home is None:
        return found
    if not home.quorum.fresh:
        words = "Too few hubs answer each other: nothing new can be decided. Press 5 for the hubs."
        found.insert(0, Alert(words=words, place="mesh"))
    elif home.quorum.linked < home.quorum.hubs:
        down = home.quorum.hubs - home.quorum.linked
        hubs = "1 hub does" if down == 1 else f"{down} hubs do"
        words = f"{hubs} not answer; the home goes on. Press 5 for the hubs."
        found.append(Alert(words=words, place="mesh"))
    waiting = waiting_requests(state)
    if waiting:
        things = "1 newcomer waits" if waiting == 1 else f"{waiting} newcomers wait"
        found.append(Alert(words=f"{things} for approval. Press 4.", place="requests"))
    return found


def waiting_requests(state: HomeState) -> int:
    """Devices and hubs that wait for approval."""
    if state.requests is not None:
        return len(state.requests.devices) + len(state.requests.hubs)
    if state.home is not None:
        return state.home.counts.device_requests + state.home.counts.hub_requests
    return 0


def shown_value(value: Any, *, unit: str = "") -> str:
    """A property's value for people."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    shown = f"{value:.1f}" if isinstance(value, float) else plain(value, limit=64)
    return f"{shown} {plain(unit)}" if unit else shown


def _lock(device: DeviceView) -> Summary:
    bolt, door, battery = (value_of(device, name) for name in ("bolt", "door", "battery"))
    details = []
    if door is not None:
        details.append(f"door {plain(door, limit=12)}")
    if isinstance(battery, int | float):
        details.append(f"{battery:.0f} %")
    mark, style = {
        "locked": ("■", "$success"),
        "unlocked": ("□", "$warning"),
        "unlatched": ("◇", "$warning"),
        "jammed": ("!", "$error"),
    }.get(bolt if isinstance(bolt, str) else "", ("?", "$foreground-muted"))
    state = plain(bolt, limit=12) if bolt is not None else "unknown"
    return Summary(mark=mark, state=state, style=style, details=tuple(details))


def _camera(device: DeviceView) -> Summary:
    if value_of(device, "privacy") is True:
        return Summary(mark="–", state="private", style="$foreground-muted")
    motion = value_of(device, "motion")
    if motion is None:
        return Summary(mark="?", state="unknown", style="$foreground-muted")
    if motion is True:
        return Summary(mark="◆", state="motion", style="$warning")
    return Summary(mark="◉", state="all still", style="")


def _thermostat(device: DeviceView) -> Summary:
    temperature, setpoint = (value_of(device, name) for name in ("temperature", "setpoint"))
    action, mode, hold = (value_of(device, name) for name in ("action", "mode", "hold"))
    details = []
    if isinstance(setpoint, int | float):
        details.append(f"set to {setpoint:.1f} °C")
    if mode is not None:
        details.append(plain(mode, limit=12))
    if hold not in (None, "none"):
        details.append("on hold")
    mark, style = {"heating": ("▲", "$warning"), "cooling": ("▼", "$accent")}.get(
        action if isinstance(action, str) else "", ("●", "")
    )
    if isinstance(temperature, int | float):
        doing = f" {plain(action, limit=12)}" if action not in (None, "idle") else ""
        return Summary(
            mark=mark, state=f"{temperature:.1f} °C{doing}", style=style, details=tuple(details)
        )
    return Summary(mark="?", state="unknown", style="$foreground-muted", details=tuple(details))


def _other(device: DeviceView) -> Summary:
    words = [
        f"{plain(name).replace('_', ' ')} {shown_value(known.value)}"
        for name, known in list(device.properties.items())[:3]
    ]
    state = words[0] if words else "never spoke"
    return Summary(mark="●", state=state, style="", details=tuple(words[1:]))


def _alerts(device: DeviceView, state: HomeState) -> list[Alert]:
    name = plain(device.name)
    found = []
    if value_of(device, "bolt") == "jammed":
        found.append(f"{name}: the bolt is jammed")
    for alarm in _standing_alarms(device, state):
        since = clock(alarm.at_ms, state.zone)
        found.append(f"{name}: {_ALERT_WORDS[alarm.name]} ({since})")
    battery = value_of(device, "battery")
    if isinstance(battery, int | float) and battery <= LOW_BATTERY_PERCENT:
        found.append(f"{name}: battery at {battery:.0f} %")
    return [Alert(words=words, device=device.did) for words in found]


def _standing_alarms(device: DeviceView, state: HomeState) -> list[HappeningEntry]:
    """Break-ins and doors left open, until the door is closed."""
    if value_of(device, "door") != "open":
        return []
    opened_ms = device.properties["door"].at_ms
    return [
        entry
        for entry in state.feed
        if isinstance(entry, HappeningEntry)
        and entry.device == device.did
        and entry.name in _ALERT_WORDS
        and entry.at_ms >= opened_ms
    ]
