"""The hubs as this device reaches them: whom to ask next, and a client to ask with.

Any hub of the home will do, and none is believed: what comes from one is checked elsewhere.
"""

import asyncio
import random
from collections.abc import Callable, Collection
from contextlib import suppress

from homechain.api.client import DeviceClient
from homechain.api.client.transport import ClientTimeouts
from homechain.crypto.keys import PrivateKey
from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.errors import NotTakenIn
from homechain_devices.sdk.events import DeviceEvent, HubLost
from homechain_devices.sdk.limits import DeviceLimits
from homechain_devices.sdk.roster import HubRoster


class Hubs:
    """Fail-over for one device."""

    def __init__(
        self,
        addresses: Collection[str],
        *,
        key: PrivateKey,
        clock: DeviceClock,
        limits: DeviceLimits,
        timeouts: ClientTimeouts,
        notify: Callable[[DeviceEvent], None],
    ) -> None:
        self._roster = HubRoster(
            addresses,
            backoff_first_ms=limits.backoff_first_ms,
            backoff_most_ms=limits.backoff_most_ms,
            chance=random.random,
        )
        self._of_home = list(addresses)
        self._found: list[str] = []
        self._key = key
        self._clock = clock
        self._timeouts = timeouts
        self._notify = notify
        self._changed = asyncio.Event()
        self._worked_ms = clock.monotonic_ms()
        self._turned_away_by: set[str] = set()
        self._lost: dict[str, str] = {}
        """Why a hub was lost, so that one loss is told once."""

    @property
    def addresses(self) -> list[str]:
        """Every address that is known."""
        return self._roster.addresses

    def replace(self, addresses: Collection[str]) -> None:
        """The home's hubs are at these addresses now, says the home."""
        self._of_home = list(addresses)
        self._know()

    def found(self, addresses: Collection[str]) -> None:
        """A search of the network heard hubs here.

        They are asked besides the home's own until the next search: a hub whose address changed,
        or that has a link-local one only, is where the home does not say.
        """
        self._found = list(addresses)
        self._know()

    def _know(self) -> None:
        addresses = list(dict.fromkeys([*self._of_home, *self._found]))
        self._roster.replace(addresses)
        self._lost = {address: why for address, why in self._lost.items() if address in addresses}
        self._changed.set()

    def client(self, address: str) -> DeviceClient:
        """A client of the hub at `address`; the caller closes it."""
        return DeviceClient(
            address, key=self._key, timeouts=self._timeouts, wall_ms=self._clock.now_ms
        )

    async def next(self, *, but: Callable[[], Collection[str]] = tuple) -> str:
        """The address to ask now; waits while every hub has to be left alone.

        `but` names those that are out of the question, and is asked again after each wait.
        """
        while True:
            self._changed.clear()
            found = self._roster.best(self._clock.monotonic_ms(), but=but())
            if found is not None and found[1] == 0:
                return found[0]
            with suppress(TimeoutError):  # the wait of the best hub is over
                async with asyncio.timeout(None if found is None else found[1] / 1_000):
                    await self._changed.wait()

    def reconsider(self) -> None:
        """What `but` answers may have changed: whoever waits in `next` looks again."""
        self._changed.set()

    def worked(self, address: str) -> None:
        """The hub did what was asked."""
        self._worked_ms = self._clock.monotonic_ms()
        self._turned_away_by.discard(address)
        self._lost.pop(address, None)
        self._roster.worked(address, self._clock.monotonic_ms())

    def silent_ms(self) -> int:
        """How long no hub has done what it was asked."""
        return self._clock.monotonic_ms() - self._worked_ms

    def failed(self, address: str, reason: str) -> None:
        """The hub did not do it; another comes first for a while."""
        self._roster.failed(address, self._clock.monotonic_ms())
        if self._lost.get(address) != reason:
            self._lost[address] = reason
            self._notify(HubLost(address=address, reason=reason[:256]))

    def turned_away(self, address: str, reason: str) -> None:
        """The hub says that the home will not have this device; one hub alone may be lying.

        Raises `NotTakenIn` once every hub says so.
        """
        self._turned_away_by.add(address)
        if self._turned_away_by.issuperset(self._of_home or self._roster.addresses):
            raise NotTakenIn(reason)
        self.failed(address, reason)
