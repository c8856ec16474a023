"""The command palette: every place, every device, and the few things worth a name."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from homechain_tui.plain_text import plain
from homechain_tui.summaries import in_order
from homechain_tui.widgets.status import PLACES

if TYPE_CHECKING:
    from homechain_tui.app import Dashboard


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the palette."""

    words: str
    """Cleaned; reaches the palette as content."""
    detail: str
    """Ours: the palette reads markup in it."""
    run: Callable[[], object]


class HomeCommands(Provider):
    """Commands of the home. Names reach the palette as content, never as markup."""

    async def discover(self) -> Hits:
        """What is offered before anything is typed."""
        for entry in self._entries():
            yield DiscoveryHit(Content(entry.words), entry.run, text=entry.words, help=entry.detail)

    async def search(self, query: str) -> Hits:
        """What fits the words that were typed."""
        matcher = self.matcher(query)
        for entry in self._entries():
            score = matcher.match(entry.words)
            if score > 0:
                yield Hit(
                    score, Content(entry.words), entry.run, text=entry.words, help=entry.detail
                )

    def _entries(self) -> Iterator[Entry]:
        dashboard: Dashboard = self.app  # type: ignore[assignment]  # offered by no other app
        for number, (name, title) in enumerate(PLACES, start=1):
            yield Entry(
                words=f"Go to {title}",
                detail=f"key {number}",
                run=partial(dashboard.action_place, name),
            )
        for _, devices in in_order(dashboard.session.state):
            for device in devices:
                yield Entry(
                    words=f"Open {plain(device.name)}, {plain(device.area)}",
                    detail=device.kind.value,
                    run=partial(dashboard.open_device, device.did),
                )
        yield Entry(
            words="Lock all doors",
            detail="every lock that you may lock",
            run=dashboard.lock_all_doors,
        )
        yield Entry(words="Show my key", detail="for who takes me in", run=dashboard.show_my_key)
        yield Entry(words="Read everything again", detail="ctrl+r", run=dashboard.action_reload)
        yield Entry(words="Help", detail="key ?", run=dashboard.action_help)
        yield Entry(words="Leave the dashboard", detail="key q", run=dashboard.exit)
