"""One device: what it is now, what it may be asked, a day of it, and its past."""

from functools import partial
from pathlib import PurePath
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.widgets import OptionList, Static

from homechain.api.schema.devices import DeviceAccess, DeviceHistory, DeviceView
from homechain.model.records import Affordance
from homechain_tui.background import in_background
from homechain_tui.device_history import past, who_may
from homechain_tui.messages import ActionChosen, RecordChosen
from homechain_tui.plain_text import plain, styled
from homechain_tui.screens.action_form import ActionForm
from homechain_tui.screens.device_parts import (
    CONTROLS,
    HOLDS,
    degrees_after,
    life_content,
    now_content,
    offered,
    title_content,
)
from homechain_tui.screens.dialog import Choose, Confirm, option
from homechain_tui.screens.place import Place
from homechain_tui.session import HomeSession
from homechain_tui.stills import BadStill, decoded_still
from homechain_tui.summaries import in_order, value_of
from homechain_tui.times import moment, short_moment
from homechain_tui.widgets.controls import Controls
from homechain_tui.widgets.day_plot import DAY_MS, DayPlot
from homechain_tui.widgets.feed import feed_line, said_line
from homechain_tui.widgets.rows import Row, Rows
from homechain_tui.widgets.still import Still

STEP_C = 0.5


