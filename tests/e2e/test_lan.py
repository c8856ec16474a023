"""Three hubs on a LAN as their owner sets them up: default settings, real mDNS, the printed steps.

A machine without root or network namespaces cannot run these; they are the lane `make lan`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lan import POLL_S, Host, Lan, Running

pytestmark = [pytest.mark.slow, pytest.mark.lan]

FOUND_S = 40.0
"""mDNS, links, catching up: seconds each; more only on a machine with much else to do."""
HEALED_S = 60.0
"""Hubs announce again every 30 s."""


async def until(
    look: Callable[[], Awaitable[Any]], good: Callable[[Any], bool], *, within_s: float
) -> Any:
    """What `look` saw when it was good."""
    seen: Any = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                seen = await look()
                if good(seen):
                    return seen
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        pytest.fail(f"after {within_s:g} s still: {seen}")


@dataclass
class Home:
    """A home of real hubs: Anna's keys are on the first hub's machine."""

    lan: Lan
    hubs: dict[str, Host] = field(default_factory=dict)
    """By did."""
    running: dict[str, Running] = field(default_factory=dict)

    @property
    def anna(self) -> Host:
        return self.lan.hosts[0]

    async def found(self) -> None:
        place = ("--state-dir", str(self.anna.state_dir))
        names = ("--home-name", "Lab", "--owner-name", "Anna", "--unlocked")
        founded = await self.anna.ask("hub", "init", *place, *names)
        self.hubs[founded["hub"]] = self.anna
        await self.start(founded["hub"])
        await self.has(hubs=1)

    async def start(self, did: str) -> None:
        host = self.hubs[did]
        self.running[did] = await host.start("hub", "run", "--state-dir", str(host.state_dir))

    async def take_in(self, host: Host) -> str:
        """As printed: pair on a hub of the home, join on the new one, approve by its did."""
        window = await self.anna.ask("hub", "pair")
        place = ("--state-dir", str(host.state_dir))
        joined = await host.ask("hub", "join", *place, "--code", window["code"])
        did = str(joined["hub"])
        self.hubs[did] = host
        await self.start(did)
        await until(
            self.mesh,
            lambda mesh: any(h["did"] == did and h["lag"] == 0 for h in mesh["hubs"]),
            within_s=FOUND_S,
        )
        await self.anna.run("hub", "approve", did)
        await self.has(hubs=len(self.hubs))
        return did

    async def mesh(self) -> Any:
        """The mesh as the hub that answers sees it; empty if none answers."""
        try:
            return await self.anna.ask("hub", "status")
        except pytest.fail.Exception:
            return {"size": 0, "fresh": False, "hubs": []}

    async def has(self, *, hubs: int, linked: int | None = None, within_s: float = FOUND_S) -> Any:
        """Waits until the home has so many hubs, a leader, and links with all (or `linked`)."""
        wanted = hubs - 1 if linked is None else linked

        def good(mesh: Any) -> bool:
            links = sum(hub["linked"] and not hub["this_hub"] for hub in mesh["hubs"])
            return bool(mesh["size"] == hubs and mesh["fresh"] and links == wanted)

        return await until(self.mesh, good, within_s=within_s)

    async def is_level(self, *, within_s: float = FOUND_S) -> None:
        """Waits until every hub has every block."""
        await until(
            self.mesh,
            lambda m: m["fresh"] and all(hub["lag"] == 0 for hub in m["hubs"]),
            within_s=within_s,
        )

    async def leader(self) -> str:
        mesh = await until(
            self.mesh, lambda m: any(hub["leader"] for hub in m["hubs"]), within_s=FOUND_S
        )
        return next(str(hub["did"]) for hub in mesh["hubs"] if hub["leader"])

    async def lock(self, action: str) -> None:
        """Anna uses the front door, and the lock itself says that it was done."""

        async def act() -> Any:
            try:
                return await self.anna.ask("device", "command", "Front door", action)
            except pytest.fail.Exception as failure:
                return {"life": str(failure)}

        await until(act, lambda seen: seen["life"] == "done", within_s=HEALED_S)


@asynccontextmanager
async def lan(place: Path, *, ipv4: bool) -> AsyncIterator[Home]:
    async with Lan(place, hosts=4, ipv4=ipv4) as built:
        yield Home(built)


async def founded(home: Home) -> None:
    """Three hubs, and a lock on a machine of its own that found them by itself."""
    await home.found()
    for host in home.lan.hosts[1:3]:
        await home.take_in(host)
    lock = home.lan.hosts[3]
    words = ("device", "simulate", "lock", "--state-dir", str(lock.place / "lock"))
    simulated = await lock.start(*words, name="lock")

    async def digits() -> str | None:
        shown = [
            json.loads(line).get("digits")
            for line in simulated.said().splitlines()
            if line.startswith("{")
        ]
        return next((each for each in reversed(shown) if each), None)

    shown = await until(digits, lambda seen: seen is not None, within_s=FOUND_S)
    await home.anna.run("device", "approve", shown, "--name", "Front door", "--area", "Hall")
    await home.lock("unlock")


async def test_a_home_on_a_lan_goes_through_what_a_year_brings(tmp_path: Path) -> None:
    async with lan(tmp_path, ipv4=True) as home:
        await founded(home)
        await go_through_a_year(home)
        await verify(home)


async def test_a_home_needs_no_more_than_link_local_addresses(tmp_path: Path) -> None:
    async with lan(tmp_path, ipv4=False) as home:
        await founded(home)
        await home.is_level()
        await verify(home)


async def go_through_a_year(home: Home) -> None:
    second = next(did for did, host in home.hubs.items() if host is home.lan.hosts[1])
    third = next(did for did, host in home.hubs.items() if host is home.lan.hosts[2])

    # A cable is pulled, and put back.
    home.lan.cut(home.hubs[third])
    await home.has(hubs=3, linked=1)
    await home.lock("lock")
    home.lan.mend(home.hubs[third])
    await home.is_level(within_s=HEALED_S)

    # The leading hub loses its power.
    leader = await home.leader()
    await home.running[leader].kill()
    await home.lock("unlock")
    await home.start(leader)
    await home.is_level(within_s=HEALED_S)

    # A hub gets another address.
    home.lan.move(home.hubs[second], 22)
    await home.has(hubs=3, within_s=HEALED_S)
    await home.lock("lock")
    await home.is_level(within_s=HEALED_S)


async def verify(home: Home) -> None:
    for did, host in home.hubs.items():
        await home.running[did].stop()
        verified = await host.ask("ledger", "verify", str(host.state_dir))
        assert verified["verified"] is True
