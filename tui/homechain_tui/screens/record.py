"""One record, from its sentence down to its signature and proof."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from homechain.api.schema.records import RecordDetail
from homechain_tui.background import in_background
from homechain_tui.plain_text import plain, plain_json, styled
from homechain_tui.proofs import Check, checks
from homechain_tui.sentences import ALARM, LIFE_WORDS, Sentence, of_act, of_happening, of_record
from homechain_tui.session import HomeSession
from homechain_tui.state import HappeningEntry, HomeState, act_of
from homechain_tui.times import full

_MARKS: dict[bool | None, tuple[str, str]] = {
    True: ("✓ ", "$text-success"),
    False: ("✗ ", "bold $text-error"),
    None: ("? ", "$text-warning"),
}


class RecordScreen(ModalScreen[None]):
    """Reads the record when it opens; Escape leaves."""

    CSS_PATH = "record.tcss"
    AUTO_FOCUS = "#paper"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "leave", "Back")]

    def __init__(self, session: HomeSession, record_id: str) -> None:
        super().__init__()
        self._session = session
        self._record_id = record_id

    def compose(self) -> ComposeResult:
        """Parts one below the other."""
        with VerticalScroll(id="paper"):
            yield Static(styled("Asking the hub for this record …"), id="sentence", classes="part")
            yield Static("", id="facts", classes="part", markup=False)
            yield Static("", id="checks", classes="part", markup=False)
            yield Static("", id="payload", classes="part", markup=False)
            yield Static("", id="bytes", classes="part", markup=False)

    def on_mount(self) -> None:
        """Ask for the record."""
        in_background(self, self._load)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    async def _load(self) -> None:
        detail = await self._session.read(self._session.client.record(self._record_id))
        if isinstance(detail, str):
            self._update("sentence", styled(("! ", "bold $text-error"), detail))
            return
        state = self._session.state
        said = sentence_of(detail, state)
        self._update("sentence", styled((f"{said.mark} ", said.style), (said.words, "bold")))
        self._update("facts", facts(detail, state))
        home = state.home.home if state.home is not None else ""
        self._update("checks", checks_content(checks(detail, home=home, mesh=state.mesh)))
        payload = plain_json(detail.record.payload)
        self._update("payload", styled(("What it says\n", "bold $accent"), payload))
        self._update("bytes", styled(("The bytes that were signed\n", "bold $accent"), detail.raw))

    def _update(self, part: str, content: Content) -> None:
        self.query_one(f"#{part}", Static).update(content)


def sentence_of(detail: RecordDetail, state: HomeState) -> Sentence:
    """The record in one sentence."""
    record = detail.record
    if detail.command is not None:
        return of_act(act_of(detail.command), state)
    if record.kind != "event":
        return of_record(record, state)
    said = [
        of_happening(
            HappeningEntry(
                key=record.id,
                at_ms=reading["at"],
                record=record.id,
                device=record.signer,
                name=reading["name"],
                value=reading["value"],
            ),
            state,
        )
        for reading in record.payload["readings"][:3]
    ]
    mark = ALARM if any(part.mark == ALARM for part in said) else said[0].mark
    style = next((part.style for part in said if part.mark == mark), "")
    return Sentence(mark=mark, words="; ".join(part.words for part in said), style=style)


def facts(detail: RecordDetail, state: HomeState) -> Content:
    """Who, when, where, and what was decided: one a line."""
    record = detail.record
    lines = [
        ("kind", record.kind),
        ("id", record.id),
        ("signer", f"{plain(record.signer_name)}  {record.signer}"),
        ("final", f"{full(record.time_ms, state.zone)}, block #{record.height}"),
    ]
    decision = record.decision or (detail.command.decision if detail.command else None)
    if decision is not None:
        verdict = "allowed" if decision.allowed else "denied"
        lines.append(("decision", f"{verdict} ({decision.code}): {plain(decision.reason)}"))
        if decision.grant is not None:
            lines.append(("grant", plain(decision.grant)))
    if detail.command is not None:
        lines.append(("life", LIFE_WORDS[detail.command.life]))
    return _table(lines)


def checks_content(found: Sequence[Check]) -> Content:
    """The checks, one a line, each with its mark."""
    parts: list[str | tuple[str, str]] = [("Checked by this dashboard\n", "bold $accent")]
    for number, check in enumerate(found):
        parts.append(_MARKS[check.passed])
        parts.append(plain(check.words) + ("\n" if number + 1 < len(found) else ""))
    return styled(*parts)


def _table(lines: Sequence[tuple[str, str]]) -> Content:
    parts: list[str | tuple[str, str]] = []
    for number, (name, value) in enumerate(lines):
        parts.append((f"{name:<9} ", "$foreground-muted"))
        parts.append(plain(value) + ("\n" if number + 1 < len(lines) else ""))
    return styled(*parts)
