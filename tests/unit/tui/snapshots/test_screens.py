"""How the places look: `pytest tests/unit/tui/snapshots --snapshot-update`, then look at them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from homechain_devices.lock.description import describe as describe_lock
from homechain_tui.app import Dashboard
from tests.fakes.dashboard_client import client_of
from tests.fakes.dashboard_home import DashboardHome
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.driving import Driver

pytestmark = pytest.mark.slow
Compare = Callable[..., bool]
SMALL, LARGE = (80, 24), (120, 40)


@pytest.fixture
def looks_the_same(snap_compare: Compare) -> Callable[..., bool]:
    def compare(
        home: DashboardHome,
        *keys: str,
        size: tuple[int, int] = SMALL,
        then: Callable[[], object] = lambda: None,
    ) -> bool:
        client = client_of(home)
        app = Dashboard(client, now_ms=lambda: home.now_ms)
        app.animation_level = "none"

        async def before(pilot: Pilot[Any]) -> None:
            driver = Driver(app, pilot, client)
            await driver.settle()
            await driver.press(*keys)
            then()
            await driver.settle()

        run_before: Callable[[Pilot[Any]], Awaitable[None]] = before
        return snap_compare(app, terminal_size=size, run_before=run_before)

    return compare


def busy_home() -> DashboardHome:
    home = lived_in_home()
    home.linked = 2
    home.event(home.garden, ("battery", 14))
    home.request_device(21, describe_lock(title="Shed lock"), digits="402917")
    home.request_hub(30, "shed")
    return home


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("home", ()),
        ("lock", ("enter", "u", "y")),
        ("thermostat", ("down", "down", "down", "down", "enter")),
        ("access", ("3",)),
        ("requests", ("4",)),
        ("mesh", ("5", "down")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_place(
    looks_the_same: Compare, place: str, keys: Sequence[str], size: tuple[int, int]
) -> None:
    assert looks_the_same(busy_home(), *keys, size=size)


def test_record(looks_the_same: Compare) -> None:
    assert looks_the_same(lived_in_home(), "tab", "down", "down", "down", "enter")


def test_question(looks_the_same: Compare) -> None:
    assert looks_the_same(lived_in_home(), "3", "g", "space", "enter", "enter", "enter")


def test_lost_connection(looks_the_same: Compare) -> None:
    home = lived_in_home()
    assert looks_the_same(home, then=home.lose)
