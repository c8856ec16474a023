from typing import Any

import pytest
from msgspec.structs import replace

from homechain.api.schema.commands import CommandLife, DecisionView
from homechain.api.schema.records import RecordView
from homechain_tui.fold import with_snapshot
from homechain_tui.sentences import (
    ALARM,
    BY_HAND,
    CHANGE,
    DENIED,
    DONE,
    WAITING,
    life_steps,
    of_act,
    of_happening,
    of_record,
    sentence,
)
from homechain_tui.state import Act, ActEntry, HappeningEntry, HomeState
from tests.fakes.dashboard_home import NOON_MS, DashboardHome
from tests.fakes.dashboard_morning import lived_in_home
from tests.unit.tui.test_fold import named, snapshot_of


@pytest.fixture(scope="module")
def home() -> DashboardHome:
    return lived_in_home()


@pytest.fixture(scope="module")
def state(home: DashboardHome) -> HomeState:
    return with_snapshot(HomeState(), snapshot_of(home))


def act(home: DashboardHome, **changes: Any) -> Act:
    made = Act(
        id=named(1),
        device=home.front,
        person=home.maria,
        action="unlock",
        at_ms=NOON_MS,
        life=CommandLife.DONE,
        decision=DecisionView(
            allowed=True, code="granted", reason="may: grant", grant="cleaner-friday"
        ),
    )
    return replace(made, **changes)


def test_the_feed_tells_the_morning(state: HomeState) -> None:
    told = [f"{said.mark} {said.words}" for said in (sentence(e, state) for e in state.feed)]
    assert told == [
        "· Yard camera sees something move",
        "✗ Denied: Maria may not still Hall camera: no grant covers it",
        "? Front door was locked, by itself, by hand or unknown",
        "✓ Maria unlocked Front door (grant from Anna)",
        "· Anna gave Maria a grant",
        "· Anna added the hub cellar",
        "· Anna added the hub attic",
        "· Anna added the hub kitchen",
    ]


@pytest.mark.parametrize(
    ("action", "arguments", "words"),
    [
        ("lock", {}, "locked Front door"),
        ("unlatch", {}, "opened Front door"),
        ("still", {}, "took a picture with Front door"),
        ("set_setpoint", {"setpoint": 21.5}, "set Front door to 21.5 °C"),
        ("set_mode", {"mode": "heat"}, "switched Front door to heat"),
        ("set_privacy", {"on": True}, "switched privacy of Front door on"),
        ("set_auto_relock", {"seconds": 30}, "made Front door lock after 30 s"),
        ("set_auto_relock", {"seconds": 0}, "made Front door lock no more by itself"),
        ("set_hold", {"setpoint": 20, "for_hours": 2.0}, "holds Front door at 20 °C for 2 h"),
        ("set_hold", {"setpoint": 20, "for_good": True}, "holds Front door at 20 °C for good"),
        ("set_hold", {"setpoint": 20, "until": 5}, "holds Front door at 20 °C for a while"),
        ("open_roof", {"share": 0.5}, "did open roof 0.5 on Front door"),
    ],
)
def test_what_was_done_is_said_in_words(
    home: DashboardHome, state: HomeState, action: str, arguments: dict[str, Any], words: str
) -> None:
    said = of_act(act(home, action=action, arguments=arguments, decision=None), state)
    assert (said.mark, said.words) == (DONE, f"Maria {words}")


@pytest.mark.parametrize(
    ("changes", "mark", "words"),
    [
        (
            {"life": CommandLife.REQUESTED},
            WAITING,
            "Maria asks Front door to unlock: requested, not",
        ),
        ({"life": CommandLife.FINAL}, WAITING, "Maria asks Front door to unlock: allowed"),
        ({"life": CommandLife.DELIVERED}, WAITING, "Maria asks Front door to unlock: delivered"),
        ({"life": CommandLife.EXPIRED}, DENIED, "Front door never answered Maria"),
        (
            {"life": CommandLife.FAILED, "outcome_reason": "the bolt is jammed"},
            DENIED,
            "Front door could not: unlock (asked by Maria): the bolt is jammed",
        ),
        ({"life": CommandLife.REFUSED}, DENIED, "Front door refused: unlock (asked by Maria): no"),
        ({"life": CommandLife.DENIED, "decision": None}, DENIED, "Denied: no reason was given"),
        ({"trouble": "No hub answers."}, DENIED, "Maria: unlock Front door: No hub answers."),
    ],
)
def test_a_wish_is_never_told_as_a_fact(
    home: DashboardHome, state: HomeState, changes: dict[str, Any], mark: str, words: str
) -> None:
    said = of_act(act(home, **changes), state)
    assert said.mark == mark
    assert said.words.startswith(words)


