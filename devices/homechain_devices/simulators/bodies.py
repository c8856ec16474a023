"""The made-up bodies of simulated devices: a motor that may jam, a view, a room with a heater."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import Final, Protocol

import msgspec

from homechain_devices.camera.device import CameraDevice
from homechain_devices.camera.model import Camera
from homechain_devices.lock.device import LockDevice
from homechain_devices.lock.model import Bolt, Lock
from homechain_devices.sdk import Device
from homechain_devices.simulators.chance import HandAct, Movements, Visitors
from homechain_devices.simulators.room import Room, Weather
from homechain_devices.simulators.scene import draw_still
from homechain_devices.thermostat.device import ThermostatDevice
from homechain_devices.thermostat.model import Thermostat

ROOM_STEP_S: Final = 30.0
"""The thermostat looks at the room at least this often, in the room's own time."""
MOVEMENT_MS: Final = 8_000
"""How long something crosses the view after a poke."""


class Poke(StrEnum):
    """What somebody outside the story may do to a simulated device."""

    JAM = "jam"
    """The bolt jams the next time that the motor moves it."""
    LOCK_BY_HAND = "lock-by-hand"
    UNLOCK_BY_HAND = "unlock-by-hand"
    OPEN_DOOR = "open-door"
    CLOSE_DOOR = "close-door"
    MOVE = "move"
    """Somebody crosses the camera's view."""


class Body(Protocol):
    """What the simulator's loop asks of a simulated device."""

    def report_all(self) -> None:
        """Say how everything is."""

    def tick(self) -> None:
        """Let time pass."""

    def poke(self, poke: Poke) -> None:
        """Let something happen; what does not concern this kind of device does nothing."""

    def settings(self) -> object:
        """What a person would notice: equal as long as nothing worth saving changed."""

    def snapshot(self) -> bytes:
        """The body, to be restored after a restart: JSON."""


class SimulatedLock:
    """A lock in a door that people also use by hand."""

    def __init__(
        self,
        device: Device,
        *,
        seed: int,
        jam_probability: float,
        visits_per_hour: float,
        snapshot: bytes | None,
    ) -> None:
        self._chance = Random(seed)  # noqa: S311 - a made-up world, the same for the same seed
        self._jam_probability = jam_probability
        self._jams_next = False
        body = None if snapshot is None else msgspec.json.decode(snapshot, type=Lock)
        self._lock = LockDevice(device, body=body, jams=self._jams)
        self._clock = device.clock
        self._visitors = Visitors(
            self._chance, per_hour=visits_per_hour, now_ms=self._clock.monotonic_ms()
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

    def poke(self, poke: Poke) -> None:
        """Jam the next move, or use the door by hand."""
        match poke:
            case Poke.JAM:
                self._jams_next = True
            case Poke.LOCK_BY_HAND:
                self._lock.turn_by_hand(Bolt.LOCKED)
            case Poke.UNLOCK_BY_HAND:
                self._lock.turn_by_hand(Bolt.UNLOCKED)
            case Poke.OPEN_DOOR:
                self._lock.open_door()
            case Poke.CLOSE_DOOR:
                self._lock.close_door()
            case Poke.MOVE:
                pass

    def settings(self) -> object:
        """All properties."""
        return self._lock.body.properties()

    def snapshot(self) -> bytes:
        """The lock."""
        return msgspec.json.encode(self._lock.body)

    def _jams(self) -> bool:
        if self._jams_next:
            self._jams_next = False
            return True
        return self._chance.random() < self._jam_probability


class SimulatedCamera:
    """A camera on a porch."""

    def __init__(
        self,
        device: Device,
        *,
        name: str,
        seed: int,
        movements_per_hour: float,
        snapshot: bytes | None,
    ) -> None:
        self._chance = Random(seed)  # noqa: S311 - a made-up world, the same for the same seed
        body = None if snapshot is None else msgspec.json.decode(snapshot, type=Camera)
        self._camera = CameraDevice(device, lens=self._look, body=body)
        self._clock = device.clock
        self._name = name
        self._movements = Movements(
            self._chance, per_hour=movements_per_hour, now_ms=self._clock.monotonic_ms()
        )
        self._poked_ms: int | None = None

    def report_all(self) -> None:
        """Say how everything is."""
        self._camera.report_all()

    def tick(self) -> None:
        """Let time pass."""
        if self._figure() is not None:
            self._camera.see_motion()
        self._camera.tick()

    def poke(self, poke: Poke) -> None:
        """Somebody crosses the view now."""
        if poke is Poke.MOVE:
            self._poked_ms = self._clock.monotonic_ms()

    def settings(self) -> object:
        """Privacy and the newest still; what moves is not worth saving."""
        return self._camera.body.privacy, self._camera.body.last_still

    def snapshot(self) -> bytes:
        """The camera."""
        return msgspec.json.encode(self._camera.body)

    def _figure(self) -> float | None:
        """How far across the view somebody is."""
        now_ms = self._clock.monotonic_ms()
        if self._poked_ms is not None and now_ms < self._poked_ms + MOVEMENT_MS:
            return (now_ms - self._poked_ms) / MOVEMENT_MS
        return self._movements.progress(now_ms)

    def _look(self) -> Awaitable[bytes]:
        at = datetime.fromtimestamp(self._clock.now_ms() / 1_000, tz=UTC).astimezone()
        return asyncio.to_thread(
            draw_still,
            name=self._name,
            at=at,
            figure=self._figure(),
            chance=Random(self._chance.getrandbits(64)),  # noqa: S311 - grain of a picture
        )


class SimulatedThermostat:
    """A thermostat in a room whose time may run faster than life."""

    def __init__(
        self, device: Device, *, time_scale: float, snapshot: bytes | None, room: Room | None = None
    ) -> None:
        self._clock = device.clock
        self._time_scale = time_scale
        now_ms = self._clock.now_ms()
        if snapshot is None:
            self._room = room or Room()
            body = Thermostat(now_ms=now_ms, temperature_c=self._room.temperature_c)
        else:
            body = msgspec.json.decode(snapshot, type=Thermostat)
            self._room = Room(temperature_c=body.temperature_c)
        self._weather = Weather()
        self._thermostat = ThermostatDevice(device, body=body)
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

    def poke(self, poke: Poke) -> None:
        """Nothing outside the story happens to a thermostat."""

    def settings(self) -> object:
        """Mode, setpoints and hold; the temperature only in whole degrees."""
        body = self._thermostat.body
        return body.mode, body.everyday_c, body.hold, round(body.temperature_c)

    def snapshot(self) -> bytes:
        """The thermostat, and with it the room's temperature."""
        return msgspec.json.encode(self._thermostat.body)
