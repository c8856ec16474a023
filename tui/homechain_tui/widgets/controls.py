"""What can be done with a device, for the mouse and for Tab; each has a key as well."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button

from homechain_tui.messages import ActionChosen
from homechain_tui.plain_text import styled


class Controls(Horizontal):
    """A line of small buttons. Posts `ActionChosen` with the screen's name of the action."""

    DEFAULT_CSS = """
    Controls { height: 1; padding: 0 1; }
    Controls Button { margin-right: 1; min-width: 4; background: $boost; }
    Controls Button:focus { text-style: bold reverse; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: Sequence[tuple[str, str, str]] = ()

    def compose(self) -> ComposeResult:
        """A button each."""
        for action, key, words in self._shown:
            label = styled((f" {key} ", "bold $accent"), f"{words} ")
            yield Button(label, name=action, compact=True)

    async def show(self, controls: Sequence[tuple[str, str, str]]) -> None:
        """Offer these: (action of the screen, key, words)."""
        if controls != self._shown:
            self._shown = controls
            await self.recompose()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(ActionChosen(event.button.name or ""))
