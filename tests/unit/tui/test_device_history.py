from homechain.api.schema.devices import DeviceHistory
from homechain.model.records import Role
from homechain_tui.device_history import past, who_may
from homechain_tui.fold import with_wish
from homechain_tui.state import HomeState
from tests.fakes.dashboard_client import client_of
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.test_fold import known, named, wish


def words(device: str, history: DeviceHistory | None, state: HomeState) -> list[str]:
    return [line.said.words for line in past(device, history, state)]


async def test_commands_and_happenings_are_one_story_newest_first() -> None:
    home = lived_in_home()
    history = await client_of(home).history(home.front)
    assert words(home.front, history, known(home)) == [
        "Front door was locked, by itself, by hand or unknown",
        "Maria unlocked Front door (grant from Anna)",
    ]


async def test_a_report_after_a_restart_is_no_story() -> None:
    home = lived_in_home()
    before = words(home.front, await client_of(home).history(home.front), known(home))
    home.event(home.front, ("bolt", "locked"), ("door", "closed"), ("battery", 86))
    assert words(home.front, await client_of(home).history(home.front), known(home)) == before


async def test_a_wish_that_the_hub_does_not_tell_yet_stands_on_top() -> None:
    home = lived_in_home()
    state = with_wish(known(home), wish(home))
    history = await client_of(home).history(home.front)
    lines = past(home.front, history, state)
    assert lines[0].record == named(1)
    assert words(home.front, None, state)[0].startswith("Anna asks Front door to unlock")


async def test_who_may_names_everybody_and_why() -> None:
    home = lived_in_home()
    home.add_person(9, "Otto", Role.GUEST)
    said = [sentence.words for _, sentence in who_may(await client_of(home).access(home.front))]
    assert said == [
        "Anna, owner: everything (owner of this home)",
        "Ben, resident: everything (resident of this home)",
        "Maria, guest: lock, unlock (grant from Anna)",
        "Otto, guest: nothing",
    ]
