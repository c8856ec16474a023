"""HTTP for a load generator: requests made in advance, one connection a sender, nothing else.

A full client would take as much of the machine as a hub does, and the load shares the machine with
the hubs that it measures.
"""

import asyncio
import re
from typing import Final, NamedTuple

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_END: Final = b"\r\n\r\n"


class Answer(NamedTuple):
    """Status and body of one answer."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One keep-alive connection to a hub's device interface; one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport

    @classmethod
    async def open(cls, address: str) -> "Connection":
        """To `host:port`; `OSError` if nobody listens."""
        host, _, port = address.rpartition(":")
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(cls, host, int(port))
        return protocol

    async def send(self, request: bytes) -> Answer:
        """The answer to `request`; `ConnectionError` if the hub hangs up first."""
        if self._transport.is_closing():
            raise ConnectionError("the hub closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = read_answer(self._received)
        if answer is not None and self._answer is not None and not self._answer.done():
            self._received.clear()
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the hub closed the connection"))


def post(path: str, body: bytes, *, media_type: str, host: str) -> bytes:
    """A whole POST request."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode("ascii") + body


def read_answer(received: bytes | bytearray) -> Answer | None:
    """The answer in `received`, once it is whole."""
    head_length = received.find(_END)
    if head_length < 0:
        return None
    length = _LENGTH.search(received, 0, head_length + len(_END))
    if length is None:
        raise ConnectionError("an answer without a length")
    begin = head_length + len(_END)
    end = begin + int(length[1])
    if len(received) < end:
        return None
    return Answer(int(received[9:12]), bytes(received[begin:end]))
