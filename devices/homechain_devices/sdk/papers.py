"""Keeping the papers fresh: who the hubs are and where they are, as proven, from any hub."""

import asyncio
from collections.abc import Collection
from typing import Final, NoReturn

from homechain.api.client import ClientError, HubProblem
from homechain.api.schema.pairing import DeviceState
from homechain.api.schema.problems import ProblemCode
from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.errors import RETIRED, WrongHome
from homechain_devices.sdk.hubs import Hubs
from homechain_devices.sdk.limits import DeviceLimits
from homechain_devices.sdk.outbox import Outbox
from homechain_devices.sdk.trust import Trust

REFRESHED_ENOUGH_MS: Final = 5_000
"""Papers as young as this are not asked for again, whatever a hub sends."""


class Papers:
    """The trust bundle's way from the hubs to the disk."""

    def __init__(
        self,
        *,
        trust: Trust,
        hubs: Hubs,
        outbox: Outbox,
        clock: DeviceClock,
        limits: DeviceLimits,
        fixed_addresses: Collection[str],
    ) -> None:
        """`fixed_addresses` were given by hand and are asked as well, after the home's own."""
        self._trust = trust
        self._hubs = hubs
        self._outbox = outbox
        self._clock = clock
        self._limits = limits
        self._fixed_addresses = list(fixed_addresses)
        self._refreshed_ms: int | None = None
        self._use_addresses()

    async def run(self) -> NoReturn:
        """Refresh at once and then from time to time. Raises `NotTakenIn` once retired."""
        while True:
            if await self.refresh():
                await asyncio.sleep(self._limits.refresh_ms / 1_000)

    async def refresh(self) -> bool:
        """Ask one hub; say whether the papers are new. Raises `NotTakenIn` once retired."""
        now_ms = self._clock.monotonic_ms()
        if self._refreshed_ms is not None and now_ms - self._refreshed_ms < REFRESHED_ENOUGH_MS:
            return False
        address = await self._hubs.next()
        try:
            async with self._hubs.client(address) as client:
                status = await client.status()
            if status.state is DeviceState.RETIRED:
                self._hubs.turned_away(address, RETIRED)
                return False
            if status.bundle is None:
                # A hub that lags behind may not know this device yet.
                self._hubs.failed(address, "the hub does not know this device")
                return False
            self._trust.take_bundle(status.bundle)
        except (ClientError, WrongHome) as error:
            if isinstance(error, HubProblem) and error.code == ProblemCode.RETIRED:
                self._hubs.turned_away(address, RETIRED)
                return False
            self._hubs.failed(address, str(error))
            return False
        self._refreshed_ms = now_ms
        self._hubs.worked(address)
        self._clock.learn(self._trust.proven_ms)
        await self._outbox.keep_papers(self._trust.papers())
        self._use_addresses()
        return True

    def _use_addresses(self) -> None:
        addresses = [*self._trust.paper.addresses(), *self._fixed_addresses]
        self._hubs.replace(list(dict.fromkeys(addresses)))
