"""What the five places share: the status on top, the keys below, and the home between."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer

from homechain_tui.background import in_background
from homechain_tui.messages import PlaceChosen
from homechain_tui.plain_text import plain
from homechain_tui.sentences import asked
from homechain_tui.session import Answer, HomeSession, short_reason
from homechain_tui.state import HomeState
from homechain_tui.widgets.status import PlaceBar, StatusLines


class Place(Screen[None]):
    """A screen that follows the home's state while it is in sight."""

    PLACE: ClassVar[str]

    def __init__(self, session: HomeSession) -> None:
        super().__init__()
        self.session = session
        self._unsubscribe: Callable[[], None] | None = None
        self._redraw_asked = False

    @property
    def state(self) -> HomeState:
        """The home as it is known now."""
        return self.session.state

    def compose(self) -> ComposeResult:
        """Status, places, the place's own body, keys."""
        yield StatusLines()
        yield PlaceBar(self.PLACE)
        yield from self.compose_body()
        yield Footer(compact=True, show_command_palette=False)

    def compose_body(self) -> ComposeResult:
        """The widgets of this place."""
        raise NotImplementedError

    async def show_state(self) -> None:
        """Show `self.state`."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Begin to follow."""
        self._unsubscribe = self.session.subscribe(self._changed)
        self.call_later(self._redraw)

    def on_unmount(self) -> None:
        """Follow no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()

    def on_screen_resume(self) -> None:
        """Show what changed meanwhile."""
        self.call_later(self._redraw)

    def _changed(self) -> None:
        # Many changes come at once; one drawing is enough for them all.
        if self in self.app.screen_stack and not self._redraw_asked:
            self._redraw_asked = True
            self.call_later(self._redraw)

    async def _redraw(self) -> None:
        self._redraw_asked = False
        if not self.is_mounted:
            return
        self.query_one(StatusLines).show(self.state)
        self.query_one(PlaceBar).show(self.state)
        await self.show_state()
        self.refresh_bindings()

    # ------------------------------------------------------------------ doing

    def send_command(self, device: str, action: str, **arguments: Any) -> None:
        """Ask a device to act, in the background."""
        in_background(self, partial(self.ask_device, device, action, arguments))

    async def ask_device(self, device: str, action: str, arguments: dict[str, Any]) -> None:
        """Ask a device to act; only what went wrong is said here, the rest is in the feed."""
        answer = await self.session.command(device, action, arguments)
        if reason := short_reason(answer):
            name = plain(self.state.device_name(device))
            self.warn(f"{name}: {asked(action, arguments)}: {reason}")

    def tell_answer(self, answer: Answer, *, done: str) -> bool:
        """Say that it is done, or why not; whether it is."""
        reason = short_reason(answer)
        if reason:
            self.warn(reason)
        else:
            self.notify(done, markup=False)
        return not reason

    def warn(self, words: str) -> None:
        """Say what went wrong."""
        self.notify(words, title="Not done", severity="error", timeout=8, markup=False)

    def go_to(self, place: str) -> None:
        """Ask the app for another place."""
        self.post_message(PlaceChosen(place))
