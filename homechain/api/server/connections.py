"""Connections below the requests: how many, how slow, and what is answered to noise.

aiohttp's own answers to what is no HTTP are plain text, and it logs a stack for each; here they are
problems, and one line of the log.
"""

import asyncio
import logging
from collections import Counter
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import problem_answer
from homechain.api.server.gates import is_loopback
from homechain.api.server.limits import HEADER_BYTES, HEADERS, REQUEST_LINE_BYTES, ApiLimits
from homechain.api.server.refusals import Refused

logger = logging.getLogger(__name__)

_SHUTDOWN_S: Final = 3.0


class ConnectionCount:
    """How many connections are open, in all and from each address."""

    def __init__(self, limits: ApiLimits) -> None:
        self._limits = limits
        self._by_source: Counter[str] = Counter()

    def enter(self, source: str) -> bool:
        """Count one more; False if it is one too many."""
        most = (
            self._limits.connections if is_loopback(source) else self._limits.connections_per_source
        )
        if self._by_source.total() >= self._limits.connections or self._by_source[source] >= most:
            return False
        self._by_source[source] += 1
        return True

    def leave(self, source: str) -> None:
        """One less."""
        self._by_source[source] -= 1
        if not self._by_source[source]:
            del self._by_source[source]


class _Connection(RequestHandler):
    """One connection."""

    __slots__ = ("_count", "_counted_source")

    def __init__(self, server: "_Server", **kwargs: Any) -> None:
        super().__init__(server, **kwargs)
        self._count = server.count
        self._counted_source: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        source = peer[0] if isinstance(peer, tuple) else ""
        super().connection_made(transport)
        if self._count.enter(source):
            self._counted_source = source
        else:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._counted_source is not None:
            self._count.leave(self._counted_source)
            self._counted_source = None
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What could not be read as HTTP, and what no middleware caught."""
        if status == HTTPStatus.BAD_REQUEST:
            logger.info("no HTTP request from %s", request.remote)
            refused = Refused(ProblemCode.MALFORMED_REQUEST, "Speak HTTP as RFC 9112 says.")
        else:
            logger.error("a request failed below its handler: %s", type(exc).__name__)
            refused = Refused(ProblemCode.INTERNAL, "This is a fault of the hub: try again.")
        answer = problem_answer(refused)
        answer.force_close()
        return answer


class _Server(web.Server):
    """Makes a `_Connection` of each connection."""

    def __init__(self, made: web.Server, *, count: ConnectionCount, **kwargs: Any) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, **kwargs)
        self.count = count

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class HubRunner(web.AppRunner):
    """Runs one application with this hub's limits. `setup` it, open sites on it, `cleanup`."""

    __slots__ = ("_count",)

    def __init__(self, app: web.Application, *, limits: ApiLimits) -> None:
        super().__init__(
            app,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=limits.head_read_s,
            lingering_time=limits.lingering_s,
            max_line_size=REQUEST_LINE_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADERS,
            shutdown_timeout=_SHUTDOWN_S,
        )
        self._count = ConnectionCount(limits)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, count=self._count, **self._kwargs)
