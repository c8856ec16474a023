"""One trusted hub, as seen from here: its link, its queue, where it may be, how it is doing."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from homechain.mesh.addresses import AddressBook
from homechain.mesh.back_off import BackOff
from homechain.mesh.link import Direction, Link, LinkTimings, Socket, Traffic
from homechain.mesh.send_queue import SendQueue
from homechain.model.messages import Status
from homechain.node.ports import Clock, Randomness


class LinkReport(Struct, frozen=True, kw_only=True):
    """How the link with one hub is doing, for people."""

    hub: str
    connected: bool
    direction: str | None
    """`dialled` or `accepted`, as seen from here; None without a link."""
    address: str | None
    """`host:port` at the other end; None without a link."""
    up_since_ms: int | None
    """This hub's wall clock; None without a link."""
    rtt_ms: float | None
    clock_skew_ms: float | None
    """How far the other hub's wall clock is ahead of this one's, by its last status."""
    sent: int
    received: int
    sent_bytes: int
    received_bytes: int
    dropped: int
    """Messages that found the queue full."""
    malformed: int
    failed_dials: int
    links: int
    """How many links there have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerEvents:
    """Whom a peer tells. None of them may block."""

    on_frame: Callable[["Peer", bytes], bool]
    """Says whether the frame was a message."""
    on_up: Callable[[str], None]
    on_down: Callable[[str], None]


class Peer:
    """One trusted hub. At most one link carries what is sent: `link`."""

    def __init__(
        self,
        hub: str,
        *,
        own_did: str,
        context: ssl.SSLContext,
        clock: Clock,
        randomness: Randomness,
        timings: LinkTimings,
        events: "PeerEvents",
    ) -> None:
        assert hub != own_did
        self.hub = hub
        self.context = context
        self.book = AddressBook()
        self.queue = SendQueue()
        self.traffic = Traffic()
        self.back_off = BackOff(
            first_s=timings.back_off_first_s,
            most_s=timings.back_off_most_s,
            randomness=randomness,
        )
        self.link: Link | None = None
        self.task: asyncio.Task[None] | None = None
        self.news = asyncio.Event()
        """Set when there is a reason to dial again sooner."""
        self.unlinked = asyncio.Event()
        """Set while there is no link."""
        self.unlinked.set()
        self._prefers = Direction.DIALLED if own_did < hub else Direction.ACCEPTED
        self._clock = clock
        self._timings = timings
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._all: set[Link] = set()
        self._refused_until_s = 0.0
        self._up_since_ms = 0
        self._up_since_s = 0.0
        self._links = 0
        self._clock_skew_ms: float | None = None

    def link_over(self, socket: Socket, *, direction: Direction, address: str, boot: int) -> Link:
        """Return a link over a connection that has proven to be this hub's."""
        return Link(
            socket,
            direction=direction,
            address=address,
            boot=boot,
            timings=self._timings,
            traffic=self.traffic,
            on_frame=lambda _, data: self._events.on_frame(self, data),
        )

    def adopt(self, link: Link) -> None:
        """Take a new link into service, or leave it as a surplus to be read."""
        self._all.add(link)
        self._links += 1
        serving = self.link
        if serving is None:
            self._serve(link)
            self._events.on_up(self.hub)
        elif serving.boot != link.boot:
            # The hub restarted, and we notice it only now.
            serving.finish()
            self.queue.clear()
            self._events.on_down(self.hub)
            self._serve(link)
            self._events.on_up(self.hub)
        elif link.direction is serving.direction:
            # Dialled again by the same process: it has given the older one up.
            serving.finish()
            self._serve(link)
        elif link.direction is self._prefers:
            self._serve(link)
            self._retire(serving)
        else:
            self._retire(link)

    def drop(self, link: Link) -> None:
        """Forget a link that ended."""
        self._all.discard(link)
        if self.link is link:
            self.link = None
            self.queue.clear()
            self.unlinked.set()
            if self._loop.time() - self._up_since_s >= self._timings.settled_s:
                self.back_off.reset()
            self._events.on_down(self.hub)

    def finish(self) -> None:
        """End all links: nothing is delivered from them any more."""
        for link in self._all:
            link.finish()

    def refuse(self) -> None:
        """Have nothing to do with this hub for a while."""
        self._refused_until_s = self._loop.time() + self._timings.refusal_s

    def is_refused(self) -> bool:
        """Say whether that while is not over."""
        return self._loop.time() < self._refused_until_s

    def compare_clocks(self, status: Status) -> None:
        """Note how far the hub's clock is from ours."""
        travel_ms = (self.traffic.rtt_ms or 0.0) / 2
        self._clock_skew_ms = status.clock_ms + travel_ms - self._clock.wall_ms()

    def report(self) -> LinkReport:
        """Return how the link is doing."""
        link = self.link
        return LinkReport(
            hub=self.hub,
            connected=link is not None and link.answered_lately(),
            direction=link.direction.value if link is not None else None,
            address=link.address if link is not None else None,
            up_since_ms=self._up_since_ms if link is not None else None,
            rtt_ms=self.traffic.rtt_ms,
            clock_skew_ms=self._clock_skew_ms,
            sent=self.traffic.sent,
            received=self.traffic.received,
            sent_bytes=self.traffic.sent_bytes,
            received_bytes=self.traffic.received_bytes,
            dropped=self.queue.dropped,
            malformed=self.traffic.malformed,
            failed_dials=self.traffic.failed_dials,
            links=self._links,
        )

    def _serve(self, link: Link) -> None:
        self.link = link
        self.unlinked.clear()
        self._up_since_ms = self._clock.wall_ms()
        self._up_since_s = self._loop.time()

    def _retire(self, link: Link) -> None:
        link.stop_writing()
        if self._prefers is Direction.DIALLED:
            link.finish()
        else:
            self._loop.call_later(self._timings.surplus_s, link.finish)
