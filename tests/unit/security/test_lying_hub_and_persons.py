"""One hub that lies to a person's program: what it can get signed, and what not."""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from homechain.api.client import HubClient, HubEndpoint
from homechain.api.client.errors import HubUnreachable, UnexpectedAnswer
from homechain.api.schema.discovery import WellKnown
from homechain.api.schema.records import Counter
from homechain.api.schema.session import Challenge, Session
from homechain.model.ids import Did, DigestText
from homechain.model.limits import COUNTER_MAX
from homechain.model.records import CommandRecord, Role, Word
from tests.fakes.home import made_key

KEY = made_key("Anna")
NOW_S = 1_700_000_000
TEXT = "A" * 43

HubMaker = Callable[[int], Awaitable[HubEndpoint]]


@pytest.fixture
async def hub_that_says() -> AsyncIterator[HubMaker]:
    """Makes a hub that opens a session for anybody and names this counter."""
    servers: list[TestServer] = []

    async def made(counter: int) -> HubEndpoint:
        hub = made_key(f"hub {len(servers)}").public.did

        async def challenge(_: web.Request) -> web.Response:
            answer = Challenge(challenge=TEXT, home=TEXT, hub=hub, expires_ms=NOW_S * 2_000)
            return web.Response(body=msgspec.json.encode(answer))

        async def session(_: web.Request) -> web.Response:
            answer = Session(token="t", expires_ms=0, person=KEY.public.did, role=Role.OWNER)
            return web.Response(body=msgspec.json.encode(answer))

        async def free(_: web.Request) -> web.Response:
            return web.Response(body=msgspec.json.encode(Counter(next=counter)))

        async def well_known(_: web.Request) -> web.Response:
            answer = WellKnown(
                protocol=1,
                home=TEXT,
                home_name="Linden Street",
                hub=hub,
                hub_name="Hall",
                pairing_open=False,
                clock_ms=0,
                residents_port=None,
            )
            return web.Response(body=msgspec.json.encode(answer))

        app = web.Application()
        app.router.add_get("/.well-known/homechain", well_known)
        app.router.add_post("/v1/session/challenge", challenge)
        app.router.add_post("/v1/session", session)
        app.router.add_get("/v1/counter", free)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        servers.append(server)
        assert server.port is not None
        return HubEndpoint.loopback(server.port, hub=hub)

    yield made
    for server in servers:
        await server.close()


async def test_a_counter_that_would_use_a_key_up_is_not_signed(hub_that_says: HubMaker) -> None:
    liar, honest = await hub_that_says(COUNTER_MAX), await hub_that_says(7)
    async with HubClient([liar, honest], key=KEY, wall_s=lambda: NOW_S) as anna:
        assert await anna.next_counter() == 7
        assert anna.endpoint == honest
    async with HubClient([liar], key=KEY, wall_s=lambda: NOW_S) as anna:
        with pytest.raises(UnexpectedAnswer, match="clock"):
            await anna.sign(
                CommandRecord, device=KEY.public.did, action="unlock", arguments={}, exp=NOW_S + 60
            )


async def test_a_hub_does_not_say_which_home_a_person_signs_for(hub_that_says: HubMaker) -> None:
    liar = await hub_that_says(1)
    async with HubClient([liar], key=KEY, home="B" * 43, wall_s=lambda: NOW_S) as anna:
        with pytest.raises(HubUnreachable, match="another home"):
            await anna.sign(
                CommandRecord, device=KEY.public.did, action="unlock", arguments={}, exp=NOW_S + 60
            )


async def test_the_largest_counter_that_is_signed_can_be_followed_later(
    hub_that_says: HubMaker,
) -> None:
    liar = await hub_that_says(NOW_S * 1_000)
    async with HubClient([liar], key=KEY, wall_s=lambda: NOW_S) as anna:
        for _ in range(3):
            await anna.sign(
                CommandRecord, device=KEY.public.did, action="unlock", arguments={}, exp=NOW_S + 60
            )
    honest = await hub_that_says(NOW_S * 1_000 + 3)
    async with HubClient([honest], key=KEY, wall_s=lambda: NOW_S + 1) as anna:
        assert await anna.next_counter() == NOW_S * 1_000 + 3


def test_nothing_may_follow_an_id() -> None:
    # `$` in a pattern also matches before a last line break, in Python.
    for kind, text in ((Did, KEY.public.did), (DigestText, TEXT), (Word, "unlock")):
        assert msgspec.convert(text, kind) == text
        for bad in (text + "\n", text + "\n\n", "\n" + text, text + " ", text + "\x00"):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert(bad, kind)
