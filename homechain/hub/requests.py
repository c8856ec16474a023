"""Who waits at the door: devices that ask to be taken in, hubs that were paired by code.

Kept in memory, bounded and fair, and gone after a while: who still wants in asks again. Nothing
here grants anything; only a resident's signature does.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from homechain.ledger.errors import LedgerError
from homechain.ledger.records import read_description, verify_description
from homechain.model.errors import FormatError
from homechain.model.messages import PendingDevice, PendingHub
from homechain.model.records import HubDescription
from homechain.node.ports import Clock

DEVICES_WAITING: Final = 64
DEVICES_PER_HUB: Final = 32
"""Most requests that one other hub may bring."""
HUBS_WAITING: Final = 8
HUB_DESCRIPTION_BYTES: Final = 16 * 1024
NONCE_BYTES: Final = 64
"""Longest nonce; what is longer is no request but a way to fill the memory."""
WAIT_MS: Final = 30 * 60 * 1000


class Requests:
    """The requests that this hub knows of, its own and those of other hubs."""

    def __init__(self, *, clock: Clock, hub: str) -> None:
        self._clock = clock
        self._hub = hub
        self._devices: OrderedDict[str, tuple[int, PendingDevice]] = OrderedDict()
        self._hubs: OrderedDict[str, tuple[int, PendingHub]] = OrderedDict()

    def devices(self, *, taken_in: Callable[[str], bool]) -> list[PendingDevice]:
        """Newest first, without those that belong to the home by now."""
        self._tidy()
        for device in [device for device in self._devices if taken_in(device)]:
            del self._devices[device]
        return [request for _, request in reversed(self._devices.values())]

    def hubs(self, *, taken_in: Callable[[str], bool]) -> list[PendingHub]:
        """Newest first, without those that belong to the home by now."""
        self._tidy()
        for hub in [hub for hub in self._hubs if taken_in(hub)]:
            del self._hubs[hub]
        return [request for _, request in reversed(self._hubs.values())]

    def add_device(self, request: PendingDevice) -> bool:
        """Takes a request in; False if it is senseless or there is no room."""
        self._tidy()
        if max(len(request.hub_nonce), len(request.device_nonce)) > NONCE_BYTES:
            return False
        try:
            description = read_description(request.description)
        except (LedgerError, FormatError):
            return False
        if description.payload.hub != request.hub or not verify_description(description):
            return False  # a hub brings those that introduced themselves to it, and nobody else
        device = description.signer
        known = device in self._devices
        if known and not self._may_replace(self._devices[device][1].hub, by=request.hub):
            return False
        of_hub = sum(1 for _, other in self._devices.values() if other.hub == request.hub)
        if not known and request.hub != self._hub and of_hub >= DEVICES_PER_HUB:
            return False
        if not known and len(self._devices) >= DEVICES_WAITING:
            return False
        self._devices[device] = (self._clock.monotonic_ms() + WAIT_MS, request)
        self._devices.move_to_end(device)
        return True

    def add_hub(self, request: PendingHub) -> bool:
        """Takes a request in; False if it is senseless or there is no room.

        One that this hub paired itself always finds room: its code was typed by a resident.
        """
        self._tidy()
        if len(request.description) > HUB_DESCRIPTION_BYTES:
            return False
        try:
            hub = msgspec.json.decode(request.description, type=HubDescription).hub
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        if hub in self._hubs and not self._may_replace(self._hubs[hub][1].via, by=request.via):
            return False
        if hub not in self._hubs and len(self._hubs) >= HUBS_WAITING:
            if request.via != self._hub:
                return False
            del self._hubs[self._one_to_displace()]
        self._hubs[hub] = (self._clock.monotonic_ms() + WAIT_MS, request)
        self._hubs.move_to_end(hub)
        return True

    def _may_replace(self, before: str, *, by: str) -> bool:
        """What was seen here itself is not overwritten by what others say of it."""
        return before != self._hub or by == self._hub

    def _one_to_displace(self) -> str:
        """The oldest that another hub brought, else the oldest."""
        brought = (hub for hub, (_, request) in self._hubs.items() if request.via != self._hub)
        return next(brought, next(iter(self._hubs)))

    def _tidy(self) -> None:
        now_ms = self._clock.monotonic_ms()
        for waiting in (self._devices, self._hubs):
            for name in [name for name, (until_ms, _) in waiting.items() if until_ms <= now_ms]:
                del waiting[name]
