"""The mesh's listening socket, whose trust can be exchanged without closing the port.

An `ssl.SSLContext` only ever learns to trust more. So every membership gets a context of its own,
on a duplicate of the one listening socket; connections that are open stay with the old one, and
whoever finishes a handshake under it is compared with the membership of that moment.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from aiohttp import web

from homechain.doorway import Doorway, Places
from homechain.mesh.errors import ListenFailed

LISTEN_BACKLOG: Final = 64
PLACES: Final = Places(most=256, most_per_source=16)
"""Handshakes included. Members keep one link each, and each dials the others as well, so that a
crowd at one hub's door keeps nobody apart."""


class Listener:
    """A bound TCP socket; accepts while `run` runs."""

    def __init__(self, *, host: str | None, port: int) -> None:
        """Bind; `host=None` is every address, IPv6 and IPv4. Raises `ListenFailed`."""
        try:
            self._socket = Doorway.open(host or "", port, places=PLACES)
        except OSError as error:
            raise ListenFailed(f"cannot listen on port {port}: {error.strerror}") from error
        self._outdated = asyncio.Event()

    @property
    def port(self) -> int:
        """The TCP port that was bound."""
        port: int = self._socket.getsockname()[1]
        return port

    def renew(self) -> None:
        """Ask for a new context: the membership changed."""
        self._outdated.set()

    async def run(
        self,
        handler: web.Server,
        *,
        make_context: Callable[[], ssl.SSLContext],
        handshake_s: float,
    ) -> None:
        """Accept connections until cancelled, with a new context after each `renew`."""
        loop = asyncio.get_running_loop()
        servers: list[asyncio.Server] = []
        try:
            while True:
                self._outdated.clear()
                context = make_context()
                server = await loop.create_server(
                    handler,
                    sock=self._socket.dup(),
                    ssl=context,
                    ssl_handshake_timeout=handshake_s,
                    backlog=LISTEN_BACKLOG,
                    start_serving=False,  # whoever cancels while it starts finds it in the list
                )
                servers.append(server)
                await server.start_serving()
                while len(servers) > 1:
                    servers.pop(0).close()
                await self._outdated.wait()
        finally:
            for server in servers:
                server.close()

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()
