"""The feed in sentences: what happened, who did it, and by whose leave.

Pure: from values of `state` to words and a mark. The mark and the words carry the meaning; the
style only repeats it in colour. `by hand or unknown` is a class of its own, never a gap.
"""

from typing import Any, Final

from msgspec import Struct

from homechain.api.schema.commands import CommandLife
from homechain.api.schema.records import RecordView
from homechain_tui.plain_text import plain
from homechain_tui.state import Act, ActEntry, FeedEntry, HappeningEntry, HomeState, RecordEntry

DONE, DENIED, WAITING, BY_HAND, ALARM, CHANGE = "✓", "✗", "…", "?", "!", "·"
"""Marks of the feed: done, refused or failed, under way, by hand or unknown, alarm, the home."""

_PAST: Final = {
    "lock": "locked {device}",
    "unlock": "unlocked {device}",
    "unlatch": "opened {device}",
    "still": "took a picture with {device}",
    "resume": "ended the hold of {device}",
}
_STATES: Final = {
    ("bolt", "locked"): "was locked",
    ("bolt", "unlocked"): "was unlocked",
    ("bolt", "unlatched"): "was opened",
    ("door", "open"): "door opened",
    ("door", "closed"): "door closed",
    ("motion", True): "sees something move",
    ("privacy", True): "went private",
    ("action", "heating"): "began to heat",
    ("action", "cooling"): "began to cool",
    ("action", "idle"): "rests",
}
_ALARMS: Final = {
    "jammed": "the bolt is jammed",
    "forced": "the door was forced open",
    "ajar": "the door was left open",
    "low_battery": "the battery is low",
}
_BY_HAND: Final = frozenset({"bolt", "mode", "setpoint", "privacy", "hold"})


class Sentence(Struct, frozen=True, kw_only=True):
    """One line of the feed, without its time."""

    mark: str
    words: str
    style: str = ""
    """A style of ours: `$success`, `$error` and so on."""


def sentence(entry: FeedEntry, state: HomeState) -> Sentence:
    """The words for one entry, as the home stands now."""
    match entry:
        case ActEntry():
            act = state.acts.get(entry.key)
            if act is None:
                return Sentence(mark=CHANGE, words="a command that is no longer kept here")
            return of_act(act, state)
        case HappeningEntry():
            return of_happening(entry, state)
        case RecordEntry():
            return of_record(entry.record, state)


def of_act(act: Act, state: HomeState) -> Sentence:
    """`Maria unlocked Front door (grant from Anna)`, or how far it has come, or why not."""
    who = plain(state.person_name(act.person))
    device = plain(state.device_name(act.device))
    wish = asked(act.action, act.arguments)
    if act.trouble:
        return Sentence(
            mark=DENIED, words=f"{who}: {wish} {device}: {act.trouble}", style="$warning"
        )
    match act.life:
        case CommandLife.DONE:
            leave = leave_of(act, state)
            words = f"{who} {done(act.action, act.arguments, device)}{leave}"
            return Sentence(mark=DONE, words=words, style="$success")
        case CommandLife.DENIED:
            reason = plain(act.decision.reason) if act.decision else "no reason was given"
            return Sentence(mark=DENIED, words=f"Denied: {reason}", style="$error")
        case CommandLife.REFUSED | CommandLife.FAILED:
            verb = "refused" if act.life is CommandLife.REFUSED else "could not"
            reason = plain(act.outcome_reason) if act.outcome_reason else "no reason was given"
            words = f"{device} {verb}: {wish} (asked by {who}): {reason}"
            return Sentence(mark=DENIED, words=words, style="$error")
        case CommandLife.EXPIRED:
            words = f"{device} never answered {who}, who asked to {wish}"
            return Sentence(mark=DENIED, words=words, style="$warning")
        case _:
            step = LIFE_WORDS[act.life]
            return Sentence(
                mark=WAITING,
                words=f"{who} asks {device} to {wish}: {step}",
                style="$foreground-muted",
            )


LIFE_WORDS: Final = {
    CommandLife.REQUESTED: "requested, not decided yet",
    CommandLife.FINAL: "allowed, on its way",
    CommandLife.DELIVERED: "delivered, no answer yet",
    CommandLife.EXPIRED: "no answer in time",
    CommandLife.DENIED: "denied",
    CommandLife.REFUSED: "the device refused",
    CommandLife.FAILED: "the device could not",
    CommandLife.DONE: "done",
}
"""How far a command has come, for people."""


def asked(action: str, arguments: dict[str, Any]) -> str:
    """`unlock`, `set setpoint 21.5`."""
    return f"{plain(action).replace('_', ' ')}{_values(arguments)}"


