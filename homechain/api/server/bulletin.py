"""What only this hub's servers know, told to the live feeds: deliveries, requests, the end."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

QUEUE_ITEMS: Final = 64


class Delivered(Struct, frozen=True):
    """A command was written to its device's stream."""

    command: bytes


class RequestsChanged(Struct, frozen=True):
    """Another device or hub waits, or one waits no longer."""


class Closing(Struct, frozen=True):
    """The server stops."""


LocalNotice = Delivered | RequestsChanged | Closing


class Bulletin:
    """Hands notices to every live feed of this hub; a feed that does not read loses them."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[LocalNotice]] = set()
        self._closed = False

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[LocalNotice]]:
        """Notices from now on."""
        queue: asyncio.Queue[LocalNotice] = asyncio.Queue(QUEUE_ITEMS)
        if self._closed:
            queue.put_nowait(Closing())
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def publish(self, notice: LocalNotice) -> None:
        """To all; never waits."""
        for queue in self._queues:
            if queue.full():
                # All of them are hints about what can be asked again, but for the last.
                queue.get_nowait()
            queue.put_nowait(notice)

    def close(self) -> None:
        """Every stream ends."""
        self._closed = True
        self.publish(Closing())


class Deliveries:
    """When this hub wrote which command to its device's stream: the newest `capacity` of them."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._at_ms: OrderedDict[bytes, int] = OrderedDict()

    def note(self, command: bytes, *, at_ms: int) -> None:
        """It was delivered. The first time counts."""
        self._at_ms.setdefault(command, at_ms)
        while len(self._at_ms) > self._capacity:
            self._at_ms.popitem(last=False)

    def at_ms(self, command: bytes) -> int | None:
        """When it was delivered here, if it was."""
        return self._at_ms.get(command)


class DeviceStreams:
    """Which devices hold a command stream open here. A newer stream takes the older one's place."""

    def __init__(self) -> None:
        self._newest: dict[str, object] = {}

    def __contains__(self, device: str) -> bool:
        return device in self._newest

    @contextmanager
    def held(self, device: str) -> Iterator[object]:
        """A ticket that stays valid until this device opens another stream."""
        ticket = object()
        self._newest[device] = ticket
        try:
            yield ticket
        finally:
            if self._newest.get(device) is ticket:
                del self._newest[device]

    def is_newest(self, device: str, ticket: object) -> bool:
        """Whether the device still listens to the stream that holds `ticket`."""
        return self._newest.get(device) is ticket
