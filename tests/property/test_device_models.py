"""What must hold for locks, cameras and thermostats whatever people and the weather do."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homechain_devices.camera.model import MOTION_HOLD_MS, Camera
from homechain_devices.lock.description import AUTO_RELOCK_MAX_S
from homechain_devices.lock.model import AJAR_AFTER_MS, UNLATCH_HOLD_MS, Bolt, Door, Lock
from homechain_devices.simulators.room import Room, Weather
from homechain_devices.steps import Change, Step
from homechain_devices.thermostat.model import HYSTERESIS_C, Action, Mode, Thermostat

LockAct = Callable[[Lock, int], Step[Lock]]

lock_acts: st.SearchStrategy[LockAct] = st.one_of(
    st.booleans().map(lambda jams: lambda lock, now: lock.lock(now_ms=now, jams=jams)),
    st.booleans().map(lambda jams: lambda lock, now: lock.unlock(now_ms=now, jams=jams)),
    st.booleans().map(lambda jams: lambda lock, now: lock.unlatch(now_ms=now, jams=jams)),
    st.booleans().map(lambda jams: lambda lock, now: lock.advance(now_ms=now, jams=jams)),
    st.integers(0, AUTO_RELOCK_MAX_S).map(
        lambda seconds: lambda lock, now: lock.set_auto_relock(seconds, now_ms=now)
    ),
    st.sampled_from([Bolt.LOCKED, Bolt.UNLOCKED]).map(
        lambda bolt: lambda lock, now: lock.turn_by_hand(bolt, now_ms=now)
    ),
    st.just(lambda lock, now: lock.open_door(now_ms=now)),
    st.just(lambda lock, now: lock.close_door(now_ms=now)),
)
lives = st.lists(st.tuples(st.integers(0, 400_000), lock_acts), max_size=40)


def told(known: dict[str, Any], changes: tuple[Change, ...]) -> dict[str, Any]:
    return {**known, **{change.name: change.value for change in changes}}


@given(lives, st.floats(0, 100))
def test_what_a_lock_reports_is_how_it_is(
    life: list[tuple[int, LockAct]], charge_percent: float
) -> None:
    lock = Lock(now_ms=0, charge_percent=charge_percent)
    known = told({}, lock.properties())
    now_ms = 0
    for wait_ms, act in life:
        now_ms += wait_ms
        before = lock
        step = act(lock, now_ms)
        lock = step.state
        known = told(known, step.changes)
        assert {change.name: known[change.name] for change in lock.properties()} == told(
            {}, lock.properties()
        )
        assert 0 <= lock.charge_percent <= before.charge_percent, "nobody charges it"
        assert lock.now_ms == now_ms
        if step.failure:
            assert lock.bolt is not Bolt.UNLATCHED or before.bolt is Bolt.UNLATCHED


@given(st.integers(1, AUTO_RELOCK_MAX_S), st.integers(0, 10_000))
def test_a_lock_locks_itself_after_its_time_and_not_before(
    auto_relock_s: int, unlocked_at_ms: int
) -> None:
    lock = Lock(now_ms=0, auto_relock_s=auto_relock_s).unlock(now_ms=unlocked_at_ms).state
    due_ms = unlocked_at_ms + auto_relock_s * 1_000
    assert lock.advance(now_ms=due_ms - 1).state.bolt is Bolt.UNLOCKED
    step = lock.advance(now_ms=due_ms)
    assert step.state.bolt is Bolt.LOCKED
    assert Change("bolt", "locked") in step.changes


@given(st.integers(0, 10_000_000))
def test_a_bolt_is_never_thrown_by_motor_while_the_door_is_open(wait_ms: int) -> None:
    lock = Lock(now_ms=0).unlatch(now_ms=0).state.open_door(now_ms=1_000).state
    assert lock.advance(now_ms=1_000 + wait_ms).state.bolt is not Bolt.LOCKED
    refused = lock.lock(now_ms=1_000)
    assert refused.failure == "the door is open"
    assert refused.state.bolt is Bolt.UNLATCHED


@given(st.integers(0, 2 * UNLATCH_HOLD_MS))
def test_the_latch_springs_back_by_itself(wait_ms: int) -> None:
    lock = Lock(now_ms=0, auto_relock_s=0).unlatch(now_ms=0).state
    expected = Bolt.UNLATCHED if wait_ms < UNLATCH_HOLD_MS else Bolt.UNLOCKED
    assert lock.advance(now_ms=wait_ms).state.bolt is expected


def test_a_door_opened_while_locked_was_forced() -> None:
    step = Lock(now_ms=0).open_door(now_ms=5)
    assert step.changes == (Change("door", "open"), Change("forced", True))


def test_a_door_left_open_is_told_once() -> None:
    lock = Lock(now_ms=0).unlatch(now_ms=0).state.open_door(now_ms=0).state
    first = lock.advance(now_ms=AJAR_AFTER_MS)
    assert Change("ajar", True) in first.changes
    assert first.state.door is Door.OPEN
    assert first.state.advance(now_ms=2 * AJAR_AFTER_MS).changes == ()


def test_a_jammed_lock_says_so_and_tries_again() -> None:
    unlocked = Lock(now_ms=0).unlock(now_ms=0).state
    jammed = unlocked.lock(now_ms=1_000, jams=True)
    assert jammed.failure == "the bolt is jammed"
    assert Change("jammed", True) in jammed.changes
    assert jammed.state.advance(now_ms=100_000).state.bolt is Bolt.LOCKED


def test_an_empty_battery_fails_and_leaves_the_bolt() -> None:
    step = Lock(now_ms=0, charge_percent=0).unlock(now_ms=0)
    assert (step.failure, step.state.bolt) == ("the battery is empty", Bolt.LOCKED)


def test_a_low_battery_is_told_on_the_way_down() -> None:
    step = Lock(now_ms=0, charge_percent=20.01).unlock(now_ms=0)
    assert Change("low_battery", True) in step.changes


# ---------------------------------------------------------------- thermostats

temperatures = st.floats(-20, 45)
ThermostatAct = Callable[[Thermostat, int], Step[Thermostat]]
thermostat_acts: st.SearchStrategy[ThermostatAct] = st.one_of(
    temperatures.map(lambda t: lambda thermostat, now: thermostat.measure(t, now_ms=now)),
    st.sampled_from(Mode).map(lambda m: lambda thermostat, now: thermostat.set_mode(m, now_ms=now)),
    st.floats(5, 30).map(lambda c: lambda thermostat, now: thermostat.set_setpoint(c, now_ms=now)),
    st.tuples(st.floats(5, 30), st.none() | st.integers(-5_000, 50_000)).map(
        lambda hold: (
            lambda thermostat, now: thermostat.set_hold(
                hold[0], until_ms=None if hold[1] is None else now + hold[1], now_ms=now
            )
        )
    ),
    st.just(lambda thermostat, now: thermostat.resume(now_ms=now)),
)


@given(st.lists(st.tuples(st.integers(0, 20_000), thermostat_acts), max_size=40))
def test_a_thermostat_does_what_it_says_and_never_fights_itself(
    life: list[tuple[int, ThermostatAct]],
) -> None:
    thermostat = Thermostat(now_ms=0, temperature_c=18.0)
    known = told({}, thermostat.properties())
    now_ms = 0
    for wait_ms, act in life:
        now_ms += wait_ms
        before = thermostat
        step = act(thermostat, now_ms)
        thermostat = step.state
        known = told(known, step.changes)
        actual = told({}, thermostat.properties())
        assert {name: known[name] for name in actual if name != "temperature"} == {
            name: value for name, value in actual.items() if name != "temperature"
        }
        assert {before.action, thermostat.action} != {Action.HEATING, Action.COOLING}
        missing_c = thermostat.setpoint_c - thermostat.temperature_c
        if thermostat.action is Action.HEATING:
            assert missing_c > 0
            assert thermostat.mode in (Mode.HEAT, Mode.AUTO)
        if thermostat.action is Action.COOLING:
            assert missing_c < 0
            assert thermostat.mode in (Mode.COOL, Mode.AUTO)


@given(
    start_c=st.floats(8, 28),
    setpoint_c=st.floats(15, 25),
    mean_c=st.floats(-5, 25),
    step_s=st.floats(5, 60),
)
@pytest.mark.slow
def test_a_room_comes_to_its_setpoint_and_stays(
    start_c: float, setpoint_c: float, mean_c: float, step_s: float
) -> None:
    room, weather = Room(temperature_c=start_c), Weather(mean_c=mean_c)
    thermostat = Thermostat(now_ms=0, temperature_c=start_c, mode=Mode.AUTO, everyday_c=setpoint_c)
    time_s = 0.0
    while time_s < 6 * 3_600:
        time_s += step_s
        room = room.after(step_s, action=thermostat.action, outdoor_c=weather.outdoor_c(time_s))
        thermostat = thermostat.measure(room.temperature_c, now_ms=int(time_s * 1_000)).state
        if time_s > 4 * 3_600:
            assert -2 * HYSTERESIS_C < room.temperature_c - setpoint_c < 1.5


@given(st.floats(-10, 40), st.sampled_from(Action), st.floats(1, 3_600), st.integers(1, 20))
def test_many_short_steps_of_a_room_are_one_long_one(
    start_c: float, action: Action, seconds: float, parts: int
) -> None:
    room = Room(temperature_c=start_c)
    whole = room.after(seconds, action=action, outdoor_c=4.0).temperature_c
    for _ in range(parts):
        room = room.after(seconds / parts, action=action, outdoor_c=4.0)
    assert abs(room.temperature_c - whole) < 1e-6


def test_a_hold_ends_at_its_time_and_the_everyday_temperature_returns() -> None:
    thermostat = Thermostat(now_ms=0, temperature_c=20.0, everyday_c=20.0)
    held = thermostat.set_hold(24.0, until_ms=60_000, now_ms=0)
    assert Change("hold", "until") in held.changes
    assert held.state.setpoint_c == 24.0
    ended = held.state.measure(20.0, now_ms=60_000)
    assert ended.state.setpoint_c == 20.0
    assert Change("hold", "none") in ended.changes


# ---------------------------------------------------------------- cameras


@given(
    st.lists(
        st.tuples(st.integers(0, 30_000), st.sampled_from(["move", "on", "off", "wait"])),
        max_size=40,
    )
)
def test_a_camera_in_privacy_mode_knows_nothing(life: list[tuple[int, str]]) -> None:
    camera, now_ms = Camera(now_ms=0), 0
    known = told({}, camera.properties())
    for wait_ms, act in life:
        now_ms += wait_ms
        match act:
            case "move":
                step = camera.see_motion(now_ms=now_ms)
            case "wait":
                step = camera.advance(now_ms=now_ms)
            case _:
                step = camera.set_privacy(on=act == "on", now_ms=now_ms)
        camera = step.state
        known = told(known, step.changes)
        assert known == told({}, camera.properties())
        assert not (camera.privacy and camera.motion)
        assert bool(camera.may_look(now_ms=now_ms).failure) == camera.privacy


def test_motion_ends_some_time_after_the_last_movement() -> None:
    camera = Camera(now_ms=0).see_motion(now_ms=0).state.see_motion(now_ms=4_000).state
    assert camera.advance(now_ms=4_000 + MOTION_HOLD_MS - 1).state.motion
    assert camera.advance(now_ms=4_000 + MOTION_HOLD_MS).changes == (Change("motion", False),)
