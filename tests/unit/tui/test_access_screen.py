import pytest
from textual.widgets import DataTable, Input

from homechain.api.schema.home import GrantStatus
from homechain.model.records import Role
from homechain_tui.times import full
from tests.fakes.dashboard_client import problem
from tests.fakes.dashboard_home import DashboardHome, key
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.driving import Driver, driven

BERLIN = "Europe/Berlin"


def matrix(dashboard: Driver) -> list[list[str]]:
    table = dashboard.app.screen.query_one("#matrix", DataTable)
    return [[str(cell).strip() for cell in table.get_row_at(row)] for row in range(table.row_count)]


def newest_grant(home: DashboardHome) -> tuple[str, list[str], list[str], list[str], str]:
    grant = list(home.grants.values())[-1]
    (entry,) = grant.authorization_details
    ends = full(grant.exp_s * 1000, BERLIN)
    return grant.person_name, entry.devices, entry.areas, entry.actions, ends


async def test_people_and_devices_are_one_table_guests_first() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3")
        assert matrix(dashboard) == [
            ["Maria, guest", "✓ 2", "–", "–", "–", "–", "–"],
            ["Ben, resident", *["✓ all"] * 6],
            ["Anna, owner", *["✓ all"] * 6],
        ]
        assert dashboard.lines("#grants") == [
            "✓ lock and unlock Front door · until Sat 13 Jun 2026 00:02 · from Anna"
        ]
        await dashboard.press("down")
        assert "resident: may use everything without one" in dashboard.text("#grants-title")


async def test_a_grant_is_taken_back_in_three_keys() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3", "x", "y")
        assert home.grants["cleaner-friday"].status is GrantStatus.REVOKED
        assert dashboard.notes() == [f"Revoked: final in block #{home.chain.height}."]
        assert dashboard.lines("#grants")[0].startswith("✗ lock and unlock Front door · revoked")
        assert matrix(dashboard)[0][1] == "–"
        await dashboard.press("x")
        assert dashboard.notes()[-1].startswith("There is no grant to revoke.")


async def test_a_revocation_that_was_refused_is_not_shown_as_done() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        dashboard.client.refusals.append(problem("busy", "Busy", "Try again."))
        await dashboard.press("3", "x", "y")
        assert dashboard.notes() == ["Busy: Try again."]
        assert dashboard.lines("#grants")[0].startswith("✓")


@pytest.mark.slow
async def test_a_grant_is_given_step_by_step_and_read_before_it_is_signed() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3", "g")
        assert dashboard.place == "ChooseMany"  # a guest is chosen already
        await dashboard.press("enter")
        assert "Mark at least one" in dashboard.text(".trouble")
        await dashboard.press("space", "down", "down", "down", "down", "space", "enter")
        await dashboard.press("enter", "enter")  # lock and unlock, today
        assert dashboard.text(".question") == (
            "Sign this?\n\nMaria may lock and unlock Garden door and everything in Hall that can "
            "do so, from Fri 12 Jun 2026 14:02:00 until Sat 13 Jun 2026 00:00:00."
        )
        assert len(home.grants) == 1
        await dashboard.press("y")
        assert newest_grant(home) == (
            "Maria",
            [home.garden],
            ["Hall"],
            ["lock", "unlock"],
            "Sat 13 Jun 2026 00:00:00",
        )
        assert dashboard.notes() == ["The grant is final."]
        assert len(dashboard.lines("#grants")) == 2


@pytest.mark.slow
async def test_escape_goes_one_step_back_and_signs_nothing() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3", "g", "space", "enter", "enter", "enter")
        assert dashboard.place == "Confirm"
        await dashboard.press("n")
        assert "4 of 4" in dashboard.text(".question")
        await dashboard.press("escape")
        assert "3 of 4" in dashboard.text(".question")
        await dashboard.press("escape")
        assert dashboard.lines("#choices")[0].startswith("[x] All of Hall")
        await dashboard.press("escape")
        assert dashboard.place == "AccessScreen"
        assert len(home.grants) == 1


