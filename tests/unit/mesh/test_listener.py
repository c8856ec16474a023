"""The listening socket and the contexts that take turns on it."""

import asyncio
import ssl

import pytest
from aiohttp import ClientError, ClientSession, web

from homechain.mesh.certificate import make_certificate
from homechain.mesh.errors import ListenFailed
from homechain.mesh.listener import Listener
from homechain.mesh.tls import client_context, server_context
from homechain.mesh.upgrade import read_boot
from tests.fakes.mesh_world import key_of

HOST, GUEST = key_of(1), key_of(2)


async def test_a_renewed_listener_trusts_whom_it_trusts_now_on_the_same_port() -> None:
    members: list[bytes] = []
    made = asyncio.Event()

    def make_context() -> ssl.SSLContext:
        made.set()
        return server_context(HOST, certificate=make_certificate(HOST), members=members)

    async def greet(_: web.BaseRequest) -> web.Response:
        return web.Response(text="hello", headers={"Connection": "close"})

    listener = Listener(host=None, port=0)
    server = web.Server(greet, access_log=None)
    running = asyncio.create_task(listener.run(server, make_context=make_context, handshake_s=2.0))
    guest = client_context(GUEST, certificate=make_certificate(GUEST), peer=make_certificate(HOST))
    url = f"https://127.0.0.1:{listener.port}/"
    async with ClientSession() as session:
        with pytest.raises((OSError, ClientError)):  # in the handshake, or just after it
            await session.get(url, ssl=guest)
        members.append(make_certificate(GUEST))
        made.clear()
        listener.renew()
        await made.wait()
        await asyncio.sleep(0)  # the new server starts in the turn that made its context
        async with session.get(url, ssl=guest) as answer:
            assert await answer.text() == "hello"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await server.shutdown(0.1)
    listener.close()


def test_a_port_that_is_taken_is_reported_by_number() -> None:
    first = Listener(host="127.0.0.1", port=0)
    with pytest.raises(ListenFailed, match=str(first.port)):
        Listener(host="127.0.0.1", port=first.port)
    first.close()


@pytest.mark.parametrize("text", ["", "-1", "x", "8" + "0" * 16, "1_0"])
def test_a_boot_number_out_of_bounds_is_none(text: str) -> None:
    assert read_boot({"Homechain-Boot": text}) is None
    assert read_boot({}) is None
    assert read_boot({"Homechain-Boot": "7fffffffffffffff"}) == 2**63 - 1