class DeviceScreen(Place):
    """Controls by kind; what is shown as fact comes only from the device's own records."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["place.tcss", "device.tcss"]
    PLACE = "device"
    AUTO_FOCUS = "#past"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, f"control('{name}')", words, show=False)
            for name, key, words, _ in CONTROLS
        ),
        Binding("w", "toggle_who", "Who may"),
        Binding("left_square_bracket", "next_device(-1)", "Previous", show=False),
        Binding("right_square_bracket", "next_device(1)", "Next", show=False),
    ]

    def __init__(self, session: HomeSession) -> None:
        super().__init__(session)
        self.did: str | None = None
        self._loaded: tuple[str, tuple[str, ...]] | None = None
        self._history: DeviceHistory | None = None
        self._access: DeviceAccess | None = None
        self._room: list[tuple[int, float]] = []
        self._setpoint: list[tuple[int, float]] = []
        self._still = ""
        self._shows_who = False
        self._wanted_c: float | None = None

    def compose_body(self) -> ComposeResult:
        """Title, state beside a picture, the last command, the past."""
        yield Static("", id="title", markup=False)
        with Horizontal(id="top"):
            yield Static("", id="now", markup=False)
            with Container(id="sight"):
                yield DayPlot(id="day")
                yield Still(id="still")
                yield Rows(id="who-side", empty="Nobody may do anything here.")
        yield Controls()
        yield Static("", id="life", markup=False)
        yield Static("History", id="past-title", classes="section", markup=False)
        yield Rows(id="past", empty="Nothing yet.", follows=True)

    @property
    def device(self) -> DeviceView | None:
        """The device in sight; the first one if none was chosen."""
        chosen = self.state.devices.get(self.did or "")
        if chosen is not None:
            return chosen
        return next((d for _, devices in in_order(self.state) for d in devices), None)

    def open_device(self, did: str) -> None:
        """Show that device."""
        self.did = did
        self._wanted_c = None
        if self.is_mounted:
            self.call_later(self.show_state)

    async def show_state(self) -> None:
        """Show the device, and read its past again if it did something."""
        device = self.device
        if device is None:
            self.query_one("#title", Static).update(styled("There is no device yet."))
            return
        now_ms = self.session.now_ms()
        for kind in ("lock", "camera", "thermostat", "other"):
            self.set_class(device.kind == kind, f"-{kind}")
        names = [other.name for other in self.state.devices.values()]
        self.query_one("#title", Static).update(title_content(device, names))
        now = now_content(device, self.state, now_ms=now_ms)
        self.query_one("#now", Static).update(now)
        self.query_one("#life", Static).update(life_content(device.did, self.state))
        await self.query_one(Controls).show(offered(device))
        self._load_if_needed(device)
        self._show_past(device)
        self._show_day(device)

    # ------------------------------------------------------------------ reading

    def _load_if_needed(self, device: DeviceView) -> None:
        seen = tuple(line.key for line in past(device.did, None, self.state)[:20])
        entries = (*seen, *(grant.status for grant in self.state.grants.values()))
        if self._loaded == (device.did, entries) or not self.state.connection.live:
            return
        if self._loaded is None or self._loaded[0] != device.did:
            self._history, self._access, self._still = None, None, ""
            self._room, self._setpoint = [], []
        self._loaded = (device.did, entries)
        in_background(self, partial(self._load, device.did), replaces="load")

    async def _load(self, did: str) -> None:
        client = self.session.client
        since_ms = self.session.now_ms() - DAY_MS
        history = await self.session.read(client.history(did, limit=100))
        access = await self.session.read(client.access(did))
        self._history = history if isinstance(history, DeviceHistory) else self._history
        self._access = access if isinstance(access, DeviceAccess) else None
        device = self.state.devices.get(did)
        if device is not None and "temperature" in device.thing.properties:
            for name, place in (("temperature", self._room), ("setpoint", self._setpoint)):
                read = await self.session.read(client.readings(did, name=name, since_ms=since_ms))
                if not isinstance(read, str):
                    place[:] = sorted((r.at_ms, float(r.value)) for r in read)
        await self.show_state()

    async def _load_still(self, did: str, digest: str) -> None:
        still = self.query_one(Still)
        data = await self.session.read(self.session.client.media(digest))
        if isinstance(data, str):
            still.show(None, caption=data)
            return
        try:
            image = decoded_still(data, digest=digest)
        except BadStill as bad:
            still.show(None, caption=f"No picture: {bad}")
            return
        known = self.state.devices[did].properties["last_still"]
        taken = moment(known.at_ms, self.state.zone, now_ms=self.session.now_ms())
        still.show(image, caption=f"taken {taken}, as the ledger names it")

    # ------------------------------------------------------------------ showing

    def _show_past(self, device: DeviceView) -> None:
        now_ms, zone = self.session.now_ms(), self.state.zone
        history = [
            Row(
                key=line.key,
                line=partial(feed_line, short_moment(line.at_ms, zone, now_ms=now_ms), line.said),
            )
            for line in past(device.did, self._history, self.state)
        ]
        who = []
        if self._access is not None:
            who = [
                Row(key=person, line=partial(said_line, said))
                for person, said in who_may(self._access)
            ]
        self.query_one("#who-side", Rows).show(who)
        title = "Who may do what  (w: history)" if self._shows_who else "History  (w: who may)"
        self.query_one("#past-title", Static).update(styled(title))
        self.query_one("#past", Rows).show(who if self._shows_who else history)

    def _show_day(self, device: DeviceView) -> None:
        now_ms = self.session.now_ms()
        for name, points in (("temperature", self._room), ("setpoint", self._setpoint)):
            known = device.properties.get(name)
            is_newer = known is not None and (not points or points[-1][0] < known.at_ms)
            if known is not None and is_newer and isinstance(known.value, int | float):
                points.append((known.at_ms, float(known.value)))
        if device.kind == "thermostat":
            plot = self.query_one(DayPlot)
            plot.show(self._room, self._setpoint, now_ms=now_ms, zone=self.state.zone)
        if device.kind == "camera":
            digest = value_of(device, "last_still")
            if not isinstance(digest, str):
                self.query_one(Still).show(None, caption="No picture yet. Press s to take one.")
            elif digest != self._still:
                self._still = digest
                in_background(self, partial(self._load_still, device.did, digest), replaces="still")

    # ------------------------------------------------------------------ doing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the keys of this kind of device."""
        if action == "control":
            device = self.device
            names = [name for name, _, _ in offered(device)] if device is not None else []
            return parameters[0] in names
        return True

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the record behind a line of the past."""
        device = self.device
        if event.option_list.id == "past" and not self._shows_who and device is not None:
            for line in past(device.did, self._history, self.state):
                if line.key == event.option_id:
                    self.post_message(RecordChosen(line.record))

    def on_action_chosen(self, message: ActionChosen) -> None:
        """A button is as good as its key."""
        self.action_control(message.action)

    async def action_toggle_who(self) -> None:
        """History or who may, below."""
        self._shows_who = not self._shows_who
        await self.show_state()

    async def action_next_device(self, step: int) -> None:
        """The next device in the home's order."""
        order = [device.did for _, devices in in_order(self.state) for device in devices]
        if (device := self.device) is not None and order:
            self.did = order[(order.index(device.did) + step) % len(order)]
            self._wanted_c = None
            await self.show_state()

    def action_control(self, name: str) -> None:
        """One of the controls."""
        device = self.device
        if device is None or name not in [offer for offer, _, _ in offered(device)]:
            return
        match name:
            case "unlock" | "unlatch":
                question = styled(f"{name.capitalize()} ", (plain(device.name), "bold"), "?")
                self._then(Confirm(question), lambda _: self.send_command(device.did, name))
            case "privacy":
                is_on = value_of(device, "privacy") is True
                self.send_command(device.did, "set_privacy", on=not is_on)
            case "warmer" | "colder":
                self._nudge(device, STEP_C if name == "warmer" else -STEP_C)
            case "mode":
                self._form(device, "set_mode")
            case "hold":
                self._then(Choose("Hold this temperature", HOLDS), partial(self._hold, device))
            case "more":
                self._then(
                    Choose(
                        "What shall it do?",
                        [option(a, plain(a).replace("_", " ")) for a in device.my_actions],
                    ),
                    partial(self._any, device),
                )
            case _:
                self.send_command(device.did, name)

    def _then(self, dialog: Any, use: Any) -> None:
        def answered(answer: object) -> None:
            if answer is not None:
                use(answer)

        self.app.push_screen(dialog, answered)

    def _any(self, device: DeviceView, action: str) -> None:
        affordance = device.thing.actions.get(action, Affordance())
        if isinstance(affordance.input, dict) and affordance.input:
            self._form(device, action)
        else:
            self.action_control(action) if action in ("unlock", "unlatch") else self.send_command(
                device.did, action
            )

    def _form(self, device: DeviceView, action: str) -> None:
        current = {name: known.value for name, known in device.properties.items()}
        current |= {"seconds": current.get("auto_relock_s"), "on": current.get("privacy")}
        self._then(
            ActionForm(action, device.thing.actions[action], current=current),
            lambda arguments: self.send_command(device.did, action, **arguments),
        )

    def _hold(self, device: DeviceView, choice: str) -> None:
        degrees = self._wanted_c or value_of(device, "setpoint") or 20.0
        until = {"for_good": True} if choice == "for_good" else {"for_hours": float(choice)}
        self.send_command(device.did, "set_hold", setpoint=degrees, **until)

    def _nudge(self, device: DeviceView, step_c: float) -> None:
        """Presses are gathered: while one command is under way, only the last wish counts."""
        is_sending = self._wanted_c is not None
        current = self._wanted_c if self._wanted_c is not None else value_of(device, "setpoint")
        self._wanted_c = degrees_after(current, step_c, device.thing.properties.get("setpoint"))
        if not is_sending:
            in_background(self, partial(self._send_wanted, device.did))

    async def _send_wanted(self, did: str) -> None:
        sent = None
        while self._wanted_c is not None and self._wanted_c != sent:
            sent = self._wanted_c
            await self.ask_device(did, "set_setpoint", {"setpoint": sent})
        self._wanted_c = None