@pytest.mark.parametrize(
    ("name", "value", "mark", "words"),
    [
        ("bolt", "unlocked", BY_HAND, "Front door was unlocked, by hand or unknown"),
        ("bolt", "jammed", ALARM, "Front door: the bolt is jammed"),
        ("forced", True, ALARM, "Front door: the door was forced open"),
        ("door", "open", CHANGE, "Front door door opened"),
        ("setpoint", 21.5, BY_HAND, "Front door setpoint is 21.5, by hand or unknown"),
        ("humidity", {"a": 1}, CHANGE, "Front door humidity is {'a': 1}"),
        ("wind", True, CHANGE, "Front door wind is on"),
    ],
)
def test_what_happened_without_a_command_is_a_class_of_its_own(
    home: DashboardHome, state: HomeState, name: str, value: Any, mark: str, words: str
) -> None:
    entry = HappeningEntry(
        key="k", at_ms=0, record=named(2), device=home.front, name=name, value=value
    )
    said = of_happening(entry, state)
    assert (said.mark, said.words) == (mark, words)


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        ("genesis", {}, "Anna founded this home"),
        ("person", {"name": "Olga", "role": "owner"}, "Anna made Olga an owner"),
        ("person", {"name": "Gus", "role": "guest"}, "Anna made Gus a guest"),
        ("person", {"name": "Gus", "removed": True}, "Anna removed Gus"),
        ("hub", {"hub": {"name": "attic"}, "removed": True}, "Anna removed the hub attic"),
        ("device", {"name": "Lamp", "area": "Hall"}, "Anna took in Lamp, Hall"),
        ("retire", {"device": "?"}, "Anna retired an unknown device"),
        ("revoke", {"grant": "cleaner-friday"}, "Anna revoked a grant of Maria"),
        ("revoke", {"grant": "unknown"}, "Anna revoked a grant"),
        ("novel", {}, "Anna signed a record of kind novel"),
    ],
)
def test_changes_of_the_home_are_sentences(
    home: DashboardHome, state: HomeState, kind: str, payload: dict[str, Any], words: str
) -> None:
    record = RecordView(
        id=named(3),
        kind=kind,
        signer=home.anna,
        signer_name="Anna",
        height=1,
        index=1,
        time_ms=0,
        payload=payload,
    )
    assert of_record(record, state).words == words


def test_a_command_that_is_no_longer_kept_is_said_to_be_so(state: HomeState) -> None:
    assert "no longer kept" in sentence(ActEntry(key=named(9), at_ms=0), state).words


def test_a_grant_that_is_unknown_here_is_still_a_grant(
    home: DashboardHome, state: HomeState
) -> None:
    decision = DecisionView(allowed=True, code="granted", reason="", grant="another")
    assert of_act(act(home, decision=decision), state).words.endswith("(by a grant)")


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"life": CommandLife.REQUESTED}, "✓ requested … final"),
        ({"life": CommandLife.FINAL}, "✓ requested ✓ allowed … delivered"),
        ({"life": CommandLife.DELIVERED}, "✓ requested ✓ allowed ✓ delivered … done"),
        ({"life": CommandLife.DONE}, "✓ requested ✓ allowed ✓ delivered ✓ done"),
        ({"life": CommandLife.EXPIRED}, "✓ requested ✓ allowed ✗ no answer in time"),
        ({"life": CommandLife.DENIED}, "✓ requested ✗ denied: may: grant"),
        (
            {"life": CommandLife.FAILED, "outcome_reason": "jam"},
            "✓ requested ✓ allowed ✓ delivered ✗ failed: jam",
        ),
        ({"life": CommandLife.REQUESTED, "trouble": "lost"}, "✗ requested ✗ lost"),
    ],
)
def test_a_commands_life_is_shown_step_by_step(
    home: DashboardHome, changes: dict[str, Any], steps: str
) -> None:
    told = " ".join(f"{mark} {words}" for mark, words in life_steps(act(home, **changes)))
    assert told == steps
