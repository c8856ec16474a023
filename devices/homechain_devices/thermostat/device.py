"""The thermostat's model bound to the kit: a sensor's measurements in, heating or cooling out."""

from collections.abc import Mapping
from typing import Any

from homechain_devices.sdk import Device, Outcome
from homechain_devices.steps import Step
from homechain_devices.thermostat.model import Action, Mode, Thermostat

_HOLD_KINDS = ("until", "for_hours", "for_good")


class ThermostatDevice:
    """One thermostat."""

    def __init__(self, device: Device, *, body: Thermostat) -> None:
        """`body` is the thermostat as it was when the program stopped, or a new one."""
        self._device = device
        self.body = body.restarted(now_ms=self._now_ms())
        """The thermostat as it is."""
        device.action("set_mode")(self._set_mode)
        device.action("set_setpoint")(self._set_setpoint)
        device.action("set_hold", optional=_HOLD_KINDS)(self._set_hold)
        device.action("resume")(self._resume)

    def report_all(self) -> None:
        """Say how everything is; once after a start."""
        for change in self.body.properties():
            self._device.report(*change)

    def measure(self, temperature_c: float) -> Action:
        """The sensor says `temperature_c`; the answer is what the machines should do now."""
        self._report(self.body.measure(temperature_c, now_ms=self._now_ms()))
        return self.body.action

    async def _set_mode(self, arguments: Mapping[str, Any]) -> Outcome:
        return self._answer(self.body.set_mode(Mode(arguments["mode"]), now_ms=self._now_ms()))

    async def _set_setpoint(self, arguments: Mapping[str, Any]) -> Outcome:
        setpoint_c = float(arguments["setpoint"])
        return self._answer(self.body.set_setpoint(setpoint_c, now_ms=self._now_ms()))

    async def _set_hold(self, arguments: Mapping[str, Any]) -> Outcome:
        now_ms = self._now_ms()
        match [(kind, arguments[kind]) for kind in _HOLD_KINDS if kind in arguments]:
            case [("until", until_s)]:
                until_ms = until_s * 1_000
            case [("for_hours", hours)]:
                until_ms = now_ms + int(hours * 3_600_000)
            case [("for_good", True)]:
                until_ms = None
            case _:
                return Outcome.refused("set_hold needs one of until, for_hours and for_good")
        step = self.body.set_hold(float(arguments["setpoint"]), until_ms=until_ms, now_ms=now_ms)
        if step.failure:
            self._report(step)
            return Outcome.refused(step.failure)
        return self._answer(step)

    async def _resume(self, arguments: Mapping[str, Any]) -> Outcome:
        return self._answer(self.body.resume(now_ms=self._now_ms()))

    def _answer(self, step: Step[Thermostat]) -> Outcome:
        self.body = step.state
        return Outcome.of(step)

    def _report(self, step: Step[Thermostat]) -> None:
        self.body = step.state
        for change in step.changes:
            self._device.report(*change)

    def _now_ms(self) -> int:
        # A hold ends at a time of day, so this is the clock that people read.
        return self._device.clock.now_ms()
