"""Requests: who wants to become part of the home, with the digits to compare."""

from functools import partial
from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Digits, OptionList, Static

from homechain.api.schema.mesh import DeviceRequest, HubRequest, Pairing
from homechain.model.records import Role
from homechain_tui.background import in_background
from homechain_tui.plain_text import fingerprint, fitted, plain, styled, warned_name
from homechain_tui.screens.approve import Approval, Approve
from homechain_tui.screens.dialog import Confirm, Tell
from homechain_tui.screens.place import Place
from homechain_tui.session import HomeSession
from homechain_tui.times import ago, clock
from homechain_tui.widgets.rows import Row, Rows, heading


class RequestsScreen(Place):
    """Approve only what shows the same digits."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["place.tcss", "requests.tcss"]
    PLACE = "requests"
    AUTO_FOCUS = "#waiting"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("enter", "approve", "Approve"),
        ("d", "deny", "Not ours"),
        ("w", "window", "Let a hub join"),
    ]

    def __init__(self, session: HomeSession) -> None:
        super().__init__(session)
        self._put_aside: set[str] = set()

    def compose_body(self) -> ComposeResult:
        """The list, the chosen one, the window for hubs."""
        yield Rows(
            id="waiting", empty="Nothing waits. Switch a new device on and it shows up here."
        )
        with Vertical(id="chosen"):
            yield Digits("", id="digits")
            yield Static("", id="words", markup=False)
        yield Static("", id="window", markup=False)

    async def show_state(self) -> None:
        """Show what waits."""
        now_ms = self.session.now_ms()
        rows: list[Row] = []
        devices, hubs = self._devices(), self._hubs()
        if devices:
            rows.append(heading("devices", "New devices"))
            rows += [Row(key=d.did, line=partial(_device_line, d, now_ms)) for d in devices]
        if hubs:
            rows.append(heading("hubs", "New hubs"))
            rows += [Row(key=h.did, line=partial(_hub_line, h, now_ms)) for h in hubs]
        self.query_one("#waiting", Rows).show(rows)
        self._show_chosen()
        self._show_window()

    def on_option_list_option_highlighted(self) -> None:
        """Another request, other digits."""
        self._show_chosen()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter approves."""
        event.stop()
        self.action_approve()

    def _show_chosen(self) -> None:
        digits, words = self.query_one(Digits), self.query_one("#words", Static)
        chosen = self._chosen()
        code = chosen.digits if isinstance(chosen, DeviceRequest) else None
        digits.display = code is not None
        digits.update(spaced(code) if code is not None else "")
        words.update(_chosen_content(chosen, self._known_names()))

    def _show_window(self) -> None:
        pairing = self.state.requests.pairing if self.state.requests is not None else None
        place = self.query_one("#window", Static)
        place.display = pairing is not None and pairing.open
        if pairing is not None and pairing.open:
            until = (
                f" until {clock(pairing.closes_ms, self.state.zone)}" if pairing.closes_ms else ""
            )
            place.update(styled(("! ", "bold"), f"Another hub may join{until}. w closes that."))

    # ------------------------------------------------------------------ doing

    def action_approve(self) -> None:
        """Take in what is chosen, after a look at its digits or its key."""
        in_background(self, self._approve, replaces="dialog")

    def action_deny(self) -> None:
        """Put the request out of sight: without approval nothing comes in anyway."""
        chosen = self._chosen()
        if chosen is not None:
            self._put_aside.add(chosen.did)
            self.call_later(self.show_state)
            words = "Put aside. It stays outside, and its request ends by itself."
            self.notify(words, markup=False)

    def action_window(self) -> None:
        """Open or close the window in which a hub may join."""
        in_background(self, self._window, replaces="dialog")

    async def _approve(self) -> None:
        chosen = self._chosen()
        if isinstance(chosen, HubRequest):
            await self._approve_hub(chosen)
        elif isinstance(chosen, DeviceRequest):
            await self._approve_device(chosen)

    async def _approve_device(self, request: DeviceRequest) -> None:
        if request.digits is None:
            self.warn("It has not shown its digits yet. Wait a moment, or switch it off and on.")
            return
        areas = self.state.home.areas if self.state.home is not None else []
        approval = await self.app.push_screen_wait(
            Approve(request, areas=areas, names=self._known_names())
        )
        if isinstance(approval, Approval):
            answer = await self.session.ask(
                self.session.client.approve_device(
                    request.description, name=approval.name, area=approval.area
                )
            )
            self.tell_answer(answer, done=f"{plain(approval.name)} is part of the home.")

    async def _approve_hub(self, request: HubRequest) -> None:
        if not self._is_owner():
            return
        question = styled(
            "Make ",
            (plain(request.name), "bold"),
            f" (key {fingerprint(request.did)}) a hub of this home?",
        )
        words = "It will hold the whole ledger and take part in every decision."
        if await self.app.push_screen_wait(Confirm(question, consequence=words)):
            answer = await self.session.ask(self.session.client.put_hub(request.description))
            self.tell_answer(answer, done=f"{plain(request.name)} is a hub of this home.")

    async def _window(self) -> None:
        if not self._is_owner():
            return
        requests = self.state.requests
        is_open = requests is not None and requests.pairing.open
        client = self.session.client
        call = client.close_pairing() if is_open else client.open_pairing()
        read = await self.session.read(call)
        if isinstance(read, str):
            self.warn(read)
            return
        await self.session.refresh()
        if read.open:
            await self.app.push_screen(Tell(_window_content(read, self.state.zone)))

    def _is_owner(self) -> bool:
        home = self.state.home
        if home is not None and home.me.role is Role.OWNER:
            return True
        self.warn("Only an owner decides about hubs. Ask one.")
        return False

    # ------------------------------------------------------------------ the chosen one

    def _devices(self) -> list[DeviceRequest]:
        requests = self.state.requests
        found = requests.devices if requests is not None else []
        return [request for request in found if request.did not in self._put_aside]

    def _hubs(self) -> list[HubRequest]:
        requests = self.state.requests
        found = requests.hubs if requests is not None else []
        return [request for request in found if request.did not in self._put_aside]

    def _chosen(self) -> DeviceRequest | HubRequest | None:
        key = self.query_one("#waiting", Rows).chosen
        waiting: list[DeviceRequest | HubRequest] = [*self._devices(), *self._hubs()]
        return next((request for request in waiting if request.did == key), None)

    def _known_names(self) -> list[str]:
        return [device.name for device in self.state.devices.values()]


