"""Where a hub may be: hints of several sources, kept apart so that none can drown another.

Pure. An address grants nothing: whoever answers there still has to prove the hub's key.
"""

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address
from itertools import zip_longest
from typing import Final, NamedTuple

from homechain.model import limits

PORT_MOST: Final = 65_535
HOST_CHARACTERS_MOST: Final = 253
_HOST_CHARACTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
)


class AddressSource(StrEnum):
    """Who says so, the most reliable first."""

    STATIC = "static"
    """This hub's own settings."""
    RECORD = "record"
    """The hub's record in the ledger."""
    DISCOVERY = "discovery"
    """mDNS: anybody on the network."""


class Address(NamedTuple):
    """A host (name, IPv4, or IPv6 with an optional `%scope`; no brackets) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Return the address that `host:port` or `[IPv6]:port` spells; otherwise `ValueError`."""
    host, colon, port_text = text.rpartition(":")
    if not colon or not port_text.isascii() or not port_text.isdigit() or len(port_text) > 5:
        raise ValueError(f"no port in {text[:80]!r}")
    port = int(port_text)
    if not 1 <= port <= PORT_MOST:
        raise ValueError(f"no such port in {text[:80]!r}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ip_address(host).version != 6:
            raise ValueError(f"brackets hold an IPv6 address, not {host[:80]!r}")
    elif not 1 <= len(host) <= HOST_CHARACTERS_MOST or not _HOST_CHARACTERS.issuperset(host):
        raise ValueError(f"not a host: {host[:80]!r}")
    return Address(host, port)


class AddressBook:
    """What is known about where one hub is."""

    def __init__(self) -> None:
        self._by_source: dict[AddressSource, tuple[Address, ...]] = {}
        self._last_good: Address | None = None

    def set(self, addresses: Iterable[str], *, source: AddressSource) -> bool:
        """Replace what `source` said; say whether that changed anything.

        Text that is no address is left out, and what exceeds `limits.ADDRESSES_PER_HUB`.
        """
        known: list[Address] = []
        for text in addresses:
            try:
                address = parse_address(text)
            except ValueError:
                continue
            if address not in known:
                known.append(address)
            if len(known) == limits.ADDRESSES_PER_HUB:
                break
        changed = self._by_source.get(source, ()) != tuple(known)
        self._by_source[source] = tuple(known)
        return changed

    def remember_good(self, address: Address) -> None:
        """Try `address` first the next time."""
        self._last_good = address

    def in_order(self) -> list[Address]:
        """Return all of them, in the order to try: what worked last, then the sources in turn.

        Taking turns keeps an invented list of one source from hiding the truth of another.
        """
        sources = [self._by_source.get(source, ()) for source in AddressSource]
        order = [address for turn in zip_longest(*sources) for address in turn if address]
        if self._last_good in order:
            order.insert(0, self._last_good)
        return list(dict.fromkeys(order))
