"""No name of a stranger reaches markup, on any screen (some of these once ran, crashed or hid)."""

import unicodedata

import pytest
from msgspec.structs import replace

from homechain.model.records import Affordance, DeviceKind, Role, Thing
from tests.fakes.dashboard_home import DashboardHome
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.driving import Driver, driven
from tests.unit.tui.test_plain_text import NAUGHTY

HOSTILE = (
    "[@click=app.quit]Kitchen[/]",
    "[/x]",
    "[bold red]",
    "[link=https://example.org]click",
    "\x1b]0;owned\x07\x1b[2J",
    "\u202egnikcik\u202c",
    "\\[/]",
    "$error",
    "%s{0}{name}",
)


def named_everywhere() -> DashboardHome:
    """Every hostile text in every part that a name can play."""
    home = lived_in_home()
    home.name = HOSTILE[0]
    home.hub_names = list(HOSTILE[:3])
    home.persons[home.maria] = replace(home.persons[home.maria], name=HOSTILE[1])
    home.grants["cleaner-friday"] = replace(
        home.grants["cleaner-friday"], giver_name=HOSTILE[0], person_name=HOSTILE[4]
    )
    for number, name in enumerate(HOSTILE):
        affordance = Affordance(title=name, unit=name[:16], type="string")
        thing = Thing(
            title=name,
            at_type=DeviceKind.OTHER,
            manufacturer=name,
            model=name,
            properties={"odd": affordance},
            actions={"do_it": Affordance(title=name, input={"odd": affordance})},
        )
        home.event(home.add_device(40 + number, thing, name, name), ("odd", name))
        home.event(home.front, ("bolt", name))
        home.add_person(60 + number, name, Role.GUEST)
        home.request_device(80 + number, thing, digits="123456")
        home.request_hub(200 + number, name)
    return home


def look(dashboard: Driver) -> str:
    """What the terminal is told to show; fails if it is told to do anything else."""
    strips = dashboard.app.screen._compositor.render_strips()
    text = "".join(strip.text for strip in strips)
    obeyed = [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
    assert obeyed == []
    return text


@pytest.mark.slow
async def test_every_screen_shows_hostile_names_as_words() -> None:
    home = named_everywhere()
    odd = [did for did, device in home.devices.items() if device.kind is DeviceKind.OTHER]
    async with driven(home, size=(110, 60)) as dashboard:
        assert "[@click=app.quit]Kitchen[/]" in look(dashboard)
        for did in odd:
            await dashboard.app.open_device(did)
            await dashboard.settle()
            look(dashboard)
        for keys in (
            ("a",),
            ("enter",),
            ("escape", "3"),
            ("e",),
            ("escape", "enter"),
            ("escape", "g"),
            ("space", "enter", "enter", "enter"),
            ("escape", "escape", "escape", "escape", "down", "x"),
            ("escape", "4"),
            ("enter",),
            ("escape", "end", "enter"),
            ("escape", "5"),
            ("r",),
            ("escape", "1", "tab", "enter"),
            ("escape", "ctrl+p"),
        ):
            await dashboard.press(*keys)
            look(dashboard)
        assert dashboard.app.is_running


@pytest.mark.slow
async def test_the_home_bears_every_naughty_string() -> None:
    home = lived_in_home()
    for number, name in enumerate(NAUGHTY):
        home.add_device(1_000 + number, Thing(title="x", at_type=DeviceKind.OTHER), name, "Hall")
    async with driven(home) as dashboard:
        assert len(dashboard.lines("#devices")) > len(NAUGHTY)
        for _ in range(20):
            look(dashboard)
            await dashboard.pilot.press("pagedown")
        await dashboard.press("enter")
        look(dashboard)


async def test_a_confusable_name_is_flagged_with_its_fingerprint() -> None:
    home = lived_in_home()
    thing = Thing(title="x", at_type=DeviceKind.LOCK)
    twin = home.add_device(50, thing, "Frоnt door", "Hall")
    async with driven(home, size=(120, 40)) as dashboard:
        await dashboard.app.open_device(twin)
        await dashboard.settle()
        title = dashboard.text("#title")
        assert f"looks like Front door; key …{twin[-8:]}" in title
