"""The live feed as a client follows it: resumes where it broke, at another hub if need be."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from homechain.api.client.errors import HubProblem, HubUnreachable, UnexpectedAnswer
from homechain.api.client.failover import HubRing
from homechain.api.client.lines import decoded_lines
from homechain.api.client.live import FeedItem, LiveLost
from homechain.api.schema.live import LiveBlock, LiveItem, LiveResync

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 5.0
_FINAL_REFUSAL: Final = frozenset({400, 401, 403, 404})


async def follow(
    ring: HubRing, *, after: int | None, pause: Callable[[float], Awaitable[None]]
) -> AsyncIterator[FeedItem]:
    """Every item of the feed, and a `LiveLost` for each time that it broke."""
    attempts = 0
    while True:
        reason = "the hub closed the feed"
        try:
            async for item in _once(ring, after):
                attempts = 0
                if isinstance(item, LiveBlock | LiveResync):
                    after = item.height
                yield item
        except HubProblem as problem:
            if problem.status in _FINAL_REFUSAL:
                raise
            reason = str(problem)
        except (HubUnreachable, UnexpectedAnswer) as error:
            reason = str(error)
        attempts += 1
        ring.skip_current()
        yield LiveLost(reason=reason, attempts=attempts)
        await pause(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempts - 1, 8)))


async def _once(ring: HubRing, after: int | None) -> AsyncIterator[LiveItem]:
    path = "/v1/stream" if after is None else f"/v1/stream?after={after}"
    async with ring.opened(ring.current, "GET", path, is_stream=True) as response:
        async for item in decoded_lines(response, LiveItem):
            yield item
