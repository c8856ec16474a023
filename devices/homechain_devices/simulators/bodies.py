"""The made-up bodies of simulated devices: a motor that may jam, a view, a room with a heater."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from random import Random
from typing import Final

from homechain_devices.camera.device import CameraDevice
from homechain_devices.lock.device import LockDevice
from homechain_devices.lock.model import Bolt
from homechain_devices.sdk import Device
from homechain_devices.simulators.chance import HandAct, Movements, Visitors
from homechain_devices.simulators.room import Room, Weather
from homechain_devices.simulators.scene import draw_still
from homechain_devices.thermostat.device import ThermostatDevice
from homechain_devices.thermostat.model import Thermostat

ROOM_STEP_S: Final = 30.0
"""The thermostat looks at the room at least this often, in the room's own time."""


class SimulatedLock:
    """A lock in a door that people also use by hand."""

    def __init__(
        self, device: Device, *, seed: int, jam_probability: float, visits_per_hour: float
    ) -> None:
        chance = Random(seed)  # noqa: S311 - a made-up world, reproducible from its seed
        self._lock = LockDevice(device, jams=lambda: chance.random() < jam_probability)
        self._clock = device.clock
        self._visitors = Visitors(
            chance, per_hour=visits_per_hour, now_ms=self._clock.monotonic_ms()
        )

    def report_all(self) -> None:
        """Say how everything is."""
        self._lock.report_all()

    def tick(self) -> None:
        """Let time pass."""
        for act in self._visitors.due(self._clock.monotonic_ms()):
            match act:
                case HandAct.TURN_TO_UNLOCKED:
                    self._lock.turn_by_hand(Bolt.UNLOCKED)
                case HandAct.TURN_TO_LOCKED:
                    self._lock.turn_by_hand(Bolt.LOCKED)
                case HandAct.OPEN_DOOR:
                    self._lock.open_door()
                case HandAct.CLOSE_DOOR:
                    self._lock.close_door()
        self._lock.tick()


class SimulatedCamera:
    """A camera on a porch."""

    def __init__(self, device: Device, *, name: str, seed: int, movements_per_hour: float) -> None:
        self._chance = Random(seed)  # noqa: S311 - a made-up world, reproducible from its seed
        self._camera = CameraDevice(device, lens=self._look)
        self._clock = device.clock
        self._name = name
        self._movements = Movements(
            self._chance, per_hour=movements_per_hour, now_ms=self._clock.monotonic_ms()
        )

    def report_all(self) -> None:
        """Say how everything is."""
        self._camera.report_all()

    def tick(self) -> None:
        """Let time pass."""
        if self._movements.progress(self._clock.monotonic_ms()) is not None:
            self._camera.see_motion()
        self._camera.tick()

    def _look(self) -> Awaitable[bytes]:
        at = datetime.fromtimestamp(self._clock.now_ms() / 1_000, tz=UTC).astimezone()
        return asyncio.to_thread(
            draw_still,
            name=self._name,
            at=at,
            figure=self._movements.progress(self._clock.monotonic_ms()),
            chance=Random(self._chance.getrandbits(64)),  # noqa: S311 - grain of a picture
        )


class SimulatedThermostat:
    """A thermostat in a room whose time may run faster than life."""

    def __init__(self, device: Device, *, time_scale: float, room: Room | None = None) -> None:
        self._clock = device.clock
        self._time_scale = time_scale
        self._room = room or Room()
        self._weather = Weather()
        now_ms = self._clock.now_ms()
        self._thermostat = ThermostatDevice(
            device, body=Thermostat(now_ms=now_ms, temperature_c=self._room.temperature_c)
        )
        self._room_time_s = now_ms / 1_000
        self._ticked_ms = self._clock.monotonic_ms()

    def report_all(self) -> None:
        """Say how everything is."""
        self._thermostat.report_all()

    def tick(self) -> None:
        """Let time pass, in steps that a real thermostat would notice."""
        now_ms = self._clock.monotonic_ms()
        left_s = (now_ms - self._ticked_ms) / 1_000 * self._time_scale
        self._ticked_ms = now_ms
        while left_s > 0:
            step_s = min(left_s, ROOM_STEP_S)
            left_s -= step_s
            self._room_time_s += step_s
            self._room = self._room.after(
                step_s,
                action=self._thermostat.body.action,
                outdoor_c=self._weather.outdoor_c(self._room_time_s),
            )
            self._thermostat.measure(self._room.temperature_c)
