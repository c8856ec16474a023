"""`run_simulator`: one simulated device from first contact until it is cancelled."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from homechain.model.records import DeviceKind, Thing
from homechain_devices.camera.description import describe as describe_camera
from homechain_devices.lock.description import describe as describe_lock
from homechain_devices.sdk import Device, DeviceClock, DeviceEvent, DeviceLimits
from homechain_devices.sdk.discovery import find_hubs
from homechain_devices.sdk.media import write_durably
from homechain_devices.simulators.bodies import (
    Body,
    Poke,
    SimulatedCamera,
    SimulatedLock,
    SimulatedThermostat,
)
from homechain_devices.thermostat.description import describe as describe_thermostat

TICK_MS: Final = 250
BODY_FILE_NAME: Final = "body.json"
"""Where bolt, shutter and settings are kept over a restart, as hardware would keep them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """How one simulated device lives."""

    name: str
    """What the device calls itself; residents may name it anew."""
    state_dir: Path
    """Its own directory (0700): key, counters, what it has yet to say."""
    hubs: Sequence[str] = ()
    """`host:port` of hubs' device interfaces; none to find them by mDNS."""
    interfaces: tuple[str, ...] | None = None
    """Addresses of this machine to ask on by mDNS; None is all but loopback's."""
    home: str = ""
    """The beginning of the id of the only home to look for; empty for any."""
    on_event: Callable[[DeviceEvent], None] = field(default=lambda event: None)
    """Hears of digits to show, of hubs, of commands; must not block."""
    time_scale: float = 1.0
    """How much faster than life a room warms up; 60 shows it within a minute."""
    seed: int = 0
    jam_probability: float = 0.0
    """Of each move of a lock's bolt."""
    visits_per_hour: float = 4.0
    """People who use a lock by hand."""
    movements_per_hour: float = 20.0
    """What crosses a camera's view."""
    limits: DeviceLimits = field(default_factory=DeviceLimits)
    clock: DeviceClock = field(default_factory=DeviceClock)
    pokes: asyncio.Queue[Poke] | None = None
    """What the caller lets happen: a jam, a door opened by hand, somebody on the porch."""


async def run_simulator(kind: str, options: SimulatorOptions) -> NoReturn:
    """Live as a `lock`, `camera` or `thermostat` until cancelled; prints nothing.

    What is still unsaid on cancelling is on the disk and goes out at the next start. `ValueError`
    for another kind; else raises as `Device.run` does.
    """
    thing = _describe(DeviceKind(kind), options)
    device = Device(
        thing,
        state_dir=options.state_dir,
        hubs=options.hubs,
        on_event=options.on_event,
        clock=options.clock,
        limits=options.limits,
        search=lambda: find_hubs(
            search_ms=options.limits.discovery_ms,
            interfaces=options.interfaces,
            home=options.home,
        ),
    )
    body_file = options.state_dir / BODY_FILE_NAME
    body = _body(thing.at_type, device, options, await asyncio.to_thread(_read, body_file))
    body.report_all()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(device.run())
        saved = body.settings()
        while True:
            await asyncio.sleep(TICK_MS / 1_000)
            while options.pokes is not None and not options.pokes.empty():
                body.poke(options.pokes.get_nowait())
            body.tick()
            if body.settings() != saved and options.state_dir.is_dir():
                saved = body.settings()
                await asyncio.to_thread(write_durably, body_file, body.snapshot())
    raise AssertionError("a simulator runs until it is cancelled")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _describe(kind: DeviceKind, options: SimulatorOptions) -> Thing:
    serial = f"SIM-{options.seed}"
    match kind:
        case DeviceKind.LOCK:
            return describe_lock(title=options.name, model="Simulated lock", serial=serial)
        case DeviceKind.CAMERA:
            return describe_camera(title=options.name, model="Simulated camera", serial=serial)
        case DeviceKind.THERMOSTAT:
            return describe_thermostat(
                title=options.name, model="Simulated thermostat", serial=serial
            )
        case DeviceKind.OTHER:
            raise ValueError("a simulator is a lock, a camera or a thermostat")


def _body(
    kind: DeviceKind, device: Device, options: SimulatorOptions, snapshot: bytes | None
) -> Body:
    match kind:
        case DeviceKind.LOCK:
            return SimulatedLock(
                device,
                seed=options.seed,
                jam_probability=options.jam_probability,
                visits_per_hour=options.visits_per_hour,
                snapshot=snapshot,
            )
        case DeviceKind.CAMERA:
            return SimulatedCamera(
                device,
                name=options.name,
                seed=options.seed,
                movements_per_hour=options.movements_per_hour,
                snapshot=snapshot,
            )
        case _:
            return SimulatedThermostat(device, time_scale=options.time_scale, snapshot=snapshot)
