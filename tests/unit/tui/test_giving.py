from msgspec.structs import replace

from homechain.api.schema.home import GrantStatus
from homechain.model.records import Authorization
from homechain_tui.giving import (
    AREA_PREFIX,
    EVERYTHING,
    action_presets,
    allowance_words,
    authorization,
    devices_of,
    grant_sentence,
    grant_words,
    spans,
)
from homechain_tui.times import full
from tests.fakes.dashboard_home import NOON_MS
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.test_fold import known


def test_places_of_the_wizard_mean_devices() -> None:
    home = lived_in_home()
    state = known(home)
    found = devices_of([f"{AREA_PREFIX}Hall", home.bath], state)
    assert {device.did for device in found} == {home.front, home.hall_camera, home.bath}


def test_presets_fit_the_devices() -> None:
    home = lived_in_home()
    lock, camera = home.devices[home.front], home.devices[home.hall_camera]
    assert [preset.name for preset in action_presets([lock])] == [
        "doors",
        "doors-open",
        EVERYTHING,
    ]
    both = action_presets([lock, camera])
    assert both[-1].actions == (
        "lock",
        "set_auto_relock",
        "set_privacy",
        "still",
        "unlatch",
        "unlock",
    )


def test_the_presets_of_time_end_at_the_homes_midnights() -> None:
    ends = {
        span.name: full(span.exp_s * 1000, "Europe/Berlin")
        for span in spans(NOON_MS, "Europe/Berlin")
    }
    assert ends == {
        "today": "Sat 13 Jun 2026 00:00:00",
        "week": "Mon 15 Jun 2026 00:00:00",
        "hours": "Fri 12 Jun 2026 16:02:00",
    }


def test_what_is_signed_names_devices_and_areas_apart() -> None:
    entry = authorization([f"{AREA_PREFIX}Hall", "did:x"], ["lock"])
    assert (entry.devices, entry.areas, entry.actions) == (["did:x"], ["Hall"], ["lock"])


def test_the_sentence_says_who_what_and_until_when() -> None:
    home = lived_in_home()
    entry = authorization([home.front, home.garden], ["lock", "unlock"])
    today = spans(NOON_MS, "Europe/Berlin")[0]
    assert grant_sentence("Maria", [entry], today, known(home)) == (
        "Maria may lock and unlock Front door and Garden door, "
        "from Fri 12 Jun 2026 14:02:00 until Sat 13 Jun 2026 00:00:00."
    )


def test_areas_and_empty_grants_are_said_truly() -> None:
    state = known(lived_in_home())
    hall = Authorization(areas=["Hall"], actions=["set_mode"])
    assert allowance_words(hall, state) == "set mode everything in Hall that can do so"
    assert allowance_words(Authorization(actions=["lock"]), state) == "lock nothing"


def test_a_grant_is_told_with_its_status() -> None:
    home = lived_in_home()
    state = known(home)
    grant = home.grants["cleaner-friday"]
    assert grant_words(grant, state) == (
        "✓",
        "until Sat 13 Jun 2026 00:02",
        "lock and unlock Front door",
    )
    told = {status: grant_words(replace(grant, status=status), state)[:2] for status in GrantStatus}
    assert told[GrantStatus.REVOKED] == ("✗", "revoked")
    assert told[GrantStatus.WAITING] == ("…", "from Fri 12 Jun 2026 10:02")
    assert told[GrantStatus.EXPIRED] == ("–", "ended Sat 13 Jun 2026 00:02")