def spaced(digits: str) -> str:
    """`123 456`: two halves are easier to compare."""
    return f"{digits[:3]} {digits[3:]}"


def _device_line(request: DeviceRequest, now_ms: int, width: int) -> Content:
    digits = spaced(request.digits) if request.digits else "… …"
    seen = ago(request.seen_ms, now_ms=now_ms)
    words = f"{plain(request.title)}, {request.kind}, key {fingerprint(request.did)}, {seen}"
    return styled((f"{digits}  ", "bold $accent"), fitted(words, width - 9).rstrip())


def _hub_line(request: HubRequest, now_ms: int, width: int) -> Content:
    seen = ago(request.seen_ms, now_ms=now_ms)
    words = f"{plain(request.name)}, hub, key {fingerprint(request.did)}, {seen}"
    return styled(fitted(words, width).rstrip())


def _chosen_content(chosen: DeviceRequest | HubRequest | None, names: list[str]) -> Content:
    if chosen is None:
        return styled("")
    if isinstance(chosen, HubRequest):
        addresses = ", ".join(plain(address) for address in chosen.description.mesh[:3])
        return styled(
            (plain(chosen.name), "bold"),
            f"\nIt knew the code and waits for an owner. Key {fingerprint(chosen.did)}.",
            f"\nAddresses: {addresses or 'none told'}",
        )
    title = warned_name(chosen.title, did=chosen.did, others=names)
    made = plain(f"{chosen.manufacturer} {chosen.model}")
    first = (title, "bold")
    if chosen.digits is None:
        return styled(first, f"\n{made}\nWaiting for the device to show its six digits …")
    return styled(
        first,
        f"\n{made}, key {fingerprint(chosen.did)}\n",
        "Does the device itself show these digits? Enter goes on, d puts it aside.",
    )


def _window_content(pairing: Pairing, zone: str) -> Content:
    until = f"\n\nOpen until {clock(pairing.closes_ms, zone)}." if pairing.closes_ms else ""
    return styled(
        "On the new hub, run  homechain hub join  and type this code:\n\n   ",
        (plain(pairing.code or "?"), "bold $accent"),
        f"{until} Three wrong tries close the window.",
    )
