"""One request to one hub: aiohttp, time limits, problems turned into exceptions."""

import io
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from homechain.api.client.endpoints import HubEndpoint
from homechain.api.client.errors import HubProblem, HubUnreachable, UnexpectedAnswer
from homechain.api.schema.problems import PROBLEM_MEDIA_TYPE, Problem

JOSE_MEDIA_TYPE: Final = "application/jose"
JSON_MEDIA_TYPE: Final = "application/json"
ANSWER_BYTES: Final = 16 * 1024 * 1024
"""Longest answer that is read: a page of records, or a still."""

T = TypeVar("T")


class ClientTimeouts(Struct, frozen=True, kw_only=True):
    """How long a client waits for a hub."""

    connect_s: float = 3.0
    answer_s: float = 15.0
    """Silence allowed inside one request; a hub answers a record within ten seconds."""
    stream_silence_s: float = 15.0
    """Silence allowed on a stream: three of the hub's keep-alives."""


class Transport:
    """Connections to hubs. One per client; `close` it."""

    def __init__(self, timeouts: ClientTimeouts) -> None:
        self._timeouts = timeouts
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[HubEndpoint, ssl.SSLContext | bool] = {}

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(
        self,
        endpoint: HubEndpoint,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a good answer. Raises `HubProblem` or `HubUnreachable`."""
        async with self.opened(endpoint, method, path, body=body, headers=headers) as response:
            return await read_answer(response)

    @asynccontextmanager
    async def opened(
        self,
        endpoint: HubEndpoint,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        silence_s: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good answer whose body is still to be read; errors as `send`, also while reading."""
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=self._timeouts.connect_s,
            sock_read=silence_s or self._timeouts.answer_s,
        )
        try:
            async with self._aiohttp().request(
                method,
                endpoint.url + path,
                data=io.BytesIO(body) if body is not None else None,
                headers=headers,
                ssl=self._context(endpoint),
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.status >= 300:
                    raise HubProblem(_problem(response, await read_answer(response)))
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise HubUnreachable(f"{endpoint.url}: {reason}") from error

    def stream_silence_s(self) -> float:
        """Silence allowed on a stream."""
        return self._timeouts.stream_silence_s

    def _aiohttp(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _context(self, endpoint: HubEndpoint) -> ssl.SSLContext | bool:
        context = self._contexts.get(endpoint)
        if context is None:
            context = self._contexts[endpoint] = endpoint.ssl_context()
        return context


def decoded(data: bytes, kind: type[T]) -> T:
    """The answer as `kind`; `UnexpectedAnswer` if it is something else."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnexpectedAnswer(f"the hub's answer is not a {kind.__name__}: {error}") from error


async def read_answer(response: aiohttp.ClientResponse) -> bytes:
    """The whole body; `UnexpectedAnswer` beyond `ANSWER_BYTES`."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES:
            raise UnexpectedAnswer(f"the hub's answer is longer than {ANSWER_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _problem(response: aiohttp.ClientResponse, body: bytes) -> Problem:
    if response.content_type == PROBLEM_MEDIA_TYPE:
        try:
            return msgspec.json.decode(body, type=Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass  # told below, as an answer that nobody can read
    return Problem(
        type="about:blank",
        title=response.reason or "No reason given",
        status=response.status,
        detail="What answered is not a hub, or something between changed its answer.",
    )
