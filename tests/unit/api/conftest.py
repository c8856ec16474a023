"""A home with people and things, a fake hub in front of it, and real servers on real sockets."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from homechain.api.client import DeviceClient, HubClient, HubEndpoint
from homechain.api.client.transport import ClientTimeouts
from homechain.api.schema.problems import PROBLEM_MEDIA_TYPE, Problem
from homechain.api.server.app import Servers
from homechain.api.server.limits import ApiLimits
from homechain.mesh.certificate import make_certificate
from homechain.mesh.tls import residents_context
from homechain.model.records import DeviceKind, Role
from homechain.settings import ApiSettings
from tests.fakes.home import Actor, MadeHome
from tests.fakes.hub import FakeHub

TIMEOUTS = ClientTimeouts(connect_s=5, answer_s=20, stream_silence_s=20)


class Door:
    """One fake hub behind real servers."""

    def __init__(self, hub: FakeHub, servers: Servers, certificate: bytes) -> None:
        self.hub = hub
        self.servers = servers
        self.certificate = certificate
        self._open: list[HubClient | DeviceClient | aiohttp.ClientSession] = []

    @property
    def devices_url(self) -> str:
        return f"http://127.0.0.1:{self.servers.devices_port}"

    @property
    def residents_url(self) -> str:
        return f"http://127.0.0.1:{self.servers.loopback_port}"

    @property
    def loopback(self) -> HubEndpoint:
        return HubEndpoint.loopback(self.servers.loopback_port, hub=self.hub.did)

    @property
    def pinned(self) -> HubEndpoint:
        return HubEndpoint(
            url=f"https://127.0.0.1:{self.servers.residents_port}",
            hub=self.hub.did,
            certificate=self.certificate,
        )

    def person(self, actor: Actor, *more: HubEndpoint, **options: Any) -> HubClient:
        """A person's client; loopback unless endpoints are given."""
        client = HubClient(
            more or (self.loopback,),
            key=actor.key,
            timeouts=TIMEOUTS,
            wall_s=lambda: self.hub.clock.wall_ms() / 1000,
            **options,
        )
        self._open.append(client)
        return client

    def device(self, actor: Actor) -> DeviceClient:
        """A device's client."""
        client = DeviceClient(
            f"127.0.0.1:{self.servers.devices_port}",
            key=actor.key,
            timeouts=TIMEOUTS,
            wall_ms=self.hub.clock.wall_ms,
        )
        self._open.append(client)
        return client

    def http(self) -> aiohttp.ClientSession:
        """Any HTTP at all."""
        session = aiohttp.ClientSession()
        self._open.append(session)
        return session

    async def close(self) -> None:
        for each in self._open:
            await each.close()


class Household:
    """Who lives here, and what is on the walls."""

    def __init__(self) -> None:
        self.home = MadeHome()
        self.owner = self.home.owner
        self.resident = self.home.add_person("Ben", role=Role.RESIDENT)
        self.guest = self.home.add_person("Gina", role=Role.GUEST)
        self.lock = self.home.add_device("Front door", kind=DeviceKind.LOCK)
        self.camera = self.home.add_device("Porch camera", kind=DeviceKind.CAMERA, area="Porch")
        self.thermostat = self.home.add_device(
            "Radiator", kind=DeviceKind.THERMOSTAT, area="Living room"
        )
        self.home.commit(
            self.home.grant_record(self.guest, jti="guest-unlock", devices=[self.lock])
        )


@pytest.fixture
def household() -> Household:
    return Household()


@pytest.fixture
def limits() -> ApiLimits:
    """What a test may want to have otherwise."""
    return ApiLimits()


async def opened(hub: FakeHub, limits: ApiLimits, **settings: Any) -> Door:
    """Servers around `hub`; the caller leaves them by `door.servers.__aexit__`."""
    key = hub.made.hub_keys[hub.did]
    certificate = make_certificate(key)
    servers = Servers(
        hub,
        settings=ApiSettings(host="127.0.0.1", port=0, residents_port=0, **settings),
        context=residents_context(key, certificate=certificate),
        limits=limits,
        loopback_port=0,
    )
    return Door(hub, await servers.__aenter__(), certificate)


@pytest.fixture
async def door(household: Household, limits: ApiLimits) -> AsyncIterator[Door]:
    door = await opened(FakeHub(household.home), limits, allowed_hosts=("hub.example",))
    yield door
    await door.close()
    await door.servers.__aexit__(None, None, None)


async def problem_of(response: aiohttp.ClientResponse) -> Problem:
    """The problem that an answer is; asserts that it is a proper one."""
    body = await response.read()
    assert response.content_type == PROBLEM_MEDIA_TYPE, (response.status, body)
    problem = msgspec.json.decode(body, type=Problem)
    assert problem.status == response.status
    assert problem.type.startswith("urn:homechain:problem:")
    assert problem.title
    assert problem.detail
    return problem
