"""One stream of news from several: the hub's notices, this server's own, and the clock."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from msgspec import Struct

from homechain.api.server.bulletin import Closing, LocalNotice
from homechain.api.server.ports import Listener
from homechain.node.feed import Notice


class Tick(Struct, frozen=True):
    """Nothing happened for a while: time to say that the stream is alive."""


News = Notice | LocalNotice | Tick

_HUB: Final = "hub"
_LOCAL: Final = "local"


async def merged(
    listener: Listener, local: asyncio.Queue[LocalNotice], *, keep_alive_s: float
) -> AsyncGenerator[News, None]:
    """News as they come, a `Tick` after `keep_alive_s` of silence; ends when the hub stops."""
    waits: dict[str, asyncio.Task[Notice | LocalNotice | None]] = {}
    try:
        while True:
            if _LOCAL not in waits:
                waits[_LOCAL] = asyncio.create_task(local.get())
            if _HUB not in waits:
                waits[_HUB] = asyncio.create_task(listener.next())
            done, _ = await asyncio.wait(
                waits.values(), timeout=keep_alive_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                yield Tick()
            for name in [name for name, task in waits.items() if task in done]:
                news = waits.pop(name).result()
                if news is None or isinstance(news, Closing):
                    return
                yield news
    finally:
        for task in waits.values():
            task.cancel()
        await asyncio.gather(*waits.values(), return_exceptions=True)
