"""Stills to every hub: the one that took the outcome must not be the only one that has the picture.

Best effort, after the outcome is final. A hub that is away just then does without.
"""

import asyncio
import logging
from typing import NoReturn

from homechain.api.client import ClientError
from homechain.crypto.hashing import unb64u
from homechain_devices.sdk.hubs import Hubs
from homechain_devices.sdk.media import MediaStore
from homechain_devices.sdk.trust import Trust

log = logging.getLogger(__name__)


class Copies:
    """Brings each still to the hubs, one after another, and then forgets it."""

    def __init__(self, *, trust: Trust, hubs: Hubs, stills: MediaStore) -> None:
        self._trust = trust
        self._hubs = hubs
        self._stills = stills
        self._digests: asyncio.Queue[str] = asyncio.Queue()

    def add(self, digest: str) -> None:
        """A still whose outcome is final: SHA-256, base64url."""
        self._digests.put_nowait(digest)

    async def run(self) -> NoReturn:
        """Copy for ever."""
        while True:
            digest = await self._digests.get()
            jpeg = await self._stills.read(digest)
            if jpeg is not None:
                for hub in self._trust.paper.hubs:
                    await self._bring(hub.api, digest, jpeg)
                await self._stills.forget(digest)

    async def _bring(self, addresses: list[str], digest: str, jpeg: bytes) -> None:
        """To one hub, at the first of its addresses that works. Bringing it twice is harmless."""
        for address in addresses:
            try:
                async with self._hubs.client(address) as client:
                    await client.put_media(unb64u(digest), jpeg)
            except ClientError as error:
                log.info("still %s did not reach %s: %s", digest, address, error)
            else:
                return
