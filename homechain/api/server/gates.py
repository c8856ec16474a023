"""What every request passes before its handler: errors told as problems, hosts, origins, rates."""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.web import HTTPException, HTTPMethodNotAllowed, HTTPNotFound

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import problem_answer
from homechain.api.server.context import CONTEXT, Context
from homechain.api.server.refusals import KNOWN_ERRORS, Refused, refusal_of
from homechain.doorway import is_loopback

logger = logging.getLogger(__name__)

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOST: Final = re.compile(r"(?P<host>\[[0-9A-Za-z:.%_-]{2,64}\]|[0-9A-Za-z._-]{1,253})(:\d{1,5})?")


@web.middleware
async def problems(request: web.Request, handler: Next) -> web.StreamResponse:
    """Whatever goes wrong is answered as a problem, without a word about the inside of the hub."""
    try:
        return await handler(request)
    except Refused as refused:
        return problem_answer(refused)
    except KNOWN_ERRORS as error:
        return problem_answer(refusal_of(error))
    except HTTPNotFound:
        return problem_answer(Refused(ProblemCode.NOT_FOUND, "Ask /v1/openapi.json what is here."))
    except HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        answer = problem_answer(
            Refused(ProblemCode.METHOD_NOT_ALLOWED, f"This path takes {allowed}.")
        )
        answer.headers["Allow"] = allowed
        return answer
    except HTTPException as error:
        return problem_answer(Refused(ProblemCode.MALFORMED_REQUEST, f"{error.reason}."))
    except ConnectionError:
        # The reader is gone, or was given up: aiohttp notices when it tries to send this.
        return web.Response(status=499)
    except Exception:
        logger.exception("a request failed: %s %s", request.method, request.match_info.route)
        return problem_answer(
            Refused(
                ProblemCode.INTERNAL,
                "This is a fault of the hub and is in its log. Try again, or another hub.",
            )
        )


@web.middleware
async def gates(request: web.Request, handler: Next) -> web.StreamResponse:
    """Refuses what no device, dashboard or script would send."""
    context = request.app[CONTEXT]
    _check_host(request, context.allowed_hosts)
    if "Origin" in request.headers:
        raise Refused(ProblemCode.ORIGIN_REFUSED, "Browsers do not talk to a hub; programs do.")
    _check_rate(request, context)
    return await handler(request)


@web.middleware
async def private(request: web.Request, handler: Next) -> web.StreamResponse:
    """Residents' sessions are for TLS, or for programs of this machine."""
    if not request.secure and not is_loopback(request.remote):
        raise Refused(ProblemCode.TLS_REQUIRED, "Use https and pin the hub's certificate.")
    return await handler(request)


def _check_host(request: web.Request, allowed: frozenset[str]) -> None:
    """A page that rebinds its name to this hub's address still sends its own name."""
    given = request.headers.getall("Host", [])
    match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    if match is None or not _known_host(match["host"].lower().rstrip("."), allowed):
        raise Refused(
            ProblemCode.HOST_REFUSED,
            "Use the hub's address, a name ending in .local, or one of its configured names.",
        )


def _known_host(host: str, allowed: frozenset[str]) -> bool:
    if host == "localhost" or host.endswith(".local") or host in allowed:
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _check_rate(request: web.Request, context: Context) -> None:
    source = request.remote or ""
    rates = context.loopback_rates if is_loopback(source) else context.source_rates
    if not rates.take(source):
        raise Refused(
            ProblemCode.RATE_LIMITED,
            "Too many requests from this address: wait.",
            retry_after_s=rates.retry_after_s(source),
        )
