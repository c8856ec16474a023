"""What is sent back: JSON, problems, and lines that keep coming."""

import asyncio
from typing import Any, Final

import msgspec
from aiohttp import web

from homechain.api.schema.problems import PROBLEM_MEDIA_TYPE
from homechain.api.server.refusals import Refused

NDJSON: Final = "application/x-ndjson"

_encoder = msgspec.json.Encoder()

# Answers are for programs: never sniffed, framed, cached or handed to a page of another origin.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "homechain",
}


def json_answer(value: Any, *, status: int = 200) -> web.Response:
    """`value`, a wire type, as JSON."""
    return web.Response(
        body=_encoder.encode(value),
        status=status,
        content_type="application/json",
        headers=_HEADERS,
    )


def bytes_answer(data: bytes, *, content_type: str, status: int = 200) -> web.Response:
    """Bytes of another media type."""
    return web.Response(body=data, status=status, content_type=content_type, headers=_HEADERS)


def no_content() -> web.Response:
    """Done, and nothing to say."""
    return web.Response(status=204, headers=_HEADERS)


def problem_answer(refused: Refused) -> web.Response:
    """The RFC 9457 body of a refusal."""
    headers = dict(_HEADERS)
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(refused.retry_after_s)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Homechain, Bearer"
    return web.Response(
        body=_encoder.encode(refused.problem()),
        status=refused.status,
        content_type=PROBLEM_MEDIA_TYPE,
        headers=headers,
    )


class LineStream:
    """NDJSON to one reader, who is given up when he does not read."""

    def __init__(
        self, request: web.Request, response: web.StreamResponse, *, write_wait_s: float
    ) -> None:
        self.response = response
        self._request = request
        self._write_wait_s = write_wait_s

    async def send(self, *items: Any) -> None:
        """One line for each item. Raises `ConnectionError` once the reader is gone."""
        data = b"".join(_encoder.encode(item) + b"\n" for item in items)
        try:
            async with asyncio.timeout(self._write_wait_s):
                await self.response.write(data)
        except TimeoutError as error:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError("the reader does not read") from error


async def open_lines(request: web.Request, *, write_wait_s: float) -> LineStream:
    """Begin an NDJSON answer."""
    response = web.StreamResponse(headers=_HEADERS)
    response.content_type = NDJSON
    await response.prepare(request)
    return LineStream(request, response, write_wait_s=write_wait_s)
