"""The two lines on top of every place, and the line of places."""

from typing import Final

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from homechain_tui.messages import PlaceChosen
from homechain_tui.plain_text import fitted, plain, styled
from homechain_tui.state import HomeState
from homechain_tui.summaries import waiting_requests
from homechain_tui.times import clock

PLACES: Final = (
    ("home", "Home"),
    ("device", "Device"),
    ("access", "Access"),
    ("requests", "Requests"),
    ("mesh", "Mesh"),
)
"""Name and title of each place; its number is its key."""


class StatusLines(Widget):
    """Which home, whether it is live, what it survives, how far it is final."""

    DEFAULT_CSS = """
    StatusLines { height: 2; background: $panel; padding: 0 1; }
    StatusLines.-lost { background: $error; color: $text; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._state = HomeState()

    def show(self, state: HomeState) -> None:
        """Show that state."""
        self._state = state
        looking = state.home is None and not state.connection.reason
        self.set_class(not state.connection.live and not looking, "-lost")
        self.refresh()

    def render(self) -> Content:
        """Two lines of the widget's width."""
        state, width = self._state, self.size.width
        first = _sides(_title(state), connection_words(state), width)
        second = _sides(*_second_line(state), width)
        return styled((first, "bold"), "\n", second)


class PlaceBar(Widget):
    """The places and their keys."""

    DEFAULT_CSS = "PlaceBar { height: 1; background: $surface; padding: 0 1; }"

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place
        self._waiting = 0

    def show(self, state: HomeState) -> None:
        """Show how many requests wait."""
        self._waiting = waiting_requests(state)
        self.refresh()

    def render(self) -> Content:
        """One line."""
        parts: list[str | tuple[str, str]] = []
        for name, words in self._labels():
            parts.append((words, "reverse bold" if name == self._place else "$foreground-muted"))
            parts.append(" ")
        return styled(*parts)

    def on_click(self, event: events.Click) -> None:
        """Go to the place that was clicked."""
        left = self.content_region.x - self.region.x
        for name, words in self._labels():
            if left <= event.x < left + len(words):
                self.post_message(PlaceChosen(name))
            left += len(words) + 1

    def _labels(self) -> list[tuple[str, str]]:
        labels = []
        for number, (name, title) in enumerate(PLACES, start=1):
            waiting = f" ({self._waiting})" if name == "requests" and self._waiting else ""
            labels.append((name, f" {number} {title}{waiting} "))
        return labels


def connection_words(state: HomeState) -> str:
    """`● live via kitchen`, or what is wrong."""
    connection = state.connection
    if connection.refused:
        return "✗ NOT LET IN"
    if not connection.live:
        if connection.reason:
            return f"✗ NO HUB ANSWERS, trying again ({connection.attempts})"
        return "… looking for a hub"
    hub = f" via {plain(state.home.hub_name, limit=24)}" if state.home else ""
    return f"● live{hub}"


def _title(state: HomeState) -> str:
    if state.home is None:
        return "homechain"
    me = state.home.me
    return f"{plain(state.home.name, limit=40)} · {plain(me.name, limit=24)}, {me.role}"


def _second_line(state: HomeState) -> tuple[str, str]:
    if state.home is None:
        return state.connection.reason and plain(state.connection.reason), ""
    if state.connection.refused:
        return plain(state.connection.reason), ""
    final = f"final to #{state.height}"
    if not state.connection.live:
        heard_ms = state.connection.heard_ms
        since = f" as it was at {clock(heard_ms, state.zone)}" if heard_ms is not None else " old"
        return f"What you see is{since}. It goes on by itself.", final
    return plain(state.home.quorum.words), f"{_leader(state)}{final}"


def _leader(state: HomeState) -> str:
    if state.mesh is None:
        return ""
    leaders = [hub for hub in state.mesh.hubs if hub.leader]
    return f"leader {plain(leaders[0].name, limit=16)} · " if leaders else "no leader · "


def _sides(left: str, right: str, width: int) -> str:
    room = width - cell_len(right) - 1
    return fitted(left, room) + " " + right if room > 0 else fitted(right, width)
