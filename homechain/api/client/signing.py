"""Signs a person's records, each with a counter of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from homechain.crypto.jws import sign_compact
from homechain.crypto.keys import PrivateKey
from homechain.model.records import HomeRecord, read_payload, write_payload


class RecordSigner:
    """One person's key and the counters it has used in this process."""

    def __init__(self, key: PrivateKey, *, wall_s: Callable[[], float]) -> None:
        self._key = key
        self._wall_s = wall_s
        self._last_counter = 0
        self._one_at_a_time = asyncio.Lock()

    @property
    def did(self) -> str:
        """The signer's name."""
        return self._key.public.did

    def now_s(self) -> int:
        """Seconds since 1970 on this machine's clock."""
        return int(self._wall_s())

    def most_counter(self) -> int:
        """The largest counter that is believed: nobody signs a thousand records a second."""
        return max(int(self._wall_s() * 1000), self._last_counter + 1)

    @asynccontextmanager
    async def counter(self, ask: Callable[[], Awaitable[int]]) -> AsyncIterator[int]:
        """A counter that neither this process nor the hub has seen used.

        The hub knows only what is final or pending there, and this process only what it signed, so
        the larger one counts.
        """
        async with self._one_at_a_time:
            self._last_counter = max(await ask(), self._last_counter + 1)
            yield self._last_counter

    def sign(
        self, kind: type[HomeRecord], *, home: str, counter: int, fields: Mapping[str, Any]
    ) -> bytes:
        """The record's exact bytes; `FormatError` if a hub would refuse to read them."""
        record = kind(iss=self.did, ctr=counter, iat=self.now_s(), home=home, **fields)
        payload = write_payload(record)
        read_payload(kind.TYP, payload)
        return sign_compact(payload, typ=kind.TYP, key=self._key)
