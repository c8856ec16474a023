"""Home: by area with locks first, alerts on top, and what happened."""

from functools import partial
from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from homechain.api.schema.devices import DeviceView
from homechain_tui.messages import DeviceChosen, PlaceChosen, RecordChosen
from homechain_tui.plain_text import fitted, plain, styled, warned_name
from homechain_tui.screens.dialog import Confirm
from homechain_tui.screens.place import Place
from homechain_tui.sentences import LIFE_WORDS, asked
from homechain_tui.state import HomeState
from homechain_tui.summaries import Alert, alerts, in_order, summary
from homechain_tui.times import short_moment
from homechain_tui.widgets.feed import Feed, record_of
from homechain_tui.widgets.rows import Row, Rows, heading

NAME_CELLS = 18
STATE_CELLS = 15


class HomeScreen(Place):
    """Everything at a glance; lock and unlock from the list."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["place.tcss", "home.tcss"]
    PLACE = "home"
    AUTO_FOCUS = "#devices"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("l", "lock", "Lock"),
        ("u", "unlock", "Unlock"),
    ]

    def compose_body(self) -> ComposeResult:
        """The alerts, the devices and the feed."""
        yield Rows(id="alerts", empty="")
        with Container(id="glance"):
            with Vertical(id="devices-box"):
                yield Static("Devices", classes="section", markup=False)
                yield Rows(id="devices", empty="No devices yet. New ones show up under 4.")
            with Vertical(id="feed-box"):
                yield Static("What happened", classes="section", markup=False)
                yield Feed(id="feed", empty="Nothing yet.", follows=True)

    async def show_state(self) -> None:
        """Show the home."""
        now_ms = self.session.now_ms()
        found = alerts(self.state)
        rows = [
            Row(key=str(number), line=partial(_alert_line, alert))
            for number, alert in enumerate(found)
        ]
        place = self.query_one("#alerts", Rows)
        place.show(rows)
        place.display = bool(rows)
        place.styles.height = min(3, len(rows)) or 1
        self.query_one("#devices", Rows).show(device_rows(self.state, now_ms=now_ms))
        self.query_one(Feed).show_feed(self.state, now_ms=now_ms)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what was chosen."""
        if event.option_id is None:
            return
        match event.option_list.id:
            case "devices":
                self.post_message(DeviceChosen(event.option_id))
            case "feed":
                self.post_message(RecordChosen(record_of(event.option_id)))
            case "alerts":
                self._open_alert(alerts(self.state)[int(event.option_id)])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what this person may do on the highlighted device."""
        if action in ("lock", "unlock"):
            device = self._device()
            return device is not None and action in device.my_actions
        return True

    def on_option_list_option_highlighted(self) -> None:
        """Other keys may be of use on another row."""
        self.refresh_bindings()

    def action_lock(self) -> None:
        """Lock at once: a locked door harms nobody."""
        if (device := self._device()) is not None:
            self.send_command(device.did, "lock")

    def action_unlock(self) -> None:
        """Unlock after a question."""
        device = self._device()
        if device is None:
            return
        did = device.did

        def answered(agreed: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if agreed:
                self.send_command(did, "unlock")

        question = styled("Unlock ", (plain(device.name), "bold"), "?")
        self.app.push_screen(Confirm(question), answered)

    def _device(self) -> DeviceView | None:
        if not self.is_mounted:
            return None
        return self.state.devices.get(self.query_one("#devices", Rows).chosen or "")

    def _open_alert(self, alert: Alert) -> None:
        if alert.device is not None:
            self.post_message(DeviceChosen(alert.device))
        elif alert.place is not None:
            self.post_message(PlaceChosen(alert.place))


def device_rows(state: HomeState, *, now_ms: int) -> list[Row]:
    """Areas as headings, a line for each device."""
    rows = []
    names = [device.name for device in state.devices.values()]
    for area, devices in in_order(state):
        rows.append(heading(f"area {area}", plain(area)))
        for device in devices:
            name = warned_name(device.name, did=device.did, others=names)
            rows.append(
                Row(key=device.did, line=partial(_device_line, device, name, state, now_ms))
            )
    return rows


def _device_line(
    device: DeviceView, name: str, state: HomeState, now_ms: int, width: int
) -> Content:
    said = summary(device)
    name_cells = NAME_CELLS if width < 90 else NAME_CELLS + 10
    details = "  ".join(said.details)
    under_way = [act for act in state.acts_on(device.did)[:3] if act.open]
    if under_way:
        act = under_way[0]
        details = f"… {asked(act.action, act.arguments)}: {LIFE_WORDS[act.life]}"
    elif device.last_seen_ms is None:
        details = "never spoke"
    seen = ""
    if device.last_seen_ms is not None:
        seen = short_moment(device.last_seen_ms, state.zone, now_ms=now_ms)
    seen_cells = 7
    room = max(0, width - name_cells - STATE_CELLS - seen_cells - 4)
    return styled(
        (said.mark, said.style),
        " ",
        fitted(name, name_cells),
        " ",
        (fitted(said.state, STATE_CELLS), said.style),
        " ",
        fitted(details, room),
        (f"{seen:>{seen_cells}}", "$foreground-muted"),
    )


def _alert_line(alert: Alert, width: int) -> Content:
    return styled(("! ", "bold $text-error"), (fitted(alert.words, width - 2).rstrip(), "bold"))
