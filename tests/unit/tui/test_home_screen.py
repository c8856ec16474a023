from msgspec.structs import replace

from homechain.model.records import OutcomeResult
from tests.fakes.dashboard_client import problem
from tests.fakes.dashboard_home import NOON_MS
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.driving import driven


async def test_unlocking_asks_first_and_then_shows_what_the_lock_says() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("u")
        assert dashboard.place == "Confirm"
        assert not home.said("bolt", "unlocked", since_ms=NOON_MS)
        await dashboard.press("y")
        assert dashboard.place == "HomeScreen"
        assert "unlocked" in dashboard.lines("#devices")[1]
        assert "✓ Anna unlocked Front door" in dashboard.lines("#feed")[0]


async def test_enter_and_escape_do_not_unlock() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("u", "enter")
        assert dashboard.place == "Confirm"
        await dashboard.press("escape")
        assert dashboard.place == "HomeScreen"
        await dashboard.press("u", "n")
        assert not home.said("bolt", "unlocked", since_ms=NOON_MS)


async def test_a_wish_is_never_painted_as_a_fact() -> None:
    home = lived_in_home()
    home.device_answers = False
    async with driven(home) as dashboard:
        await dashboard.press("u", "y")
        row = dashboard.lines("#devices")[1]
        assert "locked" in row
        assert "unlocked" not in row
        assert "… unlock: delivered" in row
        (command_id,) = [act.id for act in dashboard.app.session.state.acts.values() if act.open]
        home.answer(command_id, result=OutcomeResult.FAILED, reason="the bolt is jammed")
        await dashboard.settle()
        assert "could not: unlock (asked by Anna): the bolt is jammed" in "\n".join(
            line.replace("\n         ", " ") for line in dashboard.lines("#feed")
        )


async def test_locking_needs_no_question() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("l")
        assert home.said("bolt", "locked", since_ms=NOON_MS)


async def test_a_refused_command_is_said_in_a_sentence() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        dashboard.client.refusals.append(problem("busy", "Busy", "Try again in a minute."))
        await dashboard.press("l")
        assert dashboard.notes() == ["Front door: lock: Busy: Try again in a minute."]


async def test_a_guest_is_offered_only_what_they_may() -> None:
    home = lived_in_home()
    home.devices[home.garden] = replace(home.devices[home.garden], my_actions=[])
    async with driven(home, person=home.maria) as dashboard:
        assert {"l", "u"} <= set(dashboard.app.active_bindings)
        await dashboard.press("down", "down", "u")
        assert dashboard.place == "HomeScreen"


async def test_the_header_says_what_the_home_survives_and_how_far_it_is_final() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        header = str(dashboard.app.screen.query_one("StatusLines").render())
        assert "safe with 0 lying hubs, keeps going with 1 down" in header
        assert f"leader kitchen · final to #{home.chain.height}" in header
        assert "● live via kitchen" in header
        assert "verified" not in header


async def test_a_lost_connection_is_plain_to_see_and_ends_by_itself() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        home.lose()
        await dashboard.settle()
        header = dashboard.app.screen.query_one("StatusLines")
        assert "NO HUB ANSWERS" in str(header.render())
        assert "as it was at 14:02" in str(header.render())
        assert header.has_class("-lost")
        home.come_back()
        await dashboard.settle()
        assert not header.has_class("-lost")


async def test_a_person_whom_the_hub_refuses_is_told_what_to_do() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        home.tell(problem("forbidden", "Not of this home", "Ask an owner.", status=403))
        await dashboard.settle()
        header = str(dashboard.app.screen.query_one("StatusLines").render())
        assert "NOT LET IN" in header
        assert "Not of this home: Ask an owner." in header
        await dashboard.press("ctrl+r")
        assert dashboard.app.session.state.connection.live


async def test_alerts_stand_on_top_and_lead_to_their_place() -> None:
    home = lived_in_home()
    home.request_hub(30, "shed")
    async with driven(home) as dashboard:
        assert dashboard.lines("#alerts") == ["! 1 newcomer waits for approval. Press 4."]
        dashboard.app.screen.query_one("#alerts").focus()
        await dashboard.settle()
        await dashboard.press("enter")
        assert dashboard.place == "RequestsScreen"


async def test_a_line_of_the_feed_opens_its_record() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("tab", "down", "down", "down", "enter")
        assert dashboard.place == "RecordScreen"
        assert dashboard.text("#sentence") == "✓ Maria unlocked Front door (grant from Anna)"
        assert "decision  allowed (granted)" in dashboard.text("#facts")
        assert dashboard.text("#checks").count("✓") == 4
        assert '"action": "unlock"' in dashboard.text("#payload")
        await dashboard.press("escape")
        assert dashboard.place == "HomeScreen"


async def test_a_record_that_cannot_be_read_says_why() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        home.unreachable = True
        await dashboard.press("tab", "enter")
        assert dashboard.text("#sentence").startswith("! No hub answers.")


async def test_places_are_one_key_away() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        seen = []
        for key in "54321":
            await dashboard.press(key)
            seen.append(dashboard.place)
        assert seen == [
            "MeshScreen",
            "RequestsScreen",
            "AccessScreen",
            "DeviceScreen",
            "HomeScreen",
        ]


async def test_places_can_be_clicked() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.pilot.click("PlaceBar", offset=(24, 0))
        await dashboard.settle()
        assert dashboard.place == "AccessScreen"


async def test_help_is_one_key_away() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("question_mark")
        assert "by hand or unknown" in dashboard.text(".question")
        await dashboard.press("escape")
        assert dashboard.place == "HomeScreen"


async def test_the_palette_locks_all_doors_and_opens_devices() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        dashboard.app.lock_all_doors()
        await dashboard.settle()
        assert len(home.said("bolt", "locked", since_ms=NOON_MS)) == 2
        dashboard.app.show_my_key()
        await dashboard.settle()
        assert home.anna in dashboard.text(".question")
        await dashboard.press("escape", "ctrl+r")
        assert dashboard.notes() == ["Everything was read again."]


async def test_a_home_that_cannot_be_read_again_says_so() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        home.unreachable = True
        await dashboard.press("ctrl+r")
        assert dashboard.notes()[0].startswith("No hub answers.")
