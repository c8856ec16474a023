"""Access: people and devices, the grants between them, and why somebody may or may not."""

from functools import partial
from pathlib import PurePath
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable, OptionList, Static

from homechain.api.schema.devices import DeviceAccess, DeviceView, PersonAccess
from homechain.api.schema.home import Explanation, GrantStatus, GrantView, PersonView
from homechain.model.records import Role
from homechain_tui.background import in_background
from homechain_tui.giving import grant_words
from homechain_tui.plain_text import fingerprint, fitted, plain, styled, warned_name
from homechain_tui.screens.dialog import Ask, Choose, Confirm, Tell, option
from homechain_tui.screens.grant_wizard import GrantWizard, new_person
from homechain_tui.screens.place import Place
from homechain_tui.session import HomeSession
from homechain_tui.state import HomeState
from homechain_tui.summaries import in_order
from homechain_tui.times import full, parsed_moment
from homechain_tui.widgets.rows import Row, Rows

NAME_CELLS = 18
DEVICE_CELLS = 12
_GRANT_STYLES = {"✓": "$text-success", "✗": "$text-error"}


class AccessScreen(Place):
    """Give, look up, take back."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["place.tcss", "access.tcss"]
    PLACE = "access"
    AUTO_FOCUS = "#matrix"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("g", "give", "Give"),
        ("x", "revoke", "Revoke"),
        ("e", "explain", "May they …?"),
        ("n", "new_person", "New person"),
    ]

    def __init__(self, session: HomeSession) -> None:
        super().__init__(session)
        self._access: dict[str, DeviceAccess] = {}
        self._read_for: object = None
        self._shown: object = None

    def compose_body(self) -> ComposeResult:
        """People by devices above, the chosen person's grants below."""
        yield Static("Who may do what now", classes="section", markup=False)
        yield DataTable(id="matrix", cursor_type="cell", zebra_stripes=True)
        with Vertical(id="grants-box"):
            yield Static("", id="grants-title", classes="section", markup=False)
            yield Rows(id="grants", empty="No grants. Press g to give one.")

    async def show_state(self) -> None:
        """Show the matrix, and read it again when grants, people or devices changed."""
        state = self.state
        wanted = (
            tuple((grant.id, grant.status) for grant in state.grants.values()),
            tuple((person.did, person.role, person.removed) for person in state.persons.values()),
            tuple(state.devices),
        )
        if wanted != self._read_for and state.connection.live and state.devices:
            self._read_for = wanted
            in_background(self, self._load, replaces="matrix")
        self._show_matrix()
        self._show_grants()

    async def _load(self) -> None:
        for device in self._devices():
            read = await self.session.read(self.session.client.access(device.did))
            if isinstance(read, DeviceAccess):
                self._access[device.did] = read
        self._show_matrix()

    # ------------------------------------------------------------------ showing

    def _show_matrix(self) -> None:
        table = self.query_one("#matrix", DataTable)
        people, devices = self._people(), self._devices()
        cells = [[self._cell(p.did, d.did) for d in devices] for p in people]
        shown = (people, [(d.did, d.name) for d in devices], cells)
        if shown == self._shown:
            return
        self._shown = shown
        at = table.cursor_coordinate
        table.clear(columns=True)
        # Text, never str: a table reads markup in strings, and names are not ours.
        table.add_column(Text(fitted("", NAME_CELLS)), width=NAME_CELLS)
        for device in devices:
            table.add_column(Text(fitted(plain(device.name), DEVICE_CELLS)), width=DEVICE_CELLS)
        names = [person.name for person in people]
        for person, row in zip(people, cells, strict=True):
            name = warned_name(person.name, did=person.did, others=names)
            label = Text(fitted(f"{name}, {person.role}", NAME_CELLS))
            table.add_row(label, *(Text(cell) for cell in row), key=person.did)
        table.move_cursor(row=at.row, column=max(1, at.column))

    def _cell(self, person: str, device: str) -> str:
        access = self._person_access(person, device)
        if access is None:
            return "?"
        allowed = sum(action.allowed for action in access.actions)
        if allowed == 0:
            return "–"
        return "✓ all" if allowed == len(access.actions) else f"✓ {allowed}"

    def _show_grants(self) -> None:
        person = self._person()
        title = "Grants" if person is None else f"Grants of {plain(person.name)}"
        if person is not None and person.role is not Role.GUEST:
            title += f" ({person.role}: may use everything without one)"
        self.query_one("#grants-title", Static).update(styled(title))
        self.query_one("#grants", Rows).show(
            [
                Row(key=grant.id, line=partial(_grant_line, grant, self.state))
                for grant in self._grants()
            ]
        )

    # ------------------------------------------------------------------ choosing

    def on_data_table_cell_highlighted(self) -> None:
        """Another person, other grants."""
        self._show_grants()

    async def on_data_table_cell_selected(self) -> None:
        """Why this person may do what they may on this device."""
        person, device = self._person(), self._device()
        access = self._person_access(person.did, device.did) if person and device else None
        if access is not None:
            await self.app.push_screen(Tell(_access_content(access)))

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A grant in full."""
        grant = self.state.grants.get(event.option_id or "")
        if grant is not None:
            await self.app.push_screen(Tell(_grant_content(grant, self.state)))

    def action_give(self) -> None:
        """Give a grant, to the person in the chosen row if they need one."""
        person = self._person()
        guest = person.did if person is not None and person.role is Role.GUEST else None
        in_background(self, partial(self._give, guest), replaces="dialog")

    def action_revoke(self) -> None:
        """Take a grant back."""
        in_background(self, self._revoke, replaces="dialog")

    def action_explain(self) -> None:
        """May this person do that, then, and why?"""
        in_background(self, self._explain, replaces="dialog")

    def action_new_person(self) -> None:
        """Take somebody in."""
        in_background(self, self._new_person, replaces="dialog")

    async def _give(self, person: str | None) -> None:
        answer = await GrantWizard(self.app, self.session, person=person).run()
        if answer is not None:
            self.tell_answer(answer, done="The grant is final.")

    async def _new_person(self) -> None:
        home = self.state.home
        if home is not None and home.me.role is not Role.OWNER:
            self.warn("Only an owner takes people in. Ask one.")
        elif (did := await new_person(self.app, self.session, role=None)) is not None:
            self.notify(f"{plain(self.state.person_name(did))} belongs here now.", markup=False)

    async def _revoke(self) -> None:
        grant = await self._grant_to_revoke()
        if grant is None:
            return
        _, status, what = grant_words(grant, self.state)
        question = styled(
            "Revoke the grant of ", (plain(grant.person_name), "bold"), f"?\n\n{what}, {status}"
        )
        lasting = "For good. Devices refuse it from the next block on."
        if await self.app.push_screen_wait(Confirm(question, consequence=lasting)):
            answer = await self.session.ask(self.session.client.revoke(grant.id))
            height = answer.receipt.height if answer.receipt else None
            self.tell_answer(answer, done=f"Revoked: final in block #{height}.")

    async def _grant_to_revoke(self) -> GrantView | None:
        table = self.query_one("#grants", Rows)
        if table.has_focus:
            grant = self.state.grants.get(table.chosen or "")
            return grant if grant is not None and _can_end(grant) else None
        grants = [grant for grant in self._grants() if _can_end(grant)]
        if not grants:
            self.warn("There is no grant to revoke. Choose a person who has one.")
            return None
        if len(grants) == 1:
            return grants[0]
        rows = [option(g.id, grant_words(g, self.state)[2]) for g in grants]
        chosen = await self.app.push_screen_wait(Choose("Which grant?", rows))
        return self.state.grants.get(chosen or "")

    async def _explain(self) -> None:
        person, device = self._person(), self._device()
        if person is None or device is None:
            return
        now_ms, zone = self.session.now_ms(), self.state.zone
        title = f"May {plain(person.name)} … {plain(device.name)}?"
        rows = [option(name, plain(name).replace("_", " ")) for name in device.thing.actions]
        action = await self.app.push_screen_wait(Choose(title, rows))
        if action is None:
            return

        def wrong(text: str) -> str:
            at_ms = parsed_moment(text, now_ms=now_ms, zone=zone)
            is_fine = text.strip() in ("", "now") or at_ms is not None
            return "" if is_fine else "Write it like now, 22:00 or 2026-12-31 22:00."

        when = await self.app.push_screen_wait(
            Ask("When?", value="now", hint="now, 22:00 or 2026-12-31 22:00", check=wrong)
        )
        if when is None:
            return
        read = await self.session.read(
            self.session.client.explain(
                person=person.did,
                device=device.did,
                action=action,
                at_ms=parsed_moment(when, now_ms=now_ms, zone=zone),
            )
        )
        if isinstance(read, Explanation):
            await self.app.push_screen(Tell(_explanation_content(read, zone)))
        else:
            self.warn(read)

    # ------------------------------------------------------------------ the chosen ones

    def _people(self) -> list[PersonView]:
        order = (Role.OWNER, Role.RESIDENT, Role.GUEST)
        people = [person for person in self.state.persons.values() if not person.removed]
        # Guests first: they are the ones whose access changes.
        return sorted(people, key=lambda p: (-order.index(p.role), plain(p.name)))

    def _devices(self) -> list[DeviceView]:
        return [device for _, devices in in_order(self.state) for device in devices]

    def _person(self) -> PersonView | None:
        people = self._people()
        row = self.query_one("#matrix", DataTable).cursor_row
        return people[row] if row < len(people) else None

    def _device(self) -> DeviceView | None:
        devices = self._devices()
        column = max(1, self.query_one("#matrix", DataTable).cursor_column) - 1
        return devices[column] if column < len(devices) else None

    def _grants(self) -> list[GrantView]:
        person = self._person()
        mine = [g for g in self.state.grants.values() if person and g.person == person.did]
        return sorted(mine, key=lambda grant: not _can_end(grant))

    def _person_access(self, person: str, device: str) -> PersonAccess | None:
        access = self._access.get(device)
        found = [p for p in access.persons if p.person == person] if access else []
        return found[0] if found else None


def _can_end(grant: GrantView) -> bool:
    return grant.status in (GrantStatus.ACTIVE, GrantStatus.WAITING)


def _grant_line(grant: GrantView, state: HomeState, width: int) -> Content:
    mark, status, what = grant_words(grant, state)
    line = f"{what} · {status} · from {plain(grant.giver_name)}"
    return styled((f"{mark} ", _GRANT_STYLES.get(mark, "")), fitted(line, width - 2).rstrip())


def _grant_content(grant: GrantView, state: HomeState) -> Content:
    mark, status, what = grant_words(grant, state)
    return styled(
        (f"{mark} {plain(grant.person_name)} may {what}\n\n", "bold"),
        f"{status}\n",
        f"from   {full(grant.nbf_s * 1000, state.zone)}\n",
        f"until  {full(grant.exp_s * 1000, state.zone)}\n",
        f"given by {plain(grant.giver_name)} (key {fingerprint(grant.giver)})\n",
        f"to the key {fingerprint(grant.person)}\n",
        (f"grant {plain(grant.id)}", "$foreground-muted"),
    )


def _access_content(access: PersonAccess) -> Content:
    parts: list[str | tuple[str, str]] = [(f"{plain(access.name)}, {access.role}\n", "bold")]
    for action in access.actions:
        mark = ("\n✓ ", "$text-success") if action.allowed else ("\n✗ ", "$text-error")
        parts += [mark, plain(action.reason)]
    return styled(*parts)


def _explanation_content(said: Explanation, zone: str) -> Content:
    verdict = ("✓ Yes", "bold $text-success") if said.allowed else ("✗ No", "bold $text-error")
    at = full(said.at_ms, zone)
    return styled(verdict, f"\n\n{plain(said.reason)}\n", (f"at {at}", "$foreground-muted"))
