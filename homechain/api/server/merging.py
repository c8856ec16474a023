"""One stream of news from several: the hub's notices, this server's own, and the clock."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from msgspec import Struct

from homechain.api.server.bulletin import Closing, LocalNotice
from homechain.api.server.ports import Listener
from homechain.node.feed import Notice


class Tick(Struct, frozen=True):
    """Time to say that the stream is alive: most news is not for this reader."""


News = Notice | LocalNotice | Tick

_HUB: Final = "hub"
_LOCAL: Final = "local"


async def merged(
    listener: Listener, local: asyncio.Queue[LocalNotice], *, keep_alive_s: float
) -> AsyncGenerator[News, None]:
    """News as they come, and a `Tick` every `keep_alive_s`; ends when the hub stops."""
    clock_s = asyncio.get_running_loop().time
    tick_due_s = clock_s() + keep_alive_s
    waits: dict[str, asyncio.Task[Notice | LocalNotice | None]] = {}
    try:
        while True:
            if _LOCAL not in waits:
                waits[_LOCAL] = asyncio.create_task(local.get())
            if _HUB not in waits:
                waits[_HUB] = asyncio.create_task(listener.next())
            done, _ = await asyncio.wait(
                waits.values(),
                timeout=max(0.0, tick_due_s - clock_s()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if clock_s() >= tick_due_s:
                tick_due_s = clock_s() + keep_alive_s
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
