"""The streams' merged news."""

import asyncio
from contextlib import aclosing

from homechain.api.server.bulletin import LocalNotice
from homechain.api.server.merging import Tick, merged
from homechain.node.feed import MeshNotice, Notice


class BusyListener:
    """A home in which something always happens, though never for the reader at hand."""

    async def next(self) -> Notice | None:
        return MeshNotice()


async def test_a_busy_home_does_not_silence_a_stream_that_none_of_it_concerns() -> None:
    local: asyncio.Queue[LocalNotice] = asyncio.Queue()
    ticks = 0
    async with aclosing(merged(BusyListener(), local, keep_alive_s=0.0)) as stream:
        async for news in stream:
            ticks += isinstance(news, Tick)
            if ticks == 3:
                break
    assert ticks == 3
