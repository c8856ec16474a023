"""The dashboard's app: five places, and the ways between them."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from homechain_tui.background import in_background
from homechain_tui.messages import DeviceChosen, PlaceChosen, RecordChosen
from homechain_tui.palette import HomeCommands
from homechain_tui.plain_text import styled
from homechain_tui.ports import HubCalls
from homechain_tui.screens.access import AccessScreen
from homechain_tui.screens.device import DeviceScreen
from homechain_tui.screens.dialog import Tell
from homechain_tui.screens.help import help_content
from homechain_tui.screens.home import HomeScreen
from homechain_tui.screens.mesh import MeshScreen
from homechain_tui.screens.record import RecordScreen
from homechain_tui.screens.requests import RequestsScreen
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
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {HomeCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"place('{name}')", title, show=False)
            for number, (name, title) in enumerate(PLACES, start=1)
        ),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("ctrl+p", "command_palette", "Commands", key_display="^p"),
        Binding("ctrl+r", "reload", "Read again", show=False),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, client: HubCalls, *, now_ms: Callable[[], int] = wall_ms) -> None:
        super().__init__()
        self.session = HomeSession(client, now_ms=now_ms)
        self._device_screen = DeviceScreen(self.session)
        places: dict[str, Callable[[], Screen[Any]]] = {
            "home": lambda: HomeScreen(self.session),
            "device": lambda: self._device_screen,
            "access": lambda: AccessScreen(self.session),
            "requests": lambda: RequestsScreen(self.session),
            "mesh": lambda: MeshScreen(self.session),
        }
        for name, screen in places.items():
            self.add_mode(name, screen)

    async def on_mount(self) -> None:
        """Open the first place and follow the home."""
        self.register_theme(DUSK)
        self.theme = DUSK.name
        await self.switch_mode("home")
        self._follow()

    def _follow(self) -> None:
        in_background(self, self.session.follow, replaces="follow")

    # ------------------------------------------------------------------ going

    async def action_place(self, place: str) -> None:
        """Go to one of the places."""
        if place != self.current_mode:
            await self.switch_mode(place)

    async def open_device(self, did: str) -> None:
        """Go to one device."""
        self._device_screen.open_device(did)
        await self.action_place("device")

    async def on_place_chosen(self, message: PlaceChosen) -> None:
        """A widget wants another place."""
        await self.action_place(message.place)

    async def on_device_chosen(self, message: DeviceChosen) -> None:
        """A widget wants a device."""
        await self.open_device(message.did)

    def on_record_chosen(self, message: RecordChosen) -> None:
        """A widget wants a record."""
        self.push_screen(RecordScreen(self.session, message.record_id))

    # ------------------------------------------------------------------ doing

    def action_help(self) -> None:
        """The keys."""
        self.push_screen(Tell(help_content()))

    def action_reload(self) -> None:
        """Read everything again, and ask to be let in again if the hub refused."""
        if self.session.state.connection.refused:
            self._follow()
        else:
            in_background(self, self._reload, replaces="reload")

    async def _reload(self) -> None:
        trouble = await self.session.refresh()
        if trouble:
            self.notify(trouble, title="Not done", severity="error", markup=False)
        else:
            self.notify("Everything was read again.", markup=False)

    def lock_all_doors(self) -> None:
        """Ask every lock that this person may lock."""
        for device in self.session.state.devices.values():
            if "lock" in device.my_actions and not device.retired:
                in_background(self, partial(self.session.command, device.did, "lock", {}))

    def show_my_key(self) -> None:
        """The key by which others take this person in or give them a grant."""
        words = "Your key: whoever takes you in needs it whole.\n\n"
        self.push_screen(Tell(styled(words, (self.session.client.did, "bold"))))
