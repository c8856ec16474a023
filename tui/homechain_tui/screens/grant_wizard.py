"""Giving a grant in five steps; Escape goes one step back, nothing is signed before the last."""

from typing import Final

from textual.app import App

from homechain.crypto.errors import CryptoError
from homechain.crypto.keys import PublicKey
from homechain.ledger.names import BadName, check_name, clean_name
from homechain.model.records import Role
from homechain_tui.giving import (
    AREA_PREFIX,
    ONE_BY_ONE,
    Span,
    action_presets,
    authorization,
    devices_of,
    grant_sentence,
    spans,
)
from homechain_tui.plain_text import fingerprint, plain, styled, warned_name
from homechain_tui.screens.dialog import Ask, Choose, ChooseMany, Confirm, option
from homechain_tui.session import Answer, HomeSession
from homechain_tui.summaries import in_order
from homechain_tui.times import full, parsed_moment
from homechain_tui.widgets.rows import Row

_OTHER_TIME: Final = "other"
_NEW_PERSON: Final = "new"


class GrantWizard:
    """Asks for who, where, what and when, then shows the sentence that is about to be signed."""

    def __init__(self, app: App[None], session: HomeSession, *, person: str | None) -> None:
        self._app = app
        self._session = session
        self._person = person or ""
        self._places: list[str] = []
        self._actions: list[str] = []
        self._span: Span | None = None

    async def run(self) -> Answer | None:
        """What the hub said to the grant; None if nothing was given."""
        steps = (self._who, self._where, self._what, self._when, self._sign)
        place = 1 if self._person else 0
        first = place
        while first <= place < len(steps):
            place += 1 if await steps[place]() else -1
        return self._answer if place == len(steps) else None

    _answer: Answer | None = None

    async def _who(self) -> bool:
        state = self._session.state
        names = [person.name for person in state.persons.values()]
        rows = [
            option(p.did, warned_name(p.name, did=p.did, others=names), f"{p.role}")
            for p in state.persons.values()
            if not p.removed and p.did != state.me
        ]
        rows.append(option(_NEW_PERSON, "Somebody new …", "by their key"))
        chosen = await self._app.push_screen_wait(Choose("1 of 4: who gets the grant?", rows))
        if chosen == _NEW_PERSON:
            chosen = await new_person(self._app, self._session, role=Role.GUEST)
        self._person = chosen or ""
        return chosen is not None

    async def _where(self) -> bool:
        rows: list[Row] = []
        for area, devices in in_order(self._session.state):
            rows.append(option(f"{AREA_PREFIX}{area}", f"All of {plain(area)}"))
            rows += [option(d.did, f"   {plain(d.name)}", d.kind.value) for d in devices]
        dialog = ChooseMany("2 of 4: which devices or areas?", rows, marked=self._places)
        chosen = await self._app.push_screen_wait(dialog)
        self._places = chosen or self._places
        return chosen is not None

    async def _what(self) -> bool:
        presets = action_presets(devices_of(self._places, self._session.state))
        rows = [option(p.name, p.words, ", ".join(p.actions)[:34]) for p in presets]
        rows.append(option(ONE_BY_ONE, "One by one …"))
        chosen = await self._app.push_screen_wait(Choose("3 of 4: what may they do?", rows))
        if chosen == ONE_BY_ONE:
            singles = [option(a, plain(a).replace("_", " ")) for a in presets[-1].actions]
            dialog = ChooseMany("3 of 4: which actions?", singles, marked=self._actions)
            actions = await self._app.push_screen_wait(dialog)
            self._actions = actions or self._actions
            return actions is not None
        self._actions = [a for p in presets if p.name == chosen for a in p.actions]
        return chosen is not None

    async def _when(self) -> bool:
        now_ms, zone = self._session.now_ms(), self._session.state.zone
        offered = spans(now_ms, zone)
        rows = [
            option(s.name, s.words, f"until {full(s.exp_s * 1000, zone)[:-3]}") for s in offered
        ]
        rows.append(option(_OTHER_TIME, "From … until …"))
        chosen = await self._app.push_screen_wait(Choose("4 of 4: when?", rows))
        if chosen == _OTHER_TIME:
            self._span = await self._other_span(now_ms, zone)
        else:
            self._span = next((span for span in offered if span.name == chosen), None)
        return self._span is not None

    async def _other_span(self, now_ms: int, zone: str) -> Span | None:
        forms = "now, 22:00, 2026-12-31 or 2026-12-31 22:00"

        def begins(text: str) -> int | None:
            is_now = text.strip() in ("", "now")
            return now_ms if is_now else parsed_moment(text, now_ms=now_ms, zone=zone)

        def wrong_start(text: str) -> str:
            return "" if begins(text) is not None else f"Write it like {forms}."

        start = await self._app.push_screen_wait(
            Ask("From when?", value="now", hint=forms, check=wrong_start)
        )
        start_ms = begins(start) if start is not None else None
        if start_ms is None:
            return None

        def wrong_end(text: str) -> str:
            end = parsed_moment(text, now_ms=now_ms, zone=zone)
            if end is None:
                return f"Write it like {forms.removeprefix('now, ')}."
            return "" if end > start_ms else "It would end before it begins."

        end = await self._app.push_screen_wait(
            Ask("Until when?", hint="A day alone means until its end.", check=wrong_end)
        )
        end_ms = parsed_moment(end, now_ms=now_ms, zone=zone) if end is not None else None
        if end_ms is None:
            return None
        return Span(name="", words="", nbf_s=start_ms // 1000, exp_s=end_ms // 1000)

    async def _sign(self) -> bool:
        state = self._session.state
        assert self._span is not None, "the step before chose it"
        entry = authorization(self._places, self._actions)
        sentence = grant_sentence(state.person_name(self._person), [entry], self._span, state)
        dialog = Confirm(
            styled("Sign this?\n\n", (sentence, "bold")),
            consequence=f"For the key {fingerprint(self._person)}. You can revoke it at any time.",
        )
        if not await self._app.push_screen_wait(dialog):
            return False
        self._answer = await self._session.give(
            self._person, [entry], nbf_s=self._span.nbf_s, exp_s=self._span.exp_s
        )
        return True


async def new_person(app: App[None], session: HomeSession, *, role: Role | None) -> str | None:
    """Take somebody in by their key; their name, or None. Asks for the role if none is given."""
    did = await app.push_screen_wait(
        Ask("Their key", hint="did:key:z6Mk…, as their own dashboard shows it.", check=wrong_did)
    )
    if did is None:
        return None
    did = did.strip()
    name = await app.push_screen_wait(Ask("Their name", check=wrong_name))
    if name is None:
        return None
    if role is None:
        rows = [
            option(Role.GUEST, "guest", "exactly what grants allow"),
            option(Role.RESIDENT, "resident", "uses everything, may give grants"),
            option(Role.OWNER, "owner", "everything, also who belongs to the home"),
        ]
        chosen = await app.push_screen_wait(Choose("What are they here?", rows))
        if chosen is None:
            return None
        role = Role(chosen)
    answer = await session.ask(session.client.put_person(did, name=clean_name(name), role=role))
    if answer.trouble:
        app.notify(answer.trouble, title="Not done", severity="error", markup=False)
        return None
    return did


def wrong_did(text: str) -> str:
    """What is wrong with a person's key as it was typed, or nothing."""
    try:
        PublicKey.from_did(text.strip())
    except CryptoError:
        return "That is no did:key of an Ed25519 key. Copy it whole, from did: on."
    return ""


def wrong_name(text: str) -> str:
    """What is wrong with a name as it was typed, or nothing."""
    try:
        check_name(clean_name(text))
    except BadName as bad:
        return f"{plain(bad)}."
    return ""
