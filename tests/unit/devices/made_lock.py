"""A lock made with the kit, before hubs over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from homechain.api.client.transport import ClientTimeouts
from homechain_devices.lock.description import describe
from homechain_devices.sdk import Device, DeviceClock, DeviceEvent, DeviceLimits, Outcome
from homechain_devices.sdk.events import DigitsShown
from homechain_devices.sdk.running import Search
from tests.unit.devices.made_hub import House

QUICK = DeviceLimits(backoff_first_ms=1, backoff_most_ms=5, poll_ms=1, search_pause_ms=1)


class MadeLock:
    """A lock made with the kit, and what it noticed."""

    def __init__(
        self,
        house: House,
        state_dir: Path,
        *,
        limits: DeviceLimits = QUICK,
        hubs: Sequence[str] | None = None,
        search: Search | None = None,
    ) -> None:
        self.events: list[DeviceEvent] = []
        self.acts: list[tuple[str, Mapping[str, Any]]] = []
        self.house = house
        self.device = Device(
            describe(title="Front door"),
            state_dir=state_dir,
            hubs=[hub.address for hub in house.hubs] if hubs is None else hubs,
            on_event=self._hear,
            clock=DeviceClock(wall_ms=lambda: house.home.now_s * 1000),
            limits=limits,
            timeouts=ClientTimeouts(connect_s=1, answer_s=2, stream_silence_s=20),
            search=search or nobody,
        )
        self.during = asyncio.Event()
        self.during.set()
        for name in ("lock", "unlock", "unlatch", "set_auto_relock"):
            self.device.action(name)(self._handler(name))

    def _handler(self, name: str) -> Any:
        async def act(arguments: Mapping[str, Any]) -> Outcome:
            self.acts.append((name, arguments))
            self.house.tell()
            await self.during.wait()
            return Outcome.done(bolt="locked" if name == "lock" else "unlocked")

        return act

    def _hear(self, event: DeviceEvent) -> None:
        self.events.append(event)
        self.house.tell()

    def heard(self, kind: type[DeviceEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task: asyncio.Task[None] = asyncio.create_task(self.device.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def nobody() -> list[str]:
    return []


async def taken_in(house: House, lock: MadeLock) -> str:
    """The device's name, once it is approved and listens to both hubs."""
    await house.until(lambda: bool(lock.heard(DigitsShown)))
    did: str = lock.heard(DigitsShown)[0].device
    house.approve(did)
    await house.until(lambda: sum(hub.connections > 0 for hub in house.hubs) == 2)
    return did
