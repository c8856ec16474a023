"""Hubs on the local network, found by mDNS (RFC 6762, RFC 6763). A hint, never trust.

Anybody can announce anything; a device asks there, and believes nothing that it cannot check.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

SERVICE_TYPE: Final = "_homechain._tcp.local."
ADDRESSES_MOST: Final = 32
"""More than these are not looked at, whoever invents them."""
OTHERS_MS: Final = 600
"""How long to listen for the other hubs once one was heard."""
_NAMES_MOST: Final = 16
_RESOLVE_MS: Final = 1_000


async def find_hubs(
    *, search_ms: int, interfaces: tuple[str, ...] | None = None, home: str = ""
) -> list[str]:
    """The addresses (`host:port`) where hubs say that devices reach them.

    Ends `OTHERS_MS` after the first hub was heard, or after `search_ms` of silence. `interfaces`
    are addresses of this machine to ask on; None is all. `home` is the beginning of a home's id:
    only its hubs are of interest where several homes are heard. An empty list where nobody
    answers or where multicast does not work: then addresses have to be given by hand.
    """
    try:
        zeroconf = _open(interfaces)
    except (OSError, RuntimeError):
        return []
    names: dict[str, None] = {}
    first = asyncio.Event()

    def heard(
        *, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is not ServiceStateChange.Removed and len(names) < _NAMES_MOST:
            names[name] = None
            first.set()

    try:
        browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE_TYPE, handlers=[heard])
        with suppress(TimeoutError):
            async with asyncio.timeout(search_ms / 1_000):
                await first.wait()
                await asyncio.sleep(OTHERS_MS / 1_000)
        await browser.async_cancel()
        found = await asyncio.gather(
            *(_resolve(zeroconf.zeroconf, name, home) for name in sorted(names))
        )
        addresses = [address for of_one in found for address in of_one]
        return list(dict.fromkeys(addresses))[:ADDRESSES_MOST]
    except (OSError, ZeroconfError):
        return []
    finally:
        await zeroconf.async_close()


async def _resolve(zeroconf: Zeroconf, name: str, home: str) -> list[str]:
    info = AsyncServiceInfo(SERVICE_TYPE, name)
    with suppress(OSError, ZeroconfError):
        if info.load_from_cache(zeroconf) or await info.async_request(zeroconf, _RESOLVE_MS):
            txt = info.properties
            return (
                api_addresses(txt, info.parsed_scoped_addresses()) if is_of_home(txt, home) else []
            )
    return []


def is_of_home(txt: Mapping[bytes, bytes | None], home: str) -> bool:
    """Whether the TXT key `home`, the first characters of an id, fits `home`; all fit ""."""
    said = (txt.get(b"home") or b"").decode("ascii", errors="replace")
    return not home or (said != "" and (home.startswith(said) or said.startswith(home)))


def api_addresses(txt: Mapping[bytes, bytes | None], hosts: list[str]) -> list[str]:
    """`host:port` of the device interface, from the TXT key `api`; none if that is no port."""
    port = txt.get(b"api") or b""
    if not port.isdigit() or len(port) > 5 or not 1 <= int(port) <= 65_535:
        return []
    return [f"[{host}]:{int(port)}" if ":" in host else f"{host}:{int(port)}" for host in hosts[:8]]


def _open(interfaces: tuple[str, ...] | None) -> AsyncZeroconf:
    if interfaces is not None:
        return AsyncZeroconf(interfaces=list(interfaces))
    try:
        return AsyncZeroconf(interfaces=InterfaceChoice.All, ip_version=IPVersion.All)
    except (OSError, RuntimeError):
        # A kernel without IPv6.
        return AsyncZeroconf(interfaces=InterfaceChoice.All, ip_version=IPVersion.V4Only)
