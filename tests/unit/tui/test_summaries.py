from typing import Any

import pytest
from msgspec.structs import replace

from homechain.api.schema.devices import DeviceView, PropertyView
from homechain.model.records import Affordance, DeviceKind, Thing
from homechain_tui.fold import fold, with_snapshot
from homechain_tui.state import HomeState
from homechain_tui.summaries import (
    alerts,
    in_order,
    shown_value,
    summary,
    value_of,
    waiting_requests,
)
from tests.fakes.dashboard_home import NOON_MS, DashboardHome
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.test_fold import event, known, snapshot_of


def with_values(device: DeviceView, **values: Any) -> DeviceView:
    properties = {
        name: PropertyView(name=name, value=value, at_ms=NOON_MS, height=900)
        for name, value in values.items()
    }
    return replace(device, properties={**device.properties, **properties})


def said(home: DashboardHome, did: str, **values: Any) -> tuple[str, str]:
    line = summary(with_values(home.devices[did], **values))
    return line.mark, " ".join((line.state, *line.details))


def test_locks_come_first_and_areas_with_locks_too() -> None:
    areas = in_order(known(lived_in_home()))
    assert [area for area, _ in areas] == ["Hall", "Kitchen", "Garden", "Living room", "Upstairs"]
    assert [device.kind for device in areas[0][1]] == [DeviceKind.LOCK, DeviceKind.CAMERA]


def test_retired_devices_are_not_shown() -> None:
    home = lived_in_home()
    home.devices[home.front] = replace(home.devices[home.front], retired=True)
    shown = [device.did for _, devices in in_order(known(home)) for device in devices]
    assert home.front not in shown


def test_each_kind_is_summed_up_by_a_mark_and_words() -> None:
    home = lived_in_home()
    assert said(home, home.front) == ("■", "locked door closed 87 %")
    assert said(home, home.front, bolt="unlocked")[0] == "□"
    assert said(home, home.front, bolt="jammed")[0] == "!"
    assert said(home, home.front, bolt=["odd"])[0] == "?"
    assert said(home, home.hall_camera) == ("◉", "all still")
    assert said(home, home.hall_camera, motion=True) == ("◆", "motion")
    assert said(home, home.hall_camera, privacy=True) == ("–", "private")
    assert said(home, home.living) == ("▲", "20.8 °C heating set to 21.0 °C heat")
    assert said(home, home.living, hold="until")[1].endswith("on hold")
    assert said(home, home.living, temperature="hot")[0] == "?"


def test_a_device_that_never_spoke_is_unknown_and_not_closed() -> None:
    home = lived_in_home()
    for did, state in ((home.front, "unknown"), (home.hall_camera, "unknown")):
        assert summary(replace(home.devices[did], properties={})).state == state
    empty = replace(home.devices[home.living], properties={})
    assert summary(empty).state == "unknown"
    assert value_of(empty, "temperature") is None


def test_devices_of_other_kinds_still_work() -> None:
    home = lived_in_home()
    thing = Thing(
        title="Awning",
        at_type=DeviceKind.OTHER,
        properties={"wind_speed": Affordance(type="number", unit="m/s")},
    )
    awning = home.devices[home.add_device(40, thing, "Awning", "Garden")]
    assert summary(awning).state == "never spoke"
    assert summary(with_values(awning, wind_speed=3.25)).state == "wind speed 3.2"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(None, "", "unknown"), (True, "", "yes"), (21.0, "°C", "21.0 °C"), (87, "%", "87 %")],
)
def test_values_are_shown_for_people(value: Any, unit: str, words: str) -> None:
    assert shown_value(value, unit=unit) == words


def told(state: HomeState) -> list[str]:
    return [alert.words for alert in alerts(state)]


def test_a_quiet_home_has_no_alerts() -> None:
    assert told(known(lived_in_home())) == []
    assert told(HomeState()) == []


def test_a_jam_and_an_empty_battery_are_alerts() -> None:
    home = lived_in_home()
    home.devices[home.front] = with_values(home.devices[home.front], bolt="jammed", battery=12)
    words = told(known(home))
    assert words == ["Front door: the bolt is jammed", "Front door: battery at 12 %"]


def test_a_break_in_is_an_alert_until_the_door_is_closed() -> None:
    home = lived_in_home()
    home.devices[home.front] = with_values(home.devices[home.front], door="open")
    state = fold(known(home), event(home, 1, ("forced", True)), now_ms=NOON_MS)
    assert told(state) == ["Front door: the door was forced open (14:02)"]
    closed = with_values(home.devices[home.front], door="closed")
    state = replace(state, devices={**state.devices, home.front: closed})
    assert told(state) == []


def test_silent_hubs_are_alerts_and_no_quorum_is_the_worst() -> None:
    home = lived_in_home()
    home.linked = 2
    assert told(known(home)) == ["1 hub does not answer; the home goes on. Press 5 for the hubs."]
    home.linked = 1
    home.devices[home.front] = with_values(home.devices[home.front], bolt="jammed")
    assert told(known(home))[0].startswith("Too few hubs")


def test_who_waits_for_approval_is_an_alert() -> None:
    home = lived_in_home()
    home.request_hub(30, "shed")
    state = known(home)
    assert told(state) == ["1 newcomer waits for approval. Press 4."]
    home.request_hub(31, "barn")
    assert told(known(home)) == ["2 newcomers wait for approval. Press 4."]
    # A guest may not see the requests, only how many there are.
    blind = replace(snapshot_of(home), requests=None)
    assert waiting_requests(with_snapshot(HomeState(), blind)) == 2
    assert waiting_requests(HomeState()) == 0
