"""The lock's model bound to the kit: commands move the bolt, what happens by hand is reported."""

from collections.abc import Callable, Mapping
from typing import Any

from homechain_devices.lock.model import Bolt, Lock
from homechain_devices.sdk import Device, Outcome
from homechain_devices.steps import Step


class LockDevice:
    """One lock. What a command changes goes into its outcome; all else happened by itself."""

    def __init__(
        self, device: Device, *, body: Lock | None = None, jams: Callable[[], bool] = lambda: False
    ) -> None:
        """`body` is the lock as it was when the program stopped.

        `jams` is asked whenever the motor moves the bolt: does it get stuck this time?
        """
        self._device = device
        self._jams = jams
        now_ms = self._now_ms()
        self.body = Lock(now_ms=now_ms) if body is None else body.restarted(now_ms=now_ms)
        """The lock as it is."""
        device.action("lock")(self._lock)
        device.action("unlock")(self._unlock)
        device.action("unlatch")(self._unlatch)
        device.action("set_auto_relock")(self._set_auto_relock)

    def report_all(self) -> None:
        """Say how everything is; once after a start."""
        for change in self.body.properties():
            self._device.report(*change)

    def tick(self) -> None:
        """Let time pass: call it a few times a second."""
        now_ms = self._now_ms()
        jams = self.body.locks_itself(now_ms=now_ms) and self._jams()
        self._report(self.body.advance(now_ms=now_ms, jams=jams))

    def turn_by_hand(self, bolt: Bolt) -> None:
        """Somebody turns the knob or a key."""
        self._report(self.body.turn_by_hand(bolt, now_ms=self._now_ms()))

    def open_door(self) -> None:
        """The door contact opens."""
        self._report(self.body.open_door(now_ms=self._now_ms()))

    def close_door(self) -> None:
        """The door contact closes."""
        self._report(self.body.close_door(now_ms=self._now_ms()))

    async def _lock(self, arguments: Mapping[str, Any]) -> Outcome:
        return self._answer(self.body.lock(now_ms=self._now_ms(), jams=self._jams()))

    async def _unlock(self, arguments: Mapping[str, Any]) -> Outcome:
        return self._answer(self.body.unlock(now_ms=self._now_ms(), jams=self._jams()))

    async def _unlatch(self, arguments: Mapping[str, Any]) -> Outcome:
        return self._answer(self.body.unlatch(now_ms=self._now_ms(), jams=self._jams()))

    async def _set_auto_relock(self, arguments: Mapping[str, Any]) -> Outcome:
        return self._answer(self.body.set_auto_relock(arguments["seconds"], now_ms=self._now_ms()))

    def _answer(self, step: Step[Lock]) -> Outcome:
        self.body = step.state
        return Outcome.of(step)

    def _report(self, step: Step[Lock]) -> None:
        self.body = step.state
        for change in step.changes:
            self._device.report(*change)

    def _now_ms(self) -> int:
        # Timers of a lock must not follow a clock that somebody sets back.
        return self._device.clock.monotonic_ms()
