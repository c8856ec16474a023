"""Real mDNS on the loopback interface, which needs no network and no route."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from zeroconf.asyncio import AsyncServiceInfo

from homechain.mesh.announcements import SERVICE_TYPE, Announcement, FoundHub
from homechain.mesh.discovery import (
    FOUND_BURST,
    RESOLVING_COUNT,
    Discovery,
    check_multicast,
    find_hubs,
)
from homechain.mesh.errors import DiscoveryUnavailable
from tests.fakes.mesh_world import happens, key_of
from tests.unit.mesh.test_announcements import announcement

LOOPBACK = ["127.0.0.1"]
NO_ADDRESS_OF_OURS = ["192.0.2.255"]


@dataclass
class Listening:
    """A discovery that runs, and what it found."""

    found: list[FoundHub] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    discovery: Discovery | None = None

    def keep(self, hub: FoundHub) -> None:
        self.found.append(hub)
        self.changed.set()

    async def finds(self, said: Announcement) -> FoundHub:
        def same(hub: FoundHub) -> bool:
            return (hub.hub, hub.boot, hub.pairing_port) == (
                said.hub,
                said.boot,
                said.pairing_port,
            )

        await happens(lambda: any(map(same, self.found)), self.changed)
        return next(filter(same, self.found))

    def say(self, said: Announcement) -> None:
        assert self.discovery is not None
        self.discovery.announce(said)


@asynccontextmanager
async def discovering(
    said: Announcement | None, *, refresh_s: float = 30.0
) -> AsyncIterator[Listening]:
    listening = Listening()
    listening.discovery = Discovery(
        announcement=said, on_found=listening.keep, interfaces=LOOPBACK, refresh_s=refresh_s
    )
    task = asyncio.create_task(listening.discovery.run())
    try:
        yield listening
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_hubs_find_each_other_on_loopback() -> None:
    one, two = announcement(number=1), announcement(number=2)
    async with discovering(one) as first, discovering(two) as second:
        seen = await first.finds(two)
        assert seen.mesh == ("127.0.0.1:8441",)
        assert seen.home == one.home
        await second.finds(one)
        assert one.hub not in {hub.hub for hub in first.found}, "nobody finds themselves"


async def test_a_change_is_announced_at_once() -> None:
    one, two = announcement(number=1), announcement(number=2)
    async with discovering(one) as first, discovering(two) as second:
        await second.finds(one)
        window = announcement(number=1, pairing_port=8442)
        first.say(window)
        found = await second.finds(window)
        assert [address.port for address in found.pairing] == [8442]


async def test_a_restart_with_another_boot_number_is_seen() -> None:
    async with discovering(announcement(number=2)) as second:
        async with discovering(announcement(number=1, boot=1)):
            await second.finds(announcement(number=1, boot=1))
        async with discovering(announcement(number=1, boot=2)):
            await second.finds(announcement(number=1, boot=2))


async def test_refreshing_asks_again_and_reports_again() -> None:
    one, two = announcement(number=1), announcement(number=2)
    async with discovering(one), discovering(two, refresh_s=0.01) as second:
        await second.finds(one)
        count = len(second.found)
        await happens(lambda: len(second.found) > count + 1, second.changed)


async def test_who_only_listens_finds_hubs() -> None:
    async with discovering(announcement(number=1)), discovering(None) as silent:
        await silent.finds(announcement(number=1))


async def test_the_command_line_gets_a_list() -> None:
    async with discovering(announcement(number=2)) as second, discovering(announcement(number=1)):
        await second.finds(announcement(number=1))
        found = await find_hubs(timeout_s=0.5, interfaces=LOOPBACK)
        assert {hub.hub for hub in found} >= {key_of(number).public.did for number in (1, 2)}


async def test_multicast_on_loopback_is_to_be_had() -> None:
    await check_multicast(LOOPBACK)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # zeroconf forgets the socket it opened
async def test_without_multicast_that_is_what_it_says() -> None:
    with pytest.raises(DiscoveryUnavailable):
        await check_multicast(NO_ADDRESS_OF_OURS)
    with pytest.raises(DiscoveryUnavailable):
        await find_hubs(timeout_s=1, interfaces=NO_ADDRESS_OF_OURS)


async def test_a_flood_of_invented_services_is_bounded() -> None:
    listening = Listening()
    discovery = Discovery(announcement=None, on_found=listening.keep, interfaces=LOOPBACK)
    flood = 10_000
    properties = announcement(number=1).to_txt()
    for number in range(flood):
        discovery._report(
            AsyncServiceInfo(
                SERVICE_TYPE,
                f"bogus-{number}.{SERVICE_TYPE}",
                port=1,
                properties=properties,
                parsed_addresses=[f"10.0.{number // 256}.{number % 256}"],
            )
        )
        discovery._queue(f"unresolved-{number}.{SERVICE_TYPE}")
    assert len(listening.found) <= FOUND_BURST * 2
    assert len(discovery._resolving) == RESOLVING_COUNT
    assert discovery.suppressed >= 2 * flood - len(listening.found) - RESOLVING_COUNT
