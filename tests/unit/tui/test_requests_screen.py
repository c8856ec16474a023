import pytest
from textual.widgets import Button, Digits, Input

from homechain_devices.lock.description import describe as describe_lock
from tests.fakes.dashboard_client import problem
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.driving import driven


async def test_a_device_is_taken_in_after_its_digits_were_compared() -> None:
    home = lived_in_home()
    shed = home.request_device(21, describe_lock(title="Shed lock"), digits="402917")
    async with driven(home) as dashboard:
        await dashboard.press("4")
        assert dashboard.app.screen.query_one(Digits).value == "402 917"
        await dashboard.press("enter")
        assert dashboard.app.screen.query_one("#big", Digits).value == "402 917"
        assert dashboard.app.screen.query_one("#name", Input).value == "Shed lock"
        await dashboard.press("enter")
        await dashboard.type("Gar")
        await dashboard.press("right", "enter", "enter")  # the area's name was suggested
        assert home.devices[shed].name == "Shed lock"
        assert home.devices[shed].area == "Garden"
        assert dashboard.notes() == ["Shed lock is part of the home."]
        assert "Nothing waits" in dashboard.lines("#waiting")[0]


async def test_no_key_takes_a_device_in_by_accident() -> None:
    home = lived_in_home()
    shed = home.request_device(21, describe_lock(title="Shed lock"), digits="402917")
    async with driven(home) as dashboard:
        await dashboard.press("4", "enter", "escape")
        assert shed not in home.devices


async def test_a_device_without_digits_cannot_be_approved() -> None:
    home = lived_in_home()
    home.request_device(21, describe_lock(title="Shed lock"), digits=None)
    async with driven(home) as dashboard:
        await dashboard.press("4", "enter")
        assert dashboard.place == "RequestsScreen"
        assert "not shown its digits yet" in dashboard.notes()[0]
        assert "Waiting for the device" in dashboard.text("#words")


async def test_a_name_that_looks_like_anothers_is_not_accepted() -> None:
    home = lived_in_home()
    shed = home.request_device(21, describe_lock(title="Frоnt door"), digits="402917")
    async with driven(home) as dashboard:
        await dashboard.press("4")
        assert "looks like Front door" in dashboard.text("#words")
        await dashboard.press("enter", "enter")
        # A button that still shows how it was pressed takes no second press.
        dashboard.app.screen.query_one(Button).active_effect_duration = 0
        await dashboard.type("Hall")
        await dashboard.press("enter", "enter")
        assert "one that looks like it" in dashboard.text(".trouble")
        dashboard.app.screen.query_one("#name", Input).value = ""
        dashboard.app.screen.query_one("#agree").focus()
        await dashboard.settle()
        await dashboard.press("enter")
        assert "The name: a name is not blank." in dashboard.text(".trouble")
        assert shed not in home.devices


async def test_a_request_can_be_put_aside() -> None:
    home = lived_in_home()
    home.request_device(21, describe_lock(title="Not ours"), digits="402917")
    async with driven(home) as dashboard:
        await dashboard.press("4", "d")
        assert "Nothing waits" in dashboard.lines("#waiting")[0]


@pytest.mark.slow
async def test_a_hub_becomes_a_member_by_the_owners_word_only() -> None:
    home = lived_in_home()
    home.request_hub(30, "shed")
    async with driven(home, person=home.ben) as dashboard:
        await dashboard.press("4", "enter")
        assert dashboard.notes() == ["Only an owner decides about hubs. Ask one."]
    async with driven(home) as dashboard:
        await dashboard.press("4")
        assert "knew the code" in dashboard.text("#words")
        await dashboard.press("enter")
        assert dashboard.place == "Confirm"
        await dashboard.press("y")
        assert home.hub_requests == []
        assert dashboard.notes() == ["shed is a hub of this home."]


async def test_the_window_for_hubs_shows_its_code_and_closes_again() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("4", "w")
        assert "7-guitar-velvet" in dashboard.text(".question")
        assert "Open until 14:12." in dashboard.text(".question")
        await dashboard.press("escape")
        assert "Another hub may join until 14:12" in dashboard.text("#window")
        await dashboard.press("w")
        assert not home.pairing.open
        home.unreachable = True
        await dashboard.press("w")
        assert dashboard.notes()[-1].startswith("No hub answers.")


async def test_an_approval_that_was_refused_says_why() -> None:
    home = lived_in_home()
    home.request_device(21, describe_lock(title="Shed lock"), digits="402917")
    async with driven(home) as dashboard:
        dashboard.client.refusals.append(problem("not-allowed", "Not allowed", "Ask an owner."))
        await dashboard.press("4", "enter", "enter")
        await dashboard.type("Shed")
        await dashboard.press("enter", "enter")
        assert dashboard.notes() == ["Not allowed: Ask an owner."]
