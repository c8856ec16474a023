"""A device's parts, put together: which task does what while it runs.

One task brings readings to the disk from the first moment, whether the device has a home or not.
The others begin once it has one: two senders, the command streams with their worker, the papers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from homechain.api.client.transport import ClientTimeouts
from homechain.crypto.keys import PrivateKey
from homechain.keyfiles import create_key_file, generate_seed, load_key_file
from homechain.model.records import Thing
from homechain_devices.sdk.acting import Acting, Handler
from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.commands import Commands
from homechain_devices.sdk.copies import Copies
from homechain_devices.sdk.events import DeviceEvent, ReadingsDropped, SearchingHubs, TakenIn
from homechain_devices.sdk.hubs import Hubs
from homechain_devices.sdk.limits import DeviceLimits
from homechain_devices.sdk.outbox import FILE_NAME, Outbox
from homechain_devices.sdk.papers import Papers
from homechain_devices.sdk.readings import Readings, Unsaved
from homechain_devices.sdk.registration import Registration
from homechain_devices.sdk.sending import Sender
from homechain_devices.sdk.trust import Trust

KEY_FILE_NAME: Final = "device.key"

Search = Callable[[], Awaitable[list[str]]]
"""Looks for hubs on the network; `host:port` addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How the device gets to hubs."""

    fixed_addresses: list[str]
    timeouts: ClientTimeouts
    search: Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One run of one device."""

    thing: Thing
    handlers: Mapping[str, Handler]
    readings: Readings
    unsaved: Unsaved
    network: Network
    clock: DeviceClock
    limits: DeviceLimits
    notify: Callable[[DeviceEvent], None]

    async def run(self, state_dir: Path) -> NoReturn:
        """Run until cancelled or an error that no second try can settle."""
        key, first_counter = await asyncio.to_thread(_open_key, state_dir, self.clock.now_ms())
        outbox = await Outbox.open(
            state_dir, key=key, limits=self.limits, first_counter=first_counter
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                saved = asyncio.Event()
                tasks.create_task(self._save_readings(outbox, saved))
                tasks.create_task(self._live(key, outbox, saved))
        finally:
            if left := self.unsaved.take():
                await outbox.add_readings(left)
            await outbox.close()
        raise AssertionError("a device runs until it is cancelled")

    async def _save_readings(self, outbox: Outbox, saved: asyncio.Event) -> NoReturn:
        """All that was reported while the disk was busy goes there in one step."""
        while True:
            await self.unsaved.wait()
            if dropped := await outbox.add_readings(self.unsaved.take()):
                self.notify(ReadingsDropped(count=dropped))
            saved.set()

    async def _live(self, key: PrivateKey, outbox: Outbox, saved: asyncio.Event) -> None:
        hubs = Hubs(
            self.network.fixed_addresses,
            key=key,
            clock=self.clock,
            limits=self.limits,
            timeouts=self.network.timeouts,
            notify=self.notify,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._search(hubs))
            trust = Trust.from_papers(await outbox.papers())
            if trust is None:
                trust = await self._register(key, hubs, outbox)
                await outbox.keep_papers(trust.papers())
                paper = trust.paper
                self.notify(
                    TakenIn(
                        device=key.public.did, home=paper.home, name=paper.name, area=paper.area
                    )
                )
            outbox.belong_to(trust.paper.home)
            self.clock.learn(trust.proven_ms)
            tasks.create_task(self._serve(key.public.did, trust, hubs, outbox, saved))

    async def _register(self, key: PrivateKey, hubs: Hubs, outbox: Outbox) -> Trust:
        registration = Registration(
            key=key,
            thing=self.thing,
            hubs=hubs,
            outbox=outbox,
            clock=self.clock,
            limits=self.limits,
            notify=self.notify,
        )
        return await registration.run()

    async def _serve(
        self, did: str, trust: Trust, hubs: Hubs, outbox: Outbox, saved: asyncio.Event
    ) -> None:
        """Report and obey, for the home that the device belongs to."""
        papers = Papers(
            trust=trust,
            hubs=hubs,
            outbox=outbox,
            clock=self.clock,
            limits=self.limits,
            fixed_addresses=self.network.fixed_addresses,
        )
        answered = asyncio.Event()
        acting = Acting(
            did=did,
            trust=trust,
            handlers=self.handlers,
            outbox=outbox,
            readings=self.readings,
            clock=self.clock,
            action_s=self.limits.action_s,
            notify=self.notify,
        )
        commands = Commands(
            hubs=hubs,
            acting=acting,
            papers=papers,
            streams=self.limits.streams,
            answered=answered.set,
            notify=self.notify,
        )
        copies = Copies(trust=trust, hubs=hubs, stills=outbox.stills)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(papers.run())
            tasks.create_task(copies.run())
            tasks.create_task(commands.run())
            for outcomes, wake in ((True, answered), (False, saved)):
                sender = Sender(
                    outcomes=outcomes,
                    outbox=outbox,
                    hubs=hubs,
                    clock=self.clock,
                    wake=wake,
                    copy=copies.add,
                    notify=self.notify,
                )
                tasks.create_task(sender.run())

    async def _search(self, hubs: Hubs) -> NoReturn:
        """Look for hubs on the network whenever none of those that are known has answered."""
        while True:
            if hubs.addresses and hubs.silent_ms() < self.limits.search_after_ms:
                await asyncio.sleep(self.limits.search_after_ms / 1_000)
                continue
            found = await self.network.search()
            if found:
                hubs.found(found)
            if not hubs.addresses:
                self.notify(SearchingHubs(addresses=self.network.fixed_addresses))
            await asyncio.sleep(self.limits.search_pause_ms / 1_000)


def _open_key(state_dir: Path, now_ms: int) -> tuple[PrivateKey, int]:
    """The device's key, and where a new file of its counters has to begin."""
    path = state_dir / KEY_FILE_NAME
    if not path.exists():
        return create_key_file(path, generate_seed(), passphrase=None), 1
    key = load_key_file(path, passphrase=None)
    if (state_dir / FILE_NAME).exists():
        return key, 1
    # The key has signed before and its counters are lost. Nothing signs a thousand records a
    # second from 1970 on, so the time in milliseconds is beyond all that it used.
    return key, now_ms
