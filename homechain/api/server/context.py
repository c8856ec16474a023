"""What all handlers of one hub share."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.bulletin import Bulletin, Deliveries, DeviceStreams
from homechain.api.server.desk import Desk
from homechain.api.server.limits import ApiLimits
from homechain.api.server.ports import Hub
from homechain.api.server.rates import Rates
from homechain.api.server.refusals import Refused
from homechain.api.server.sessions import Sessions
from homechain.api.server.signed_requests import SeenRequests
from homechain.ledger.records import read_description, read_record
from homechain.model.limits import DEVICES
from homechain.model.records import DeviceRecord, Thing

NONCE_BYTES: Final = 32


class Context:
    """One hub, its limits, and what its servers remember in memory."""

    def __init__(
        self,
        hub: Hub,
        *,
        limits: ApiLimits,
        residents_port: int | None = None,
        allowed_hosts: tuple[str, ...] = (),
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.hub = hub
        self.limits = limits
        self.residents_port = residents_port
        self.allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self.bulletin = Bulletin()
        self.deliveries = Deliveries(capacity=limits.deliveries)
        self.device_streams = DeviceStreams()
        self.sessions = Sessions(limits=limits, now_s=self.now_s, random_bytes=random_bytes)
        self.seen_requests = SeenRequests(capacity=limits.replays, now_s=self.now_s)
        self.desk = Desk(
            capacity=limits.registrations,
            per_source=limits.registrations_per_source,
            lifetime_s=limits.registration_lifetime_s,
            now_s=self.now_s,
            nonce=lambda: random_bytes(NONCE_BYTES),
        )
        self.source_rates = self._rates(
            limits.requests_per_second_per_source, limits.requests_burst_per_source
        )
        self.loopback_rates = self._rates(
            limits.requests_per_second_loopback, limits.requests_burst_loopback
        )
        self.registration_rates = self._rates(
            limits.registrations_per_second_per_source, limits.registrations_burst_per_source
        )
        self.record_rates = self._rates(
            limits.records_per_second_per_device, limits.records_burst_per_device
        )
        self.request_rates = self._rates(
            limits.signed_requests_per_second_per_device,
            limits.signed_requests_burst_per_device,
        )
        self._things: dict[str, Thing] = {}
        self._streams: Counter[str] = Counter()

    def now_s(self) -> float:
        """Monotonic seconds, for limits and ends."""
        return self.hub.clock.monotonic_ms() / 1000

    def clock_ms(self) -> int:
        """The wall clock, for people and for signed requests."""
        return self.hub.clock.wall_ms()

    def time_ms(self) -> int:
        """The best guess at the next block's time: a clock set back revives nothing."""
        return max(self.hub.clock.wall_ms(), self.hub.head.time_ms)

    async def thing(self, device: str) -> Thing:
        """How a device of this home described itself. A key has one description for ever."""
        known = self._things.get(device)
        if known is not None:
            return known
        rows = await self.hub.queries.recent_records(kinds=("device",), device=device, limit=8)
        for row in rows:
            payload = read_record(row.raw).payload
            if isinstance(payload, DeviceRecord):
                description = read_description(payload.description.encode("ascii")).payload
                if description.iss == device:
                    if len(self._things) >= DEVICES:
                        self._things.clear()
                    self._things[device] = description.thing
                    return description.thing
        raise Refused(ProblemCode.UNKNOWN_DEVICE, "This home has no such device.")

    @contextmanager
    def stream_of(self, principal: str) -> Iterator[None]:
        """A place for a live stream; `busy` if this person, or everybody, holds too many."""
        if (
            self._streams[principal] >= self.limits.streams_per_person
            or self._streams.total() >= self.limits.streams
        ):
            raise Refused(
                ProblemCode.BUSY, "Too many streams are open: close one.", retry_after_s=5
            )
        self._streams[principal] += 1
        try:
            yield
        finally:
            self._streams[principal] -= 1
            if not self._streams[principal]:
                del self._streams[principal]

    def _rates(self, per_second: float, burst: float) -> Rates:
        return Rates(per_second=per_second, burst=burst, keys=self.limits.sources, now_s=self.now_s)


CONTEXT: Final = web.AppKey("context", Context)


async def verified(check: Callable[[], bool]) -> bool:
    """A signature's verdict, found off the event loop."""
    return await asyncio.to_thread(check)