def done(action: str, arguments: dict[str, Any], device: str) -> str:
    """`unlocked Front door`; `device` is clean already."""
    if action in _PAST:
        return _PAST[action].replace("{device}", device)
    match action, arguments:
        case "set_setpoint", {"setpoint": float() | int() as degrees}:
            return f"set {device} to {degrees:g} °C"
        case "set_mode", {"mode": str(mode)}:
            return f"switched {device} to {plain(mode)}"
        case "set_privacy", {"on": bool(on)}:
            return f"switched privacy of {device} {'on' if on else 'off'}"
        case "set_auto_relock", {"seconds": int(seconds)}:
            after = f"after {seconds} s" if seconds else "no more by itself"
            return f"made {device} lock {after}"
        case "set_hold", {"setpoint": float() | int() as degrees}:
            return f"holds {device} at {degrees:g} °C{_hold_end(arguments)}"
    return f"did {asked(action, arguments)} on {device}"


def leave_of(act: Act, state: HomeState) -> str:
    """` (grant from Anna)` where a grant allowed it; nothing where a role did."""
    if act.decision is None or act.decision.grant is None:
        return ""
    grant = state.grants.get(act.decision.grant)
    return f" (grant from {plain(grant.giver_name)})" if grant else " (by a grant)"


def of_happening(entry: HappeningEntry, state: HomeState) -> Sentence:
    """What a device said that nobody commanded."""
    device = plain(state.device_name(entry.device))
    if entry.name in _ALARMS or (entry.name, entry.value) == ("bolt", "jammed"):
        words = _ALARMS.get(entry.name, _ALARMS["jammed"])
        return Sentence(mark=ALARM, words=f"{device}: {words}", style="$error")
    known = _STATES.get((entry.name, entry.value)) if _hashable(entry.value) else None
    what = known or f"{plain(entry.name).replace('_', ' ')} is {_value(entry.value)}"
    if entry.name in _BY_HAND:
        # A lock may also have locked itself after a while; it does not say which.
        itself = "by itself, " if (entry.name, entry.value) == ("bolt", "locked") else ""
        words = f"{device} {what}, {itself}by hand or unknown"
        return Sentence(mark=BY_HAND, words=words, style="$warning")
    return Sentence(mark=CHANGE, words=f"{device} {what}", style="")


def of_record(record: RecordView, state: HomeState) -> Sentence:
    """What a person changed about the home."""
    who = plain(record.signer_name)
    said = record.payload
    match record.kind:
        case "genesis":
            words = f"{who} founded this home"
        case "person" if said.get("removed"):
            words = f"{who} removed {plain(said.get('name', ''))}"
        case "person":
            words = f"{who} made {plain(said.get('name', ''))} {_a(said.get('role', ''))}"
        case "hub":
            verb = "removed" if said.get("removed") else "added"
            words = f"{who} {verb} the hub {plain(said.get('hub', {}).get('name', ''))}"
        case "device":
            words = f"{who} took in {plain(said.get('name', ''))}, {plain(said.get('area', ''))}"
        case "retire":
            words = f"{who} retired {plain(state.device_name(said.get('device', '')))}"
        case "grant":
            words = f"{who} gave {plain(state.person_name(said.get('sub', '')))} a grant"
        case "revoke":
            grant = state.grants.get(said.get("grant", ""))
            whose = f" of {plain(grant.person_name)}" if grant else ""
            words = f"{who} revoked a grant{whose}"
        case _:
            words = f"{who} signed a record of kind {plain(record.kind)}"
    return Sentence(mark=CHANGE, words=words, style="$accent")


def _a(role: object) -> str:
    word = plain(role)
    return f"an {word}" if word[:1] in "aeiou" else f"a {word}"


def _values(arguments: dict[str, Any]) -> str:
    if not arguments:
        return ""
    return " " + ", ".join(_value(value) for value in arguments.values())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return plain(value, limit=48)


def _hashable(value: Any) -> bool:
    return isinstance(value, str | bool | int | float)


def _hold_end(arguments: dict[str, Any]) -> str:
    hours = arguments.get("for_hours")
    if isinstance(hours, int | float):
        return f" for {hours:g} h"
    return " for good" if arguments.get("for_good") else " for a while"


def life_steps(act: Act) -> list[tuple[str, str]]:
    """(mark, words) from request to outcome, as far as it has come."""
    steps = [(DONE if not act.trouble else DENIED, "requested")]
    if act.trouble:
        return [*steps, (DENIED, act.trouble)]
    if act.life is CommandLife.REQUESTED:
        return [*steps, (WAITING, "final")]
    if act.life is CommandLife.DENIED:
        reason = plain(act.decision.reason) if act.decision else "no reason was given"
        return [*steps, (DENIED, f"denied: {reason}")]
    steps.append((DONE, "allowed"))
    match act.life:
        case CommandLife.FINAL:
            return [*steps, (WAITING, "delivered")]
        case CommandLife.DELIVERED:
            return [*steps, (DONE, "delivered"), (WAITING, "done")]
        case CommandLife.EXPIRED:
            return [*steps, (DENIED, "no answer in time")]
        case CommandLife.DONE:
            return [*steps, (DONE, "delivered"), (DONE, "done")]
        case _:
            reason = f": {plain(act.outcome_reason)}" if act.outcome_reason else ""
            return [*steps, (DONE, "delivered"), (DENIED, f"{act.life.value}{reason}")]
