"""One link and a peer that behaves badly at its other end."""

import asyncio

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from homechain.crypto.keys import PrivateKey
from homechain.mesh import link
from homechain.mesh.certificate import make_certificate
from homechain.mesh.link import MALFORMED_PER_LINK
from homechain.mesh.tls import client_context
from homechain.model import limits
from homechain.model.messages import write_message
from tests.fakes.mesh_world import QUICK, Hub, certificates, hubs, key_of, knocking, status_of

OTHER = key_of(2)


def let_in(hub: Hub, key: PrivateKey = OTHER) -> str:
    """Make `hub` trust a key that no mesh of this test has."""
    hub.mesh.trust({key.public.did: make_certificate(key), **certificates(hub)})
    return key.public.did


async def test_a_peer_that_falls_silent_is_noticed() -> None:
    async with hubs(1) as (a,):
        other = let_in(a)
        # It never reads, hence never answers a ping: what a stopped process looks like.
        async with knocking(a, key=OTHER) as inside:
            assert inside is not None
            await a.happens(lambda: a.story == [("up", other), ("down", other)])


async def test_a_peer_that_vanishes_is_noticed_at_once() -> None:
    async with hubs(1) as (a,):
        other = let_in(a)
        async with knocking(a, key=OTHER) as inside:
            assert inside is not None
            await a.happens(lambda: a.story == [("up", other)])
            transport = inside._response.connection.transport  # type: ignore[union-attr] # open
            assert transport is not None
            began_s = asyncio.get_running_loop().time()
            transport.abort()
            await a.happens(lambda: a.story == [("up", other), ("down", other)])
            assert asyncio.get_running_loop().time() - began_s < QUICK.silence_s / 2


async def test_rubbish_is_counted_and_too_much_of_it_closes_the_link() -> None:
    async with hubs(1) as (a,):
        other = let_in(a)
        async with knocking(a, key=OTHER) as inside:
            assert inside is not None
            for number in range(MALFORMED_PER_LINK - 1):
                await inside.send_bytes(b"\xc1 rubbish" + bytes([number]))
            await inside.send_bytes(write_message(status_of(other)))
            await a.happens(lambda: a.inbox == [(other, status_of(other))])
            assert a.mesh.link_report()[0].malformed == MALFORMED_PER_LINK - 1
            assert a.mesh.connected() == {other}
            await inside.send_str("not even bytes")
            await a.happens(lambda: a.story[-1] == ("down", other))
        async with knocking(a, key=OTHER) as again:
            assert again is None, "refused for a while"


async def test_the_longest_message_passes_and_a_longer_one_closes_the_link() -> None:
    async with hubs(1) as (a,):
        other = let_in(a)
        async with knocking(a, key=OTHER) as inside:
            assert inside is not None
            await inside.send_bytes(bytes(limits.MESSAGE_BYTES))
            await inside.send_bytes(write_message(status_of(other)))
            await a.happens(lambda: a.inbox == [(other, status_of(other))])
            await inside.send_bytes(bytes(limits.MESSAGE_BYTES + 1))
            await a.happens(lambda: a.story[-1] == ("down", other))
            assert a.mesh.link_report()[0].malformed == 2


async def test_a_newer_connection_of_the_same_process_replaces_the_older() -> None:
    async with hubs(1) as (a,):
        other = let_in(a)
        async with knocking(a, key=OTHER) as first, knocking(a, key=OTHER) as second:
            assert first is not None
            assert second is not None
            await second.send_bytes(write_message(status_of(other)))
            await a.happens(lambda: a.inbox == [(other, status_of(other))])
            assert a.story == [("up", other)]
            a.mesh.send(other, status_of(a.did))
            assert await _next_message(second) == write_message(status_of(a.did))


async def test_a_restarted_peer_is_reported_down_and_up() -> None:
    async with hubs(1) as (a,):
        other = let_in(a)
        async with knocking(a, key=OTHER), knocking(a, key=OTHER, boot=2) as restarted:
            assert restarted is not None
            await a.happens(lambda: a.story == [("up", other), ("down", other), ("up", other)])
            assert a.mesh.connected() == {other}


async def test_who_sends_too_fast_is_slowed_down_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "FRAMES_BURST", 2.0)
    monkeypatch.setattr(link, "FRAMES_PER_SECOND", 1_000.0)
    async with hubs(1) as (a,):
        other = let_in(a)
        async with knocking(a, key=OTHER) as inside:
            assert inside is not None
            sent = [status_of(other, height=height) for height in range(50)]
            for message in sent:
                await inside.send_bytes(write_message(message))
            await a.happens(lambda: len(a.inbox) == len(sent))
            assert [message for _, message in a.inbox] == sent


async def test_another_protocol_gets_no_link() -> None:
    async with hubs(1) as (a,), ClientSession() as session:
        let_in(a)
        context = client_context(OTHER, certificate=make_certificate(OTHER), peer=a.certificate)
        for path, protocol, boot in (
            ("/v1/mesh", "homechain.mesh.99", "1"),
            ("/v1/mesh", "homechain.mesh.1", "minus one"),
            ("/elsewhere", "homechain.mesh.1", "1"),
        ):
            with pytest.raises(WSServerHandshakeError) as refused:
                await session.ws_connect(
                    f"wss://{a.address}{path}",
                    protocols=(protocol,),
                    headers={"Homechain-Boot": boot},
                    ssl=context,
                )
            assert refused.value.status == 400
        assert a.story == []


async def _next_message(socket: ClientWebSocketResponse) -> bytes:
    while True:
        frame = await socket.receive()
        if frame.type is WSMsgType.BINARY:
            return bytes(frame.data)
        assert frame.type is WSMsgType.PING
