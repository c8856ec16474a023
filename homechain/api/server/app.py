"""Assembles the two applications from their routes, and opens them on sockets."""

import asyncio
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Middleware

from homechain.api.server import openapi
from homechain.api.server.answers import json_answer
from homechain.api.server.authentication import asking_device, asking_person
from homechain.api.server.connections import HubRunner
from homechain.api.server.context import CONTEXT, Context
from homechain.api.server.gates import Next, gates, private, problems
from homechain.api.server.limits import ApiLimits
from homechain.api.server.ports import Hub
from homechain.api.server.resources import (
    commands,
    devices,
    discovery,
    events,
    home,
    live,
    media,
    mesh,
    records,
    registration,
    session,
)
from homechain.api.server.routes import Access, Call, Route
from homechain.doorway import ACCEPTED_AT_ONCE, Doorway
from homechain.settings import ApiSettings

DEVICE_ROUTES: tuple[Route, ...] = (
    *discovery.ROUTES,
    *registration.ROUTES,
    *events.ROUTES,
    *commands.ROUTES,
    *media.DEVICE_ROUTES,
)
"""Plain HTTP: every request that matters is signed by a device."""

RESIDENT_ROUTES: tuple[Route, ...] = (
    *discovery.ROUTES,
    *session.ROUTES,
    *home.ROUTES,
    *devices.ROUTES,
    *records.ROUTES,
    *mesh.ROUTES,
    *media.RESIDENT_ROUTES,
    *live.ROUTES,
)
"""TLS pinned to the hub's key, or loopback: sessions of persons."""


def device_app(context: Context) -> web.Application:
    """The devices' application."""
    return _application(context, DEVICE_ROUTES, openapi.DEVICES_TITLE, ())


def resident_app(context: Context) -> web.Application:
    """The residents' application."""
    return _application(context, RESIDENT_ROUTES, openapi.RESIDENTS_TITLE, (private,))


def _application(
    context: Context, routes: Sequence[Route], title: str, more: Sequence[Middleware]
) -> web.Application:
    app = web.Application(middlewares=[problems, gates, *more])
    app[CONTEXT] = context
    for route in routes:
        app.router.add_route(route.method, route.path, _handler(context, route))
    document = openapi.document(routes, title=title)

    async def describe(request: web.Request) -> web.StreamResponse:
        return json_answer(document)

    app.router.add_get(openapi.PATH, describe)
    return app


def _handler(context: Context, route: Route) -> Next:
    """The route's handler behind its door."""

    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call(request, context)
        match route.access:
            case Access.OPEN:
                pass
            case Access.DEVICE:
                call = Call(request, context, device=await asking_device(call))
            case Access.PERSON | Access.RESIDENT:
                call = Call(request, context, asker=asking_person(call, route.access))
        return await route.handler(call)

    return handle


class Servers:
    """Both applications at work: an async context manager that listens while it is entered."""

    def __init__(
        self,
        hub: Hub,
        *,
        settings: ApiSettings,
        context: ssl.SSLContext,
        limits: ApiLimits | None = None,
        loopback_port: int | None = None,
    ) -> None:
        """`context` is the TLS of the residents' port. `loopback_port` is for residents' programs
        of this machine, without TLS; there is none unless it is given (0: any free port).
        """
        self._settings = settings
        self._tls = context
        self._loopback_port = loopback_port
        self._context = Context(
            hub, limits=limits or ApiLimits(), allowed_hosts=settings.allowed_hosts
        )
        self._devices = HubRunner(device_app(self._context), limits=self._context.limits)
        self._residents = HubRunner(resident_app(self._context), limits=self._context.limits)
        self._ports: dict[str, int] = {}
        self._listening: list[asyncio.Server] = []

    @property
    def devices_port(self) -> int:
        """Where devices are served: plain HTTP."""
        return self._ports["devices"]

    @property
    def residents_port(self) -> int:
        """Where residents are served: HTTPS."""
        return self._ports["residents"]

    @property
    def loopback_port(self) -> int:
        """Where residents' programs of this machine are served, if they are."""
        return self._ports["loopback"]

    async def __aenter__(self) -> Self:
        """Listen; `OSError` names the address that is taken."""
        await self._residents.setup()
        await self._devices.setup()
        host = self._settings.host
        try:
            await self._listen(
                "residents", self._residents, host, self._settings.residents_port, self._tls
            )
            # Told by /.well-known/homechain, so it has to be known before devices ask.
            self._context.residents_port = self.residents_port
            if self._loopback_port is not None:
                await self._listen("loopback", self._residents, "127.0.0.1", self._loopback_port)
            await self._listen("devices", self._devices, host, self._settings.port)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _listen(
        self,
        name: str,
        runner: HubRunner,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        limits = self._context.limits
        door = Doorway.open(host, port, places=limits.places(private=tls is not None))
        self._ports[name] = door.getsockname()[1]
        assert runner.server is not None, "setup() comes first"
        listening = await asyncio.get_running_loop().create_server(
            runner.server,
            sock=door,
            ssl=tls,
            ssl_handshake_timeout=limits.handshake_s if tls is not None else None,
            backlog=ACCEPTED_AT_ONCE,
        )
        self._listening.append(listening)

    async def _stop(self) -> None:
        """End every stream, answer what is under way, close every socket."""
        self._context.bulletin.close()
        for listening in self._listening:
            listening.close()
        await self._devices.cleanup()
        await self._residents.cleanup()
