"""Bytes that are no UTF-8 where text belongs: msgspec tells them by an error of its own kind."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from homechain.api.client import HubEndpoint
from homechain.api.client.errors import HubProblem, UnexpectedAnswer
from homechain.api.client.lines import decoded_lines
from homechain.api.client.transport import ClientTimeouts, Transport, decoded
from homechain.api.schema.discovery import WellKnown
from homechain.api.schema.problems import PROBLEM_MEDIA_TYPE, Problem
from homechain.cli import CommandFailed
from homechain.cli.profile import read_home_file
from homechain.hub.requests import Requests
from homechain.mesh.errors import PairingFailed
from homechain.mesh.pairing import _read_description, _unseal
from homechain.mesh.pairing_wire import Offer, Wire
from homechain.model.messages import PendingHub
from homechain.model.records import HubDescription
from homechain_devices.sdk.errors import StateDamaged
from homechain_devices.sdk.trust import Trust
from tests.fakes.home import hub_description, made_key
from tests.fakes.mesh_world import StillClock

KEY = made_key("a hub")
# An Offer whose first field is a text of one byte, 0xFF.
OFFER = b"\x93\x02\xa1\xff\xc4\x00"
DESCRIPTION = msgspec.json.encode(hub_description(KEY, name="Attic")).replace(b"Attic", b"Atti\xff")


async def test_the_pairing_listener_survives_it() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(struct.pack(">I", len(OFFER)) + OFFER)
    wire = Wire(reader, cast("asyncio.StreamWriter", None))
    with pytest.raises(PairingFailed):
        await wire.receive(Offer, most_bytes=1_024)


def test_a_paired_hubs_sealed_words_are_refused() -> None:
    with pytest.raises(PairingFailed):
        _unseal(b"\x92\xa1\xff\xc4\x00", lambda body: body, signer=KEY.public.did)
    with pytest.raises(PairingFailed):
        _read_description(DESCRIPTION, hub=KEY.public.did)


def test_a_hubs_request_from_another_hub_is_left_out() -> None:
    requests = Requests(clock=StillClock(), hub=made_key("this hub").public.did)
    assert not requests.add_hub(PendingHub(description=DESCRIPTION, via="another", seen_ms=1))
    assert requests.hubs(taken_in=lambda _: False) == []


def test_an_answer_is_unexpected() -> None:
    with pytest.raises(UnexpectedAnswer):
        decoded(b'{"home_name":"\xff"}', WellKnown)


@pytest.fixture
async def liar() -> AsyncIterator[HubEndpoint]:
    """What calls itself a hub and answers with such bytes."""

    async def problem(_: web.Request) -> web.Response:
        return web.Response(body=b'{"type":"\xff"}', status=400, content_type=PROBLEM_MEDIA_TYPE)

    async def lines(_: web.Request) -> web.Response:
        return web.Response(body=b'{"type":"\xff"}\n')

    app = web.Application()
    app.router.add_get("/problem", problem)
    app.router.add_get("/lines", lines)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    assert server.port is not None
    yield HubEndpoint.loopback(server.port)
    await server.close()


async def test_a_problem_and_a_line_are_told_as_what_they_are(liar: HubEndpoint) -> None:
    transport = Transport(ClientTimeouts())
    try:
        with pytest.raises(HubProblem) as refused:
            await transport.send(liar, "GET", "/problem")
        assert refused.value.problem.type == "about:blank"
        async with transport.opened(liar, "GET", "/lines") as response:
            with pytest.raises(UnexpectedAnswer):
                await _first_line(response)
    finally:
        await transport.close()


async def _first_line(response: aiohttp.ClientResponse) -> None:
    async for _ in decoded_lines(response, Problem):
        pass


def test_damaged_files_are_named(tmp_path: Path) -> None:
    home = tmp_path / "home.json"
    home.write_bytes(b'{"home":"\xff"}')
    with pytest.raises(CommandFailed):
        read_home_file(home)
    with pytest.raises(StateDamaged):
        Trust.from_papers({"home": b'{"home":"\xff"}', "anchor": b"{}"})


def test_msgspec_still_tells_it_this_way() -> None:
    # Should this ever change, the pairs of errors at every border can become one again.
    with pytest.raises(UnicodeDecodeError):
        msgspec.json.decode(DESCRIPTION, type=HubDescription)
