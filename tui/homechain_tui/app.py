"""The dashboard's app: five places, and the ways between them."""

import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from homechain_tui.messages import DeviceChosen, PlaceChosen, RecordChosen
from homechain_tui.ports import HubCalls
from homechain_tui.screens.device import DeviceScreen
from homechain_tui.screens.home import HomeScreen
from homechain_tui.screens.record import RecordScreen
from homechain_tui.session import HomeSession
from homechain_tui.theme import DUSK
from homechain_tui.widgets.status import PLACES


def wall_ms() -> int:
    """Milliseconds since 1970 on this machine's clock."""
    return time.time_ns() // 1_000_000


class Dashboard(App[None]):
    """`Dashboard(client).run()`: the home in a terminal, for whoever holds the client's key."""

    TITLE = "homechain"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - typed by Textual
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"place('{name}')", title, show=False)
            for number, (name, title) in enumerate(PLACES, start=1)
        ),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, client: HubCalls, *, now_ms: Callable[[], int] = wall_ms) -> None:
        super().__init__()
        self.session = HomeSession(client, now_ms=now_ms)
        self._device_screen = DeviceScreen(self.session)
        self.add_mode("home", lambda: HomeScreen(self.session))
        self.add_mode("device", lambda: self._device_screen)

    async def on_mount(self) -> None:
        """Open the first place and follow the home."""
        self.register_theme(DUSK)
        self.theme = DUSK.name
        await self.switch_mode("home")
        self.run_worker(self.session.follow(), group="follow", exclusive=True)

    async def action_place(self, place: str) -> None:
        """Go to one of the places."""
        if place != self.current_mode:
            await self.switch_mode(place)

    async def on_place_chosen(self, message: PlaceChosen) -> None:
        """A widget wants another place."""
        await self.action_place(message.place)

    async def on_device_chosen(self, message: DeviceChosen) -> None:
        """A widget wants a device."""
        self._device_screen.open_device(message.did)
        await self.action_place("device")

    def on_record_chosen(self, message: RecordChosen) -> None:
        """A widget wants a record."""
        self.push_screen(RecordScreen(self.session, message.record_id))
