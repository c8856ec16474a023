"""The sockets that devices and residents knock at, and the servers behind them."""

import socket
import ssl
from types import TracebackType
from typing import Self

from homechain.api.server.app import HubServer
from homechain.api.server.context import Context
from homechain.api.server.limits import ApiLimits
from homechain.api.server.ports import Hub
from homechain.mesh.errors import ListenFailed
from homechain.settings import ApiSettings, LimitSettings

BACKLOG = 512


class Doors:
    """The HTTP interface of one hub, open from `async with` to its end."""

    def __init__(
        self, hub: Hub, *, settings: ApiSettings, limits: LimitSettings, tls: ssl.SSLContext
    ) -> None:
        self._devices = _listen(settings.host, settings.port)
        self._residents = _listen(settings.host, settings.residents_port)
        self._tls = tls
        self._server = HubServer(
            Context(
                hub,
                limits=ApiLimits(media_bytes=limits.media_item_bytes),
                residents_port=self.residents_port,
                allowed_hosts=settings.allowed_hosts,
            )
        )

    @property
    def devices_port(self) -> int:
        """Where devices reach this hub (plain HTTP)."""
        port: int = self._devices.getsockname()[1]
        return port

    @property
    def residents_port(self) -> int:
        """Where residents reach this hub (HTTPS)."""
        port: int = self._residents.getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        await self._server.start(
            devices=[self._devices], residents=[self._residents], residents_tls=self._tls
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.stop()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ListenFailed(
            f"cannot listen on {host}:{port}: {error.strerror}; is another hub running here? "
            "Set other ports in [api] of the settings"
        ) from error
