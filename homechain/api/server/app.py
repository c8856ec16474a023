"""Assembles the two applications from their routes, and opens them on sockets."""

import socket
import ssl
from collections.abc import Sequence
from typing import Self

from aiohttp import web

from homechain.api.server import openapi
from homechain.api.server.answers import json_answer
from homechain.api.server.authentication import asking_device, asking_person
from homechain.api.server.connections import HubRunner
from homechain.api.server.context import CONTEXT, Context
from homechain.api.server.gates import Next, gates, private, problems
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
    context: Context, routes: Sequence[Route], title: str, more: Sequence[object]
) -> web.Application:
    app = web.Application(middlewares=[problems, gates, *more])  # type: ignore[list-item]
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


class HubServer:
    """Both applications at work: `start` opens the sockets, `stop` ends every stream and closes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._devices = HubRunner(device_app(context), limits=context.limits)
        self._residents = HubRunner(resident_app(context), limits=context.limits)

    async def start(
        self,
        *,
        devices: Sequence[socket.socket],
        residents: Sequence[socket.socket],
        residents_tls: ssl.SSLContext,
        loopback: Sequence[socket.socket] = (),
    ) -> Self:
        """Serve on these bound sockets: plain, TLS, and plain for residents on loopback."""
        await self._devices.setup()
        await self._residents.setup()
        for each in devices:
            await web.SockSite(self._devices, each).start()
        for each in residents:
            await web.SockSite(self._residents, each, ssl_context=residents_tls).start()
        for each in loopback:
            await web.SockSite(self._residents, each).start()
        return self

    async def stop(self) -> None:
        """End every stream, answer what is under way, close every socket."""
        self._context.bulletin.close()
        await self._devices.cleanup()
        await self._residents.cleanup()
