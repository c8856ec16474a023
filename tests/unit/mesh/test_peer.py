"""Which of several connections with one hub is the link."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from homechain.mesh.link import Direction, Link, LinkTimings, Socket
from homechain.mesh.peer import Peer, PeerEvents
from tests.fakes.mesh_world import PATIENCE_S, CountingRandomness, StillClock, key_of, status_of

SMALLER, LARGER = sorted(key_of(number).public.did for number in (1, 2))


class HangingSocket:
    """A WebSocket on which nothing ever comes."""

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def ping(self) -> None: ...


class Story:
    """A peer as one hub sees it, and what it reported."""

    def __init__(self, *, own: str, other: str) -> None:
        self.told: list[str] = []
        self.running: dict[Link, asyncio.Task[None]] = {}
        self.peer = Peer(
            other,
            own_did=own,
            context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            clock=StillClock(),
            randomness=CountingRandomness(),
            timings=LinkTimings(surplus_s=0.01),
            events=PeerEvents(
                on_frame=lambda _, __: True,
                on_up=lambda _: self.told.append("up"),
                on_down=lambda _: self.told.append("down"),
            ),
        )

    def connect(self, direction: Direction, *, boot: int = 1) -> Link:
        socket = cast(Socket, HangingSocket())
        link = self.peer.link_over(socket, direction=direction, address="a:1", boot=boot)
        self.peer.adopt(link)
        self.running[link] = asyncio.create_task(self._carry(link))
        return link

    async def ends(self, link: Link) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.running[link]

    async def _carry(self, link: Link) -> None:
        await link.run(self.peer.queue)
        self.peer.drop(link)


@asynccontextmanager
async def story(*, own: str, other: str) -> AsyncIterator[Story]:
    told = Story(own=own, other=other)
    yield told
    told.peer.finish()
    await asyncio.gather(*told.running.values())


@pytest.mark.parametrize(
    "order",
    [(Direction.DIALLED, Direction.ACCEPTED), (Direction.ACCEPTED, Direction.DIALLED)],
)
async def test_the_smaller_did_keeps_what_it_dialled_and_closes_the_other(
    order: tuple[Direction, Direction],
) -> None:
    async with story(own=SMALLER, other=LARGER) as told:
        links = {direction: told.connect(direction) for direction in order}
        assert told.peer.link is links[Direction.DIALLED]
        await told.ends(links[Direction.ACCEPTED])
        assert told.peer.link is links[Direction.DIALLED]
        assert told.told == ["up"]


@pytest.mark.parametrize(
    "order",
    [(Direction.DIALLED, Direction.ACCEPTED), (Direction.ACCEPTED, Direction.DIALLED)],
)
async def test_the_larger_did_serves_what_it_accepted_and_reads_the_other_for_a_while(
    order: tuple[Direction, Direction],
) -> None:
    async with story(own=LARGER, other=SMALLER) as told:
        links = {direction: told.connect(direction) for direction in order}
        assert told.peer.link is links[Direction.ACCEPTED]
        assert not told.running[links[Direction.DIALLED]].done()
        await told.ends(links[Direction.DIALLED])
        assert told.told == ["up"]


async def test_a_second_connection_the_same_way_replaces_the_first() -> None:
    async with story(own=SMALLER, other=LARGER) as told:
        first = told.connect(Direction.ACCEPTED)
        second = told.connect(Direction.ACCEPTED)
        await told.ends(first)
        assert told.peer.link is second
        assert told.told == ["up"]


async def test_a_restarted_hub_wins_over_a_link_that_should_have_stayed() -> None:
    async with story(own=SMALLER, other=LARGER) as told:
        stale = told.connect(Direction.DIALLED, boot=1)
        told.peer.queue.put(b"for the process that died", urgent=True)
        fresh = told.connect(Direction.ACCEPTED, boot=2)
        assert told.peer.queue.pop() is None
        await told.ends(stale)
        assert told.peer.link is fresh
        assert told.told == ["up", "down", "up"]


async def test_the_end_of_the_link_is_told_and_its_queue_forgotten() -> None:
    async with story(own=SMALLER, other=LARGER) as told:
        link = told.connect(Direction.DIALLED)
        told.peer.queue.put(b"too late", urgent=True)
        link.finish()
        await told.ends(link)
        assert told.told == ["up", "down"]
        assert told.peer.queue.pop() is None
        assert told.peer.unlinked.is_set()
        report = told.peer.report()
        assert (report.connected, report.direction, report.address) == (False, None, None)
        assert report.links == 1


async def test_clocks_are_compared_with_half_the_way_taken_off() -> None:
    async with story(own=SMALLER, other=LARGER) as told:
        told.peer.traffic.rtt_ms = 100.0
        told.peer.compare_clocks(status_of(LARGER))
        assert told.peer.report().clock_skew_ms == 50.0 - StillClock().wall_ms()


async def test_a_refused_peer_stays_refused_for_a_while() -> None:
    async with story(own=SMALLER, other=LARGER) as told:
        assert not told.peer.is_refused()
        told.peer.refuse()
        assert told.peer.is_refused()
