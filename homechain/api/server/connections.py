"""Connections below the requests: how slow, and what is answered to noise.

aiohttp's own answers to what is no HTTP are plain text, and it logs a stack for each; here they are
problems, and one line of the log.
"""

import logging
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import problem_answer
from homechain.api.server.limits import HEADER_BYTES, HEADERS, REQUEST_LINE_BYTES, ApiLimits
from homechain.api.server.refusals import Refused

logger = logging.getLogger(__name__)

_SHUTDOWN_S: Final = 3.0


class _Connection(RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What could not be read as HTTP, and what no middleware caught."""
        if status == HTTPStatus.BAD_REQUEST:
            logger.debug("no HTTP request from %s", request.remote)
            refused = Refused(ProblemCode.MALFORMED_REQUEST, "Speak HTTP as RFC 9112 says.")
        else:
            logger.error("a request failed below its handler: %s", type(exc).__name__)
            refused = Refused(ProblemCode.INTERNAL, "This is a fault of the hub: try again.")
        answer = problem_answer(refused)
        answer.force_close()
        return answer


class _Server(web.Server):
    """Makes a `_Connection` of each connection."""

    def __init__(self, made: web.Server, **kwargs: Any) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, **kwargs)

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class HubRunner(web.AppRunner):
    """Runs one application with this hub's limits. `setup` it, serve `server`, `cleanup`."""

    __slots__ = ()

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

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, **self._kwargs)
