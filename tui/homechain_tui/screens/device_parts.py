"""What the device screen shows and offers, as values. Pure."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET
from textual.content import Content

from homechain.api.schema.devices import DeviceView
from homechain.model.records import Affordance
from homechain_tui.plain_text import fingerprint, fitted, plain, styled, warned_name
from homechain_tui.screens.dialog import option
from homechain_tui.sentences import DENIED, WAITING, asked, life_steps
from homechain_tui.state import HomeState
from homechain_tui.summaries import shown_value
from homechain_tui.times import ago, moment

CONTROLS: Final = (
    ("lock", "l", "Lock", "lock"),
    ("unlock", "u", "Unlock", "unlock"),
    ("unlatch", "o", "Open", "unlatch"),
    ("still", "s", "Picture", "still"),
    ("privacy", "p", "Privacy", "set_privacy"),
    ("colder", "minus", "Colder", "set_setpoint"),
    ("warmer", "plus,equals_sign", "Warmer", "set_setpoint"),
    ("mode", "m", "Mode", "set_mode"),
    ("hold", "h", "Hold", "set_hold"),
    ("resume", "r", "Resume", "resume"),
    ("more", "a", "All", ""),
)
"""(name on the screen, keys, words, action of the device that it needs)."""

HOLDS: Final = (
    option("1", "for 1 hour"),
    option("2", "for 2 hours"),
    option("4", "for 4 hours"),
    option("8", "for 8 hours"),
    option("for_good", "for good", "until somebody resumes the schedule"),
)
_SHOWN_KEYS: Final = {"minus": "-", "plus,equals_sign": "+"}
_STYLES: Final = {DENIED: "$text-error", WAITING: "$text-warning"}


def offered(device: DeviceView) -> Sequence[tuple[str, str, str]]:
    """(name, key, words) of the controls that this person may use on this device now."""
    if device.retired or not device.my_actions:
        return ()
    return tuple(
        (name, _SHOWN_KEYS.get(key, key), words)
        for name, key, words, action in CONTROLS
        if not action or action in device.my_actions
    )


def title_content(device: DeviceView, names: Sequence[str]) -> Content:
    """Name, area, kind, maker, end of the key."""
    thing = device.thing
    made = " ".join(plain(w, limit=24) for w in (thing.manufacturer, thing.model) if w is not UNSET)
    name = warned_name(device.name, did=device.did, others=names)
    words = f"  {plain(device.area)} · {device.kind} · {made} · key {fingerprint(device.did)}"
    return styled((name, "bold"), (words, "$foreground-muted"))


def now_content(device: DeviceView, state: HomeState, *, now_ms: int) -> Content:
    """Every property in the device's own words, with the time at which it said so."""
    parts: list[str | tuple[str, str]] = []
    for name, affordance in device.thing.properties.items():
        known = device.properties.get(name)
        if name == "last_still" or (name == "hold_until" and not (known and known.value)):
            continue
        title = affordance.title if isinstance(affordance.title, str) else name
        unit = affordance.unit if isinstance(affordance.unit, str) else ""
        value = _value_words(name, known.value if known else None, unit, state, now_ms)
        at = moment(known.at_ms, state.zone, now_ms=now_ms) if known else ""
        parts += [
            (f"{fitted(plain(title), 17)} ", "$foreground-muted"),
            (fitted(value, 14), "bold"),
            (f" {at}\n", "$foreground-muted"),
        ]
    if device.last_seen_ms is None:
        parts.append(("It has not said anything yet.\n", "$foreground-muted"))
    else:
        parts.append((f"heard {ago(device.last_seen_ms, now_ms=now_ms)}", "$foreground-muted"))
    if not device.connected:
        parts.append((", not connected to this hub", "$text-warning"))
    return styled(*parts)


def life_content(did: str, state: HomeState) -> Content:
    """How far this person's newest command to the device has come."""
    mine = [act for act in state.acts_on(did) if act.person == state.me]
    if not mine:
        return styled(("You have asked nothing of it yet.", "$foreground-muted"))
    act = mine[0]
    parts: list[str | tuple[str, str]] = [("You asked: ", "$foreground-muted")]
    parts.append((asked(act.action, act.arguments), "bold"))
    for mark, words in life_steps(act):
        parts += ["  ", (f"{mark} {words}", _STYLES.get(mark, "$text-success"))]
    return styled(*parts)


def degrees_after(current: object, step_c: float, affordance: Affordance | None) -> float:
    """The next setpoint, inside what the device takes."""
    degrees = (current if isinstance(current, int | float) else 20.0) + step_c
    if affordance is not None and affordance.minimum is not UNSET:
        degrees = max(degrees, affordance.minimum)
    if affordance is not None and affordance.maximum is not UNSET:
        degrees = min(degrees, affordance.maximum)
    return round(degrees, 1)


def _value_words(name: str, value: object, unit: str, state: HomeState, now_ms: int) -> str:
    if name == "hold_until" and isinstance(value, int):
        return moment(value * 1000, state.zone, now_ms=now_ms)
    return shown_value(value, unit=unit)
