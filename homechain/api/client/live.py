"""What a live feed yields beside what the hub says."""

from msgspec import Struct

from homechain.api.schema.live import LiveItem


class LiveLost(Struct, frozen=True, kw_only=True):
    """The feed broke; the client goes on trying, at another hub if there is one."""

    reason: str
    attempts: int
    """Failed attempts in a row."""


FeedItem = LiveItem | LiveLost
