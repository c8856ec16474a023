"""A dashboard without a terminal, on a home in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from homechain_tui.app import Dashboard
from tests.fakes.dashboard_client import DashboardClient, client_of
from tests.fakes.dashboard_home import DashboardHome

ROUNDS = 3
TURNS = 40
"""Turns of the event loop in a round; after all rounds what follows from a key has happened."""


class Driver:
    """Presses keys, and reads what is on the screen."""

    def __init__(self, app: Dashboard, pilot: Pilot[None], client: DashboardClient) -> None:
        self.app = app
        self.pilot = pilot
        self.client = client

    async def settle(self) -> None:
        """Let every message and worker run, without waiting for time to pass."""
        for _ in range(ROUNDS):
            await self.pilot._wait_for_screen()
            for _ in range(TURNS):
                await asyncio.sleep(0)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        await self.pilot.press(*text)
        await self.settle()

    def text(self, selector: str) -> str:
        return str(self.app.screen.query_one(selector, Static).visual)

    def lines(self, selector: str) -> list[str]:
        options = self.app.screen.query_one(selector, OptionList).options
        return [str(option.prompt) for option in options]

    def notes(self) -> list[str]:
        return [note.message for note in self.app._notifications]

    @property
    def place(self) -> str:
        return type(self.app.screen).__name__


@asynccontextmanager
async def driven(
    home: DashboardHome, *, person: str | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Driver]:
    """The dashboard of that person on that home, after it read everything."""
    client = client_of(home, person)
    app = Dashboard(client, now_ms=lambda: home.now_ms)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot, client)
        await driver.settle()
        yield driver
