"""How a thermostat behaves: from a measured temperature to heating, cooling or neither.

May live here: a frozen state, and functions from state, measurement and given time to the next
one. May not: clocks, rooms, hubs, keys or `async`. Times are milliseconds since 1970, because a
hold ends at a time of day.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from homechain_devices.steps import Change, Step
from homechain_devices.thermostat.description import SETPOINT_MAX_C, SETPOINT_MIN_C

HYSTERESIS_C: Final = 0.3
"""Heating starts this far below the setpoint and stops at it; cooling is its mirror image."""
AUTO_GAP_C: Final = 1.0
"""In `auto`, the room must be this far on the wrong side before the other machine may start."""
REPORTED_STEP_C: Final = 0.1


class Mode(StrEnum):
    """What the thermostat is allowed to do."""

    OFF = "off"
    HEAT = "heat"
    COOL = "cool"
    AUTO = "auto"


class Action(StrEnum):
    """What it is doing."""

    HEATING = "heating"
    COOLING = "cooling"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Hold:
    """A temperature that overrides the everyday one, until a time or (None) for good."""

    setpoint_c: float
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Thermostat:
    """One thermostat at one moment. Each method answers with the thermostat after it."""

    now_ms: int
    temperature_c: float
    mode: Mode = Mode.HEAT
    everyday_c: float = 20.0
    hold: Hold | None = None
    action: Action = Action.IDLE
    reported_c: float | None = None
    """The temperature that was last said aloud."""

    @property
    def setpoint_c(self) -> float:
        """The setpoint in force."""
        return self.everyday_c if self.hold is None else self.hold.setpoint_c

    def properties(self) -> tuple[Change, ...]:
        """All properties as they are."""
        return (
            Change("temperature", round(self.temperature_c, 1)),
            Change("mode", str(self.mode)),
            Change("action", str(self.action)),
            *_setting(self),
        )

    def measure(self, temperature_c: float, *, now_ms: int) -> Step["Thermostat"]:
        """The sensor says `temperature_c`; decide what to do about it."""
        measured = replace(self, now_ms=max(self.now_ms, now_ms), temperature_c=temperature_c)
        before = _without_ended_hold(measured)
        reported_c = before.state.reported_c
        if reported_c is not None and abs(temperature_c - reported_c) < REPORTED_STEP_C:
            return _controlled(before.state, before.changes)
        said = replace(before.state, reported_c=temperature_c)
        temperature = Change("temperature", round(temperature_c, 1))
        return _controlled(said, (*before.changes, temperature))

    def set_mode(self, mode: Mode, *, now_ms: int) -> Step["Thermostat"]:
        """Heat, cool, do what is needed, or nothing."""
        before = _at(self, now_ms)
        if mode is self.mode:
            return before
        changed = replace(before.state, mode=mode)
        return _controlled(changed, (*before.changes, Change("mode", str(mode))))

    def set_setpoint(self, setpoint_c: float, *, now_ms: int) -> Step["Thermostat"]:
        """Set the everyday temperature. It counts at once, so a hold ends."""
        assert SETPOINT_MIN_C <= setpoint_c <= SETPOINT_MAX_C
        return _set(_at(self, now_ms), everyday_c=setpoint_c, hold=None)

    def set_hold(
        self, setpoint_c: float, *, until_ms: int | None, now_ms: int
    ) -> Step["Thermostat"]:
        """Keep `setpoint_c` until `until_ms`, or for good (None), whatever the everyday one is."""
        assert SETPOINT_MIN_C <= setpoint_c <= SETPOINT_MAX_C
        before = _at(self, now_ms)
        if until_ms is not None and until_ms <= before.state.now_ms:
            return Step(before.state, before.changes, "the hold would end in the past")
        return _set(before, everyday_c=self.everyday_c, hold=Hold(setpoint_c, until_ms))

    def restarted(self, *, now_ms: int) -> "Thermostat":
        """The thermostat after it was off: the settings are as they were, the machines rest."""
        return replace(self, now_ms=max(self.now_ms, now_ms), action=Action.IDLE, reported_c=None)

    def resume(self, *, now_ms: int) -> Step["Thermostat"]:
        """End the hold: the everyday temperature counts again."""
        return _set(_at(self, now_ms), everyday_c=self.everyday_c, hold=None)


def _at(thermostat: Thermostat, now_ms: int) -> Step[Thermostat]:
    return _without_ended_hold(replace(thermostat, now_ms=max(thermostat.now_ms, now_ms)))


def _without_ended_hold(thermostat: Thermostat) -> Step[Thermostat]:
    hold = thermostat.hold
    if hold is None or hold.until_ms is None or thermostat.now_ms < hold.until_ms:
        return Step(thermostat)
    return _set(Step(thermostat), everyday_c=thermostat.everyday_c, hold=None)


def _set(before: Step[Thermostat], *, everyday_c: float, hold: Hold | None) -> Step[Thermostat]:
    """Another setting, and what follows from it."""
    thermostat = replace(before.state, everyday_c=everyday_c, hold=hold)
    unchanged = _setting(before.state)
    changes = tuple(change for change in _setting(thermostat) if change not in unchanged)
    return _controlled(thermostat, before.changes + changes)


def _setting(thermostat: Thermostat) -> tuple[Change, ...]:
    name, until_s = "none", 0
    if thermostat.hold is not None:
        until_ms = thermostat.hold.until_ms
        name, until_s = ("for_good", 0) if until_ms is None else ("until", until_ms // 1_000)
    return (
        Change("setpoint", thermostat.setpoint_c),
        Change("hold", name),
        Change("hold_until", until_s),
    )


def _controlled(thermostat: Thermostat, changes: tuple[Change, ...]) -> Step[Thermostat]:
    """Decide anew whether to heat, to cool or to rest."""
    action = _wanted_action(thermostat)
    if Action.IDLE not in (action, thermostat.action) and action is not thermostat.action:
        action = Action.IDLE  # one machine comes to rest before the other starts
    if action is thermostat.action:
        return Step(thermostat, changes)
    return Step(replace(thermostat, action=action), (*changes, Change("action", str(action))))


def _wanted_action(thermostat: Thermostat) -> Action:
    missing_c = thermostat.setpoint_c - thermostat.temperature_c
    heats = thermostat.mode in (Mode.HEAT, Mode.AUTO)
    cools = thermostat.mode in (Mode.COOL, Mode.AUTO)
    gap_c = AUTO_GAP_C if thermostat.mode is Mode.AUTO else HYSTERESIS_C
    if heats and missing_c > (0 if thermostat.action is Action.HEATING else HYSTERESIS_C):
        return Action.HEATING
    if cools and missing_c < (0 if thermostat.action is Action.COOLING else -gap_c):
        return Action.COOLING
    return Action.IDLE