@pytest.mark.slow
async def test_actions_one_by_one_and_times_of_ones_own() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3", "g", "space", "enter", "end", "enter")
        await dashboard.press("end", "space", "enter")  # unlock, the last of them
        await dashboard.press("end", "enter")
        field = dashboard.app.screen.query_one(Input)
        field.value = "whenever"
        await dashboard.press("enter")
        assert "Write it like now, 22:00" in dashboard.text(".trouble")
        field.value = "2026-06-13 09:00"
        await dashboard.press("enter")
        field = dashboard.app.screen.query_one(Input)
        field.value = "2026-06-12"
        await dashboard.press("enter")
        assert "end before it begins" in dashboard.text(".trouble")
        field.value = "2026-06-13"
        await dashboard.press("enter", "y")
        assert newest_grant(home)[2:] == (["Hall"], ["unlock"], "Sun 14 Jun 2026 00:00:00")


@pytest.mark.slow
async def test_somebody_new_is_taken_in_by_their_key_on_the_way() -> None:
    home = lived_in_home()
    otto = key(50)
    home.keys[otto.public.did] = otto
    async with driven(home) as dashboard:
        await dashboard.press("3", "down", "g")  # a resident is chosen, who needs no grant
        await dashboard.press("end", "enter")
        field = dashboard.app.screen.query_one(Input)
        field.value = "did:key:z6Mkwrong"
        await dashboard.press("enter")
        assert "no did:key" in dashboard.text(".trouble")
        field.value = f" {otto.public.did} "
        await dashboard.press("enter")
        await dashboard.type("Otto")
        await dashboard.press("enter")
        assert home.persons[otto.public.did].role is Role.GUEST
        await dashboard.press("space", "enter", "enter", "enter", "y")
        assert newest_grant(home)[0] == "Otto"


@pytest.mark.slow
async def test_a_person_is_taken_in_with_a_role() -> None:
    home = lived_in_home()
    did = key(51).public.did
    async with driven(home) as dashboard:
        await dashboard.press("3", "n")
        dashboard.app.screen.query_one(Input).value = did
        await dashboard.press("enter")
        field = dashboard.app.screen.query_one(Input)
        field.value = "\u202eevil"
        await dashboard.press("enter")
        assert "U+202E may not stand in a name" in dashboard.text(".trouble")
        field.value = "  Olga  "
        await dashboard.press("enter", "down", "enter")
        person = home.persons[did]
        assert (person.name, person.role) == ("Olga", Role.RESIDENT)
        assert dashboard.notes() == ["Olga belongs here now."]


async def test_only_owners_take_people_in() -> None:
    home = lived_in_home()
    async with driven(home, person=home.ben) as dashboard:
        await dashboard.press("3", "n")
        assert dashboard.place == "AccessScreen"
        assert dashboard.notes() == ["Only an owner takes people in. Ask one."]


@pytest.mark.slow
async def test_may_they_and_why() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3", "e", "down", "enter", "enter")
        answer = dashboard.text(".question")
        assert answer.startswith("✓ Yes\n\nMaria may unlock Front door: grant from Anna")
        await dashboard.press("enter", "e", "down", "enter")
        dashboard.app.screen.query_one(Input).value = "2026-06-13 03:00"
        await dashboard.press("enter")
        answer = dashboard.text(".question")
        assert answer.startswith("✗ No\n\nMaria may not unlock Front door: no grant covers it")
        assert answer.endswith("at Sat 13 Jun 2026 03:00:00")


async def test_a_cell_and_a_grant_open_to_their_reasons() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3", "enter")
        assert "✓ Maria may unlock Front door: grant from Anna" in dashboard.text(".question")
        await dashboard.press("escape", "tab", "enter")
        assert "given by Anna" in dashboard.text(".question")
        await dashboard.press("escape", "x")
        assert dashboard.place == "Confirm"


@pytest.mark.slow
async def test_one_of_several_grants_is_chosen_before_it_is_revoked() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("3", "g", "space", "enter", "enter", "enter", "y")
        await dashboard.press("x")
        assert dashboard.text(".question") == "Which grant?"
        await dashboard.press("end", "enter", "y")
        statuses = sorted(grant.status for grant in home.grants.values())
        assert statuses == [GrantStatus.ACTIVE, GrantStatus.REVOKED]
