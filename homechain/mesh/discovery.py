"""mDNS: this hub announces itself and hears of others. Everything heard is a hint, never trust.

Observed on real networks, and the reason for the odd parts: a killed service is never reported as
removed, so nothing here says that a hub is gone; a service that restarts with the same records
causes no event, so the boot number stands in TXT; two hubs whose network was split when they
started find each other only if they announce and ask again; an address that came later is used
only after the interfaces were read again.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import ifaddr
from zeroconf import Error as ZeroconfError
from zeroconf import (
    InterfaceChoice,
    IPVersion,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from homechain.mesh.announcements import SERVICE_TYPE, Announcement, FoundHub, read_announcement
from homechain.mesh.errors import DiscoveryUnavailable
from homechain.mesh.rate import TokenBucket

REFRESH_S: Final = 30.0
"""Announce again and ask again this often."""
HEARD_SELF_S: Final = 5.0
"""Who does not hear the own announcement within this time has no multicast."""
RESOLVE_MS: Final = 1_000
RESOLVING_COUNT: Final = 64
"""Names that wait for their details; more are left for the next refresh."""
FOUND_PER_SECOND: Final = 50.0
FOUND_BURST: Final = 200.0
"""Reports to the caller; a flood of invented services ends here."""
HUBS_LISTED: Final = 64
_PROBE_TYPE: Final = "_homechain-probe._tcp.local."
_ADDRESSES_MOST: Final = 16


class Discovery:
    """Announces one hub (or none) and reports the others, until `run` is cancelled."""

    def __init__(
        self,
        *,
        announcement: Announcement | None,
        on_found: Callable[[FoundHub], None],
        interfaces: Sequence[str] | None = None,
        refresh_s: float = REFRESH_S,
    ) -> None:
        """`on_found` is called for every hub, again and again, and must not block.

        `interfaces` are addresses of this machine to use, such as `127.0.0.1` for hubs that all
        run here; None is every interface, IPv4 and IPv6.
        """
        self._announcement = announcement
        self._on_found = on_found
        self._interfaces = list(interfaces) if interfaces is not None else None
        self._refresh_s = refresh_s
        self._changed = asyncio.Event()
        self._heard_self = asyncio.Event()
        self._resolving: dict[str, None] = {}
        self._to_resolve = asyncio.Event()
        self._reports = TokenBucket(per_second=FOUND_PER_SECOND, burst=FOUND_BURST)
        self.suppressed = 0
        """Services that were not looked at because there were too many."""

    def announce(self, announcement: Announcement) -> None:
        """Say something else from now on, for example that a pairing window is open."""
        assert self._announcement is not None, "who was silent at first stays silent"
        self._announcement = announcement
        self._changed.set()

    async def run(self) -> None:
        """Announce and listen until cancelled. Raises `DiscoveryUnavailable`; may be run again."""
        self._heard_self.clear()
        zeroconf = _open(self._interfaces)
        resolver = asyncio.create_task(self._resolve(zeroconf.zeroconf))
        try:
            await self._talk(zeroconf)
        except (OSError, ZeroconfError) as error:
            raise DiscoveryUnavailable(f"mDNS failed: {error}") from error
        finally:
            resolver.cancel()
            await zeroconf.async_close()

    async def _talk(self, zeroconf: AsyncZeroconf) -> None:
        browser = self._browse(zeroconf)
        try:
            if self._announcement is not None:
                # The name is made from the key, so there is nobody to ask whether it is free.
                said = await zeroconf.async_register_service(
                    self._service(self._announcement), cooperating_responders=True
                )
                await said
                await self._expect_to_hear_ourselves()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._refresh_s):
                        await self._changed.wait()
                self._changed.clear()
                await zeroconf.async_update_interfaces()
                if self._announcement is not None:
                    said = await zeroconf.async_update_service(self._service(self._announcement))
                    await said
                await browser.async_cancel()
                browser = self._browse(zeroconf)
        finally:
            await browser.async_cancel()

    async def _expect_to_hear_ourselves(self) -> None:
        try:
            async with asyncio.timeout(HEARD_SELF_S):
                await self._heard_self.wait()
        except TimeoutError as error:
            raise DiscoveryUnavailable("multicast does not come back on this network") from error

    def _browse(self, zeroconf: AsyncZeroconf) -> AsyncServiceBrowser:
        return AsyncServiceBrowser(zeroconf.zeroconf, SERVICE_TYPE, handlers=[self._heard])

    def _heard(
        self, *, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        # "Removed" proves nothing about a hub, in either direction.
        if state_change is ServiceStateChange.Removed:
            return
        info = AsyncServiceInfo(service_type, name)
        if info.load_from_cache(zeroconf):
            self._report(info)
        else:
            self._queue(name)

    def _queue(self, name: str) -> None:
        if len(self._resolving) < RESOLVING_COUNT:
            self._resolving[name] = None
            self._to_resolve.set()
        else:
            self.suppressed += 1

    async def _resolve(self, zeroconf: Zeroconf) -> None:
        while True:
            await self._to_resolve.wait()
            self._to_resolve.clear()
            while self._resolving:
                name = next(iter(self._resolving))
                info = AsyncServiceInfo(SERVICE_TYPE, name)
                with suppress(OSError, ZeroconfError):
                    if await info.async_request(zeroconf, RESOLVE_MS):
                        self._report(info)
                self._resolving.pop(name, None)

    def _report(self, info: AsyncServiceInfo) -> None:
        hosts = info.parsed_scoped_addresses()[:_ADDRESSES_MOST]
        found = read_announcement(info.properties, hosts=hosts)
        if found is None:
            return
        if self._announcement is not None and found.hub == self._announcement.hub:
            self._heard_self.set()
        elif self._reports.take(1.0, now_s=asyncio.get_running_loop().time()):
            self._on_found(found)
        else:
            self.suppressed += 1

    def _service(self, announcement: Announcement) -> AsyncServiceInfo:
        label = announcement.hub[-16:]
        return AsyncServiceInfo(
            SERVICE_TYPE,
            f"{label}.{SERVICE_TYPE}",
            port=announcement.api_port,
            properties=announcement.to_txt(),
            server=f"homechain-{label}.local.",
            parsed_addresses=_own_addresses(self._interfaces),
        )


async def find_hubs(*, timeout_s: float, interfaces: Sequence[str] | None = None) -> list[FoundHub]:
    """Return the hubs heard of within `timeout_s`, by did. Raises `DiscoveryUnavailable`."""
    found: dict[str, FoundHub] = {}

    def keep(hub: FoundHub) -> None:
        if hub.hub in found or len(found) < HUBS_LISTED:
            found[hub.hub] = hub

    discovery = Discovery(announcement=None, on_found=keep, interfaces=interfaces)
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await discovery.run()
    return [found[did] for did in sorted(found)]


async def check_multicast(interfaces: Sequence[str] | None = None) -> None:
    """Raise `DiscoveryUnavailable` unless a word said on these interfaces comes back."""
    zeroconf = _open(list(interfaces) if interfaces is not None else None)
    heard = asyncio.Event()

    def hear(**_: object) -> None:
        heard.set()

    try:
        name = f"probe-{id(heard):x}.{_PROBE_TYPE}"
        addresses = _own_addresses(interfaces)
        info = AsyncServiceInfo(_PROBE_TYPE, name, port=9, parsed_addresses=addresses)
        browser = AsyncServiceBrowser(zeroconf.zeroconf, _PROBE_TYPE, handlers=[hear])
        said = await zeroconf.async_register_service(info, cooperating_responders=True)
        async with asyncio.timeout(HEARD_SELF_S):
            await asyncio.gather(said, heard.wait())
        await browser.async_cancel()
    except TimeoutError as error:
        raise DiscoveryUnavailable("multicast does not come back on this network") from error
    except (OSError, ZeroconfError) as error:
        raise DiscoveryUnavailable(f"mDNS failed: {error}") from error
    finally:
        await zeroconf.async_close()


def _open(interfaces: list[str] | None) -> AsyncZeroconf:
    try:
        if interfaces is not None:
            return AsyncZeroconf(interfaces=interfaces)
        try:
            return AsyncZeroconf(interfaces=InterfaceChoice.All, ip_version=IPVersion.All)
        except (OSError, RuntimeError):
            # A kernel without IPv6.
            return AsyncZeroconf(interfaces=InterfaceChoice.All, ip_version=IPVersion.V4Only)
    except (OSError, RuntimeError) as error:
        raise DiscoveryUnavailable(f"no socket for mDNS: {error}") from error


def _own_addresses(interfaces: Sequence[str] | None) -> list[str]:
    if interfaces is not None:
        return list(interfaces)
    hosts = [
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]
    outside = [host for host in hosts if host != "::1" and not host.startswith("127.")]
    return (outside or ["127.0.0.1"])[:_ADDRESSES_MOST]
