"""The past of one device as lines: commands with their lives, and what happened without one.

Pure. The hub tells commands and readings apart; here they are one story again.
"""

from typing import Final

from msgspec import Struct

from homechain.api.schema.devices import DeviceAccess, DeviceHistory
from homechain_tui.fold import REPORT_READINGS, is_news
from homechain_tui.plain_text import plain
from homechain_tui.sentences import Sentence, of_act, of_happening
from homechain_tui.state import Act, HappeningEntry, HomeState, act_of

HISTORY_LINES: Final = 200


class PastLine(Struct, frozen=True, kw_only=True):
    """One line; `record` is what it opens to."""

    key: str
    record: str
    at_ms: int
    said: Sentence


def past(device: str, history: DeviceHistory | None, state: HomeState) -> list[PastLine]:
    """Newest first; what this dashboard asked for and the hub does not tell yet stands on top."""
    acts: dict[str, Act] = {}
    lines = []
    if history is not None:
        acts = {command.id: act_of(command) for command in history.commands}
        lines = [_happening(h, state) for h in _happenings(device, history)]
    for act in state.acts_on(device):
        if act.id not in acts or not act.open:
            acts[act.id] = act
    for act in acts.values():
        said = of_act(act, state)
        lines.append(PastLine(key=act.id, record=act.id, at_ms=act.at_ms, said=said))
    lines.sort(key=lambda line: line.at_ms, reverse=True)
    return lines[:HISTORY_LINES]


def _happenings(device: str, history: DeviceHistory) -> list[HappeningEntry]:
    names: dict[str, set[str]] = {}
    for reading in history.readings:
        names.setdefault(reading.record, set()).add(reading.name)
    said: dict[str, object] = {}
    news = []
    for reading in reversed(history.readings):
        is_report = len(names[reading.record]) >= REPORT_READINGS
        is_new = is_news(
            reading.name, reading.value, before=said.get(reading.name), is_report=is_report
        )
        if is_new and reading.command is None:
            news.append(reading)
        said[reading.name] = reading.value
    return [
        HappeningEntry(
            key=f"{reading.record}/{reading.name}/{reading.at_ms}",
            at_ms=reading.at_ms,
            record=reading.record,
            device=device,
            name=reading.name,
            value=reading.value,
        )
        for reading in news
    ]


def _happening(entry: HappeningEntry, state: HomeState) -> PastLine:
    said = of_happening(entry, state)
    return PastLine(key=entry.key, record=entry.record, at_ms=entry.at_ms, said=said)


def who_may(access: DeviceAccess) -> list[tuple[str, Sentence]]:
    """(person, sentence) for everybody who may do anything here, then those who may nothing."""
    lines = []
    for person in access.persons:
        allowed = [action for action in person.actions if action.allowed]
        who = f"{plain(person.name)}, {person.role}"
        if not allowed:
            lines.append((person.person, Sentence(mark="–", words=f"{who}: nothing")))
            continue
        words = "everything"
        if len(allowed) < len(person.actions):
            words = ", ".join(action.action.replace("_", " ") for action in allowed)
        because = plain(allowed[0].reason).rpartition(": ")[2]
        lines.append(
            (
                person.person,
                Sentence(mark="✓", words=f"{who}: {words} ({because})", style="$text-success"),
            )
        )
    return sorted(lines, key=lambda line: line[1].mark == "–")
