"""One link: a WebSocket over mutual TLS, read, written, and listened to for signs of life.

A link carries frames; it does not know what a message means, nor that other links exist.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.web import WebSocketResponse

from homechain.mesh.rate import TokenBucket
from homechain.mesh.send_queue import SendQueue

PONGS_WAITING: Final = 16
"""Answers to pings that wait to be sent; more pings than that get none."""
FRAMES_PER_SECOND: Final = 5_000.0
FRAMES_BURST: Final = 10_000.0
BYTES_PER_SECOND: Final = 64.0 * 1024 * 1024
BYTES_BURST: Final = 128.0 * 1024 * 1024
"""What one peer may send. Beyond it this end stops reading, so the flood waits at its source."""
MALFORMED_PER_LINK: Final = 8
"""So many frames that are no message close the link."""

Socket = WebSocketResponse | ClientWebSocketResponse


class Direction(StrEnum):
    """Which end opened the connection, as seen from here."""

    DIALLED = "dialled"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTimings:
    """Every wait of the mesh, in seconds."""

    heartbeat_s: float = 1.0
    """Between two pings."""
    silence_s: float = 3.0
    """Without a frame for so long, the peer counts as gone."""
    dial_s: float = 3.0
    """For one address: connection, handshake and upgrade."""
    handshake_s: float = 5.0
    """For a stranger to finish the TLS handshake."""
    close_s: float = 1.0
    """For a good-bye to be answered."""
    surplus_s: float = 5.0
    """How long a link that lost against another one of the same peer is still read."""
    settled_s: float = 10.0
    """A link that lived so long lets the next one be dialled without back-off."""
    back_off_first_s: float = 0.25
    back_off_most_s: float = 10.0
    refusal_s: float = 30.0
    """How long a peer that sent rubbish is refused."""


@dataclass(slots=True)
class Traffic:
    """Counts over all links with one peer."""

    sent: int = 0
    received: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    malformed: int = 0
    failed_dials: int = 0
    rtt_ms: float | None = None


class Link:
    """One connection, from the upgrade to its end."""

    def __init__(
        self,
        socket: Socket,
        *,
        direction: Direction,
        address: str,
        boot: int,
        timings: LinkTimings,
        traffic: Traffic,
        on_frame: Callable[["Link", bytes], bool],
    ) -> None:
        """`on_frame` gets each binary frame and says whether it was a message."""
        self.direction = direction
        self.address = address
        self.boot = boot
        self.misbehaved = False
        """The link was closed because of what the peer sent."""
        self._socket = socket
        self._timings = timings
        self._traffic = traffic
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self._heard_at_s = self._loop.time()
        self._finished = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._reads_only = False
        self._queue: SendQueue | None = None
        self._pongs: deque[bytes] = deque()
        self._ping_due = False
        self._pinged_at_s: float | None = None
        self._malformed = 0
        self._frames = TokenBucket(per_second=FRAMES_PER_SECOND, burst=FRAMES_BURST)
        self._bytes = TokenBucket(per_second=BYTES_PER_SECOND, burst=BYTES_BURST)

    def answered_lately(self) -> bool:
        """Say whether anything came within `silence_s`."""
        return self._loop.time() - self._heard_at_s <= self._timings.silence_s

    def finish(self) -> None:
        """Make `run` return. Nothing that arrives from now on is delivered."""
        self._finished.set()

    def stop_writing(self) -> None:
        """Leave the queue to another link; go on reading."""
        self._reads_only = True
        if self._writer is not None:
            self._writer.cancel()

    async def run(self, queue: SendQueue) -> None:
        """Carry frames until the peer leaves, falls silent, misbehaves, or `finish` is called.

        Raises only what `on_frame` raises. `close` is still to be called.
        """
        self._queue = queue
        self._writer = asyncio.create_task(self._write(queue))
        enders = {
            asyncio.create_task(self._read()),
            asyncio.create_task(self._watch()),
            asyncio.create_task(self._finished.wait()),
        }
        try:
            done, _ = await asyncio.wait(enders, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._finished.set()
            for task in (*enders, self._writer):
                task.cancel()
            await asyncio.gather(*enders, self._writer, return_exceptions=True)

    async def close(self) -> None:
        """Say good-bye and close the connection, within `close_s`."""
        # The connection is going away whatever happens here, and nobody is left to be told.
        with suppress(TimeoutError, ConnectionError, aiohttp.ClientError):
            async with asyncio.timeout(self._timings.close_s):
                await self._socket.close()

    async def _read(self) -> None:
        while True:
            frame = await self._socket.receive()
            if self._finished.is_set():
                return
            self._heard_at_s = self._loop.time()
            if frame.type is WSMsgType.BINARY:
                self._take(frame.data)
            elif frame.type is WSMsgType.PING:
                self._answer(frame.data)
            elif frame.type is WSMsgType.PONG:
                self._measure()
            elif frame.type is WSMsgType.ERROR:
                # Too long, or not a WebSocket frame at all; aiohttp has closed the connection.
                self._traffic.malformed += isinstance(frame.data, aiohttp.WebSocketError)
                self.misbehaved = isinstance(frame.data, aiohttp.WebSocketError)
                return
            elif frame.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return
            else:
                self._reject()
            if self._malformed >= MALFORMED_PER_LINK:
                self.misbehaved = True
                return
            size = len(frame.data) if isinstance(frame.data, bytes) else 0
            now_s = self._loop.time()
            pause_s = max(self._frames.owe(1, now_s=now_s), self._bytes.owe(size, now_s=now_s))
            if pause_s > 0:
                await asyncio.sleep(pause_s)

    def _take(self, data: bytes) -> None:
        self._traffic.received += 1
        self._traffic.received_bytes += len(data)
        if not self._on_frame(self, data):
            self._reject()

    def _reject(self) -> None:
        self._malformed += 1
        self._traffic.malformed += 1

    def _answer(self, payload: bytes) -> None:
        if len(self._pongs) < PONGS_WAITING:
            self._pongs.append(bytes(payload))
            self._wake()

    def _measure(self) -> None:
        if self._pinged_at_s is not None:
            self._traffic.rtt_ms = (self._loop.time() - self._pinged_at_s) * 1000
            self._pinged_at_s = None

    async def _watch(self) -> None:
        """Ask for a ping now and then; return when the peer has been silent for too long."""
        last_s = self._loop.time()
        while True:
            await asyncio.sleep(self._timings.heartbeat_s)
            now_s = self._loop.time()
            if now_s - last_s > self._timings.silence_s:
                # It was this process that slept; what the peer sent meanwhile waits unread.
                self._heard_at_s = now_s
            last_s = now_s
            if not self.answered_lately():
                return
            self._ping_due = True
            self._wake()

    def _wake(self) -> None:
        if self._queue is not None:
            self._queue.wake.set()

    async def _write(self, queue: SendQueue) -> None:
        # A broken connection is the reader's to notice: it may still hold what came before.
        with suppress(ConnectionError, aiohttp.ClientError):
            while not self._reads_only:
                await queue.wake.wait()
                queue.wake.clear()
                await self._write_all(queue)

    async def _write_all(self, queue: SendQueue) -> None:
        while True:
            if self._pongs:
                await self._socket.pong(self._pongs.popleft())
            elif self._ping_due:
                self._ping_due = False
                self._pinged_at_s = self._loop.time()
                await self._socket.ping()
            elif (frame := queue.pop()) is not None:
                await self._socket.send_bytes(frame)
                self._traffic.sent += 1
                self._traffic.sent_bytes += len(frame)
            else:
                return
