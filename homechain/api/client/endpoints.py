"""Where hubs are reached, and which key has to answer there."""

import ssl
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from typing import Self
from urllib.parse import urlsplit

from msgspec import Struct

from homechain.model.records import HubDescription

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class HubEndpoint(Struct, frozen=True, kw_only=True):
    """One address of one hub.

    `https` needs the hub's own certificate, which is the only one that is believed there; plain
    `http` is for the residents' interface on loopback, and for devices, whose requests are signed.
    """

    url: str
    """`https://192.0.2.7:8441` or `http://127.0.0.1:8441`, no path."""
    hub: str | None = None
    """`did:key` of the hub, when it is known."""
    certificate: bytes | None = None
    """DER of the hub's self-signed certificate."""

    @classmethod
    def loopback(cls, port: int, *, hub: str | None = None) -> Self:
        """The residents' interface of a hub on this machine, without TLS."""
        return cls(url=f"http://127.0.0.1:{port}", hub=hub)

    def checked(self) -> Self:
        """Itself; `ValueError` for a session that would run over plain HTTP on a network."""
        parts = urlsplit(self.url)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK_HOSTS:
            raise ValueError(f"{self.url}: residents' sessions need https, except on loopback")
        if parts.scheme == "https" and self.certificate is None:
            raise ValueError(f"{self.url}: https needs the hub's certificate to pin")
        if parts.scheme not in {"http", "https"}:
            raise ValueError(f"{self.url}: neither http nor https")
        return self

    def ssl_context(self) -> ssl.SSLContext | bool:
        """What aiohttp's `ssl=` takes: a context that trusts this one certificate, TLS 1.3 only."""
        if self.certificate is None:
            return True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # The certificate is the identity; names and addresses of hubs change.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=self.certificate)
        return context


def endpoints_of(hubs: Iterable[HubDescription]) -> list[HubEndpoint]:
    """The residents' addresses of these hubs, each pinned to its hub's certificate."""
    return [
        HubEndpoint(
            url=f"https://{address}",
            hub=hub.hub,
            certificate=urlsafe_b64decode(hub.certificate + "=" * (-len(hub.certificate) % 4)),
        )
        for hub in hubs
        for address in hub.residents
    ]
