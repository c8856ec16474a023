import pytest
from textual.widgets import Input, Static

from homechain.api.schema.commands import CommandLife
from homechain.crypto.hashing import sha256
from homechain.model.ids import digest_text
from homechain.model.records import Affordance, DeviceKind, OutcomeResult, Thing
from homechain_tui.widgets.day_plot import DayPlot
from homechain_tui.widgets.still import Still
from tests.fakes.dashboard_home import NOON_MS, DashboardHome
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.driving import Driver, driven


async def open_device(dashboard: Driver, did: str) -> None:
    await dashboard.app.open_device(did)
    await dashboard.settle()


def asked(home: DashboardHome) -> list[tuple[str, dict[str, object]]]:
    return [
        (command.action, command.arguments)
        for command in home.commands.values()
        if command.person == home.anna
    ]


async def test_a_command_shows_its_true_life() -> None:
    home = lived_in_home()
    home.device_answers = False
    async with driven(home) as dashboard:
        await dashboard.press("enter")
        assert "You have asked nothing" in dashboard.text("#life")
        await dashboard.press("u", "y")
        life = dashboard.text("#life")
        assert life == "You asked: unlock  ✓ requested  ✓ allowed  ✓ delivered  … done"
        assert "locked" in dashboard.text("#now").split("\n")[0]
        (command,) = [c for c in home.commands.values() if c.life is CommandLife.DELIVERED]
        home.answer(command.id)
        await dashboard.settle()
        assert dashboard.text("#life").endswith("✓ done")
        assert "unlocked" in dashboard.text("#now").split("\n")[0]


async def test_a_refusing_device_is_quoted() -> None:
    home = lived_in_home()
    home.device_answers = False
    async with driven(home) as dashboard:
        await open_device(dashboard, home.garden)
        await dashboard.press("l")
        (command,) = [c for c in home.commands.values() if c.life is CommandLife.DELIVERED]
        home.answer(command.id, result=OutcomeResult.REFUSED, reason="came too late")
        await dashboard.settle()
        assert dashboard.text("#life").endswith("✗ refused: came too late")


async def test_who_may_and_the_history_of_a_lock_are_shown() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("enter")
        side = " ".join(line.replace("\n ", "") for line in dashboard.lines("#who-side"))
        assert "Maria, guest: lock, unlock (grant from Anna)" in side
        assert "Maria unlocked Front door" in dashboard.lines("#past")[1]
        await dashboard.press("w")
        assert "Maria, guest" in dashboard.lines("#past")[2]
        await dashboard.press("w", "enter")
        assert dashboard.place == "RecordScreen"


async def test_the_setpoint_gathers_presses_into_one_last_wish() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await open_device(dashboard, home.living)
        await dashboard.pilot.press("plus", "plus", "plus")
        await dashboard.settle()
        wishes = [arguments["setpoint"] for action, arguments in asked(home)]
        assert wishes[-1] == 22.5
        await dashboard.press("minus")
        assert asked(home)[-1] == ("set_setpoint", {"setpoint": 22.0})
        assert "22.0 °C" in dashboard.text("#now")


async def test_the_day_is_plotted_up_to_now() -> None:
    home = lived_in_home()
    async with driven(home, size=(120, 40)) as dashboard:
        await open_device(dashboard, home.living)
        plot = dashboard.app.screen.query_one(DayPlot)
        assert plot.display
        drawn = str(plot.render())
        assert "14:02" in drawn
        assert any("\u2800" < character <= "\u28ff" for character in drawn)


@pytest.mark.slow
async def test_modes_and_holds_are_chosen_from_lists() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await open_device(dashboard, home.living)
        await dashboard.press("m")
        assert dashboard.place == "ActionForm"
        dashboard.app.screen.query_one("#send").focus()
        await dashboard.settle()
        await dashboard.press("enter")
        assert asked(home)[-1] == ("set_mode", {"mode": "heat"})
        await dashboard.press("h", "down", "enter")
        assert asked(home)[-1] == ("set_hold", {"setpoint": 21.0, "for_hours": 2.0})
        await dashboard.press("h", "end", "enter")
        assert asked(home)[-1] == ("set_hold", {"setpoint": 21.0, "for_good": True})
        await dashboard.press("r")
        assert asked(home)[-1] == ("resume", {})


