"""A listening socket that lets in so many connections and no more, before a byte is read.

asyncio accepts whatever comes, and tells nobody of a connection before its TLS handshake is over.
Each such connection costs a quarter of a megabyte and a file descriptor: a thousand of them that
say nothing leave a hub without descriptors, and its log without an end. So places are counted where
connections are accepted. May live here: sockets and numbers. May not: what is said on them.
"""

import ipaddress
import socket
from collections import Counter
from typing import Any, Self

from msgspec import Struct

ACCEPTED_AT_ONCE = 512
"""Connections that the kernel keeps until they are accepted."""


class Places(Struct, frozen=True, kw_only=True):
    """How many connections may be open at once."""

    most: int
    most_per_source: int
    """Loopback is not counted: every program of this machine shares that address."""


class Occupied:
    """Who takes how many places."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._by_source: Counter[str] = Counter()

    def enter(self, source: str) -> bool:
        """Take a place; False if there is none for this address."""
        places = self._places
        most = places.most if is_loopback(source) else places.most_per_source
        if self._by_source.total() >= places.most or self._by_source[source] >= most:
            return False
        self._by_source[source] += 1
        return True

    def leave(self, source: str) -> None:
        """Give a place back."""
        self._by_source[source] -= 1
        if not self._by_source[source]:
            del self._by_source[source]


class Doorway(socket.socket):
    """A listening TCP socket. Whoever finds no place is hung up on, and has cost nothing."""

    occupied: Occupied

    @classmethod
    def open(cls, host: str, port: int, *, places: Places) -> Self:
        """Bind and listen; `OSError` if the address is taken. An empty `host` is every address."""
        wide = not host and socket.has_dualstack_ipv6()
        bound = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if wide or ":" in host else socket.AF_INET,
            backlog=ACCEPTED_AT_ONCE,
            dualstack_ipv6=wide,
        )
        door = cls(bound.family, bound.type, bound.proto, fileno=bound.detach())
        door.setblocking(False)
        door.occupied = Occupied(places)
        return door

    def dup(self) -> Self:
        """Another descriptor of the same socket; the places are shared."""
        copy = super().dup()
        copy.occupied = self.occupied
        return copy

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that has a place. `BlockingIOError` where the next one has none."""
        connection, address = super().accept()
        source = str(address[0])
        if not self.occupied.enter(source):
            connection.close()
            raise BlockingIOError("no place for another connection")  # asyncio comes back
        counted = _Connection(
            connection.family, connection.type, connection.proto, fileno=connection.detach()
        )
        counted.place = (self.occupied, source)
        return counted, address


class _Connection(socket.socket):
    """Gives its place back when it is closed."""

    place: tuple[Occupied, str] | None = None

    def close(self) -> None:
        super().close()
        if self.place is not None:
            (occupied, source), self.place = self.place, None
            occupied.leave(source)


def is_loopback(address: str | None) -> bool:
    """Whether the other end is this machine."""
    try:
        known = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped  # how a socket for both families spells an IPv4 address
    return known.is_loopback
