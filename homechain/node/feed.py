"""What becomes final, told to whoever listens: dashboards, devices' command streams.

A listener that cannot keep up does not slow the home down: its queue is emptied and it is told to
read everything again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.decisions import Decision
from homechain.ledger.records import SignedRecord

QUEUE_NOTICES: Final = 256
LISTENERS: Final = 512


class FinalNotice(Struct, frozen=True, kw_only=True):
    """One block became final here."""

    height: int
    hash: bytes
    time_ms: int
    first_index: int
    records: tuple[SignedRecord, ...]
    decisions: tuple[Decision, ...]
    """One for each command in `records`, in order."""

    @classmethod
    def of(cls, built: BuiltBlock) -> "FinalNotice":
        """The notice of a block that is final."""
        return cls(
            height=built.height,
            hash=built.hash,
            time_ms=built.header.time_ms,
            first_index=built.first_index,
            records=built.records,
            decisions=built.decisions,
        )


class MeshNotice(Struct, frozen=True, kw_only=True):
    """Leader, term, links or membership changed: read the mesh report again."""


class Resync(Struct, frozen=True, kw_only=True):
    """Notices were lost because the listener was slow: read everything again."""


Notice = FinalNotice | MeshNotice | Resync


class TooManyListeners(Exception):
    """All places are taken."""


class Listener:
    """One bounded queue of notices. Iterate over it; it ends when the hub stops."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Notice | None] = asyncio.Queue(QUEUE_NOTICES)

    def offer(self, notice: Notice | None) -> None:
        """Never waits: a full queue is emptied and replaced by one `Resync`."""
        try:
            self._queue.put_nowait(notice)
        except asyncio.QueueFull:
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(Resync() if notice is not None else None)

    async def __aiter__(self) -> AsyncIterator[Notice]:
        while (notice := await self._queue.get()) is not None:
            yield notice

    async def next(self) -> Notice | None:
        """The next notice; None when the hub stops."""
        return await self._queue.get()


class Feed:
    """Hands every notice to every listener."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    @contextmanager
    def subscribe(self) -> Iterator[Listener]:
        """Notices from now on. `TooManyListeners` beyond `LISTENERS`."""
        if len(self._listeners) >= LISTENERS:
            raise TooManyListeners
        listener = Listener()
        if self._closed:
            listener.offer(None)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def publish(self, notice: Notice) -> None:
        """To all listeners; never waits."""
        for listener in self._listeners:
            listener.offer(notice)

    def close(self) -> None:
        """The hub stops: every listener's iteration ends."""
        self._closed = True
        for listener in self._listeners:
            listener.offer(None)