@pytest.mark.slow
async def test_every_action_of_a_device_can_be_reached() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await open_device(dashboard, home.front)
        await dashboard.press("a", "down", "enter")
        assert dashboard.place == "ActionForm"
        field = dashboard.app.screen.query_one(Input)
        assert field.value == "30"
        field.value = "forever"
        await dashboard.press("enter")
        assert "a whole number from 0 to 3600" in dashboard.text(".trouble")
        field.value = "120"
        await dashboard.press("enter")
        assert asked(home)[-1] == ("set_auto_relock", {"seconds": 120})
        await dashboard.press("a", "enter")
        assert asked(home)[-1] == ("lock", {})
        await dashboard.press("a", "end", "enter")
        assert dashboard.place == "Confirm"


async def test_privacy_is_switched_to_what_it_is_not() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await open_device(dashboard, home.hall_camera)
        await dashboard.press("p")
        assert asked(home)[-1] == ("set_privacy", {"on": True})
        await dashboard.press("p")
        assert asked(home)[-1] == ("set_privacy", {"on": False})


# textual-image asks Pillow for pixels in a way that Pillow 14 will not know any more.
@pytest.mark.filterwarnings("ignore:Image.Image.getdata:DeprecationWarning")
async def test_a_picture_is_taken_and_shown_if_it_is_the_one_of_the_ledger() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await open_device(dashboard, home.hall_camera)
        still = dashboard.app.screen.query_one(Still)
        assert "No picture yet" in str(still.query_one("#caption", Static).visual)
        await dashboard.press("s")
        assert still.query_one("#picture").has_class("-shown")
        assert "taken 14:02" in str(still.query_one("#caption", Static).visual)


async def test_another_picture_than_the_ledgers_is_not_shown() -> None:
    home = lived_in_home()
    digest = digest_text(sha256(b"what the camera took"))
    home.media[digest] = b"what the hub made of it"
    home.event(home.hall_camera, ("last_still", digest))
    async with driven(home) as dashboard:
        await open_device(dashboard, home.hall_camera)
        caption = str(dashboard.app.screen.query_one("#caption", Static).visual)
        assert "another picture than the ledger names" in caption
        home.event(home.hall_camera, ("last_still", digest_text(sha256(b"lost"))))
        await dashboard.settle()
        caption = str(dashboard.app.screen.query_one("#caption", Static).visual)
        assert "no such still" in caption


async def test_devices_of_other_kinds_show_what_they_are_and_can() -> None:
    home = lived_in_home()
    thing = Thing(
        title="Awning",
        at_type=DeviceKind.OTHER,
        properties={"open": Affordance(type="boolean")},
        actions={
            "retract": Affordance(title="Retract"),
            "tilt": Affordance(
                input={
                    "share": Affordance(type="number", minimum=0, maximum=1),
                    "slowly": Affordance(type="boolean"),
                    "side": Affordance(type="string", enum=["left", "right"]),
                    "note": Affordance(type="string"),
                }
            ),
        },
    )
    awning = home.add_device(40, thing, "Awning", "Garden")
    async with driven(home) as dashboard:
        await open_device(dashboard, awning)
        assert "It has not said anything yet." in dashboard.text("#now")
        await dashboard.press("a", "enter")
        assert asked(home)[-1] == ("retract", {})
        await dashboard.press("a", "down", "enter")
        dashboard.app.screen.query(Input).first().value = "0,5"
        dashboard.app.screen.query(Input).first().focus()
        await dashboard.settle()
        await dashboard.press("enter")
        assert asked(home)[-1] == ("tilt", {"share": 0.5, "slowly": False, "side": "left"})


async def test_buttons_do_what_their_keys_do() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await open_device(dashboard, home.front)
        await dashboard.pilot.click("Controls Button")
        await dashboard.settle()
        assert asked(home)[-1] == ("lock", {})


async def test_brackets_go_from_device_to_device() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("2")
        assert dashboard.text("#title").startswith("Front door")
        await dashboard.press("right_square_bracket")
        assert dashboard.text("#title").startswith("Hall camera")
        await dashboard.press("left_square_bracket", "left_square_bracket")
        assert dashboard.text("#title").startswith("Bath")


async def test_a_home_without_devices_says_so() -> None:
    home = lived_in_home()
    home.devices.clear()
    async with driven(home) as dashboard:
        assert "No devices yet" in dashboard.lines("#devices")[0]
        await dashboard.press("2", "l", "w")
        assert dashboard.text("#title") == "There is no device yet."
        assert asked(home) == []
        assert home.now_ms == NOON_MS
