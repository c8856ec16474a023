"""Below the requests: noise, half-open and slow connections, floods."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import aiohttp.http_parser
import pytest

from homechain.api.client import HubProblem
from homechain.api.schema.problems import ProblemCode
from homechain.api.server.limits import ApiLimits
from homechain.api.server.rates import Rates
from tests.unit.api.conftest import Door, Household, problem_of


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer_to(port: int, data: bytes) -> bytes:
    """Everything that comes back until the hub closes the connection."""
    async with line_to(port) as (reader, writer), asyncio.timeout(20):
        writer.write(data)
        await writer.drain()
        return await reader.read()


def test_the_c_parser_is_loaded() -> None:
    assert aiohttp.http_parser.HttpRequestParser.__module__ == "aiohttp._http_parser"


NOISE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a bad request line": b"GET\r\n\r\n",
    "a bad version": b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    "a line break in a header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\rb\r\n\r\n",
    "a zero byte": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n",
    "two lengths": (
        b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n"
        b"Content-Length: 2\r\n\r\nab"
    ),
    "a length and chunks": (
        b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/smuggled HTTP/1.1\r\n\r\n"
    ),
    "a negative length": (
        b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n"
    ),
    "a length with a sign": (
        b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: +1\r\n\r\na"
    ),
    "an endless request line": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "an endless header": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n"),
    "headers without end": (
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        + b"".join(b"X%d: a\r\n" % number for number in range(200))
        + b"\r\n"
    ),
}


@pytest.mark.parametrize("name", NOISE)
async def test_noise_gets_one_problem_and_the_connection_is_closed(
    door: Door, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await answer_to(door.servers.devices_port, NOISE[name])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.") == 1, answer
    assert head[8:].startswith(b" 400"), answer
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "urn:homechain:problem:malformed-request"
    assert "Traceback" not in caplog.text


async def test_two_hosts_are_refused(door: Door) -> None:
    answer = await answer_to(
        door.servers.devices_port,
        b"GET /.well-known/homechain HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n"
        b"Connection: close\r\n\r\n",
    )
    assert answer[9:12] in {b"400", b"421"}, answer


async def test_a_bad_chunk_is_refused(door: Door) -> None:
    answer = await answer_to(
        door.servers.devices_port,
        b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/jose\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    )
    assert answer[9:12] == b"400", answer
    assert answer.count(b"HTTP/1.") == 1


async def test_methods_of_proxies_lead_nowhere(door: Door) -> None:
    for line in (b"CONNECT 192.0.2.1:22", b"OPTIONS *", b"TRACE /", b"BREW /v1/home"):
        answer = await answer_to(
            door.servers.devices_port,
            line + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        )
        assert answer[9:10] == b"4", answer


class TestSlow:
    @pytest.fixture
    def limits(self) -> ApiLimits:
        return ApiLimits(head_read_s=0.2, body_read_s=0.2, lingering_s=0.1)

    async def test_a_head_that_never_ends_is_cut_off(self, door: Door) -> None:
        assert await answer_to(door.servers.devices_port, b"GET / HTTP/1.1\r\nHost: ") == b""

    async def test_a_body_that_never_ends_is_cut_off(self, door: Door) -> None:
        answer = await answer_to(
            door.servers.devices_port,
            b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/jose\r\n"
            b"Content-Length: 100\r\n\r\nabc",
        )
        assert answer.startswith(b"HTTP/1.1 408"), answer

    async def test_a_silent_tls_handshake_harms_nobody(
        self, door: Door, household: Household
    ) -> None:
        async with line_to(door.servers.residents_port):
            assert (await door.person(household.owner, door.pinned).home()).name


async def test_500_half_open_connections_delay_nobody(door: Door, household: Household) -> None:
    port = door.servers.devices_port
    lines = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(500)))
    try:
        for number, (_, writer) in enumerate(lines):
            if number % 2:
                writer.write(b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        device = door.device(household.lock)
        waits = []
        for _ in range(50):
            before = time.perf_counter()
            await device.well_known()
            waits.append(time.perf_counter() - before)
        assert max(waits) < 1
    finally:
        for _, writer in lines:
            writer.close()


class TestCounted:
    @pytest.fixture
    def limits(self) -> ApiLimits:
        return ApiLimits(connections=3)

    async def test_one_connection_too_many_is_closed(self, door: Door) -> None:
        port = door.servers.devices_port
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        reader, _ = lines[3]
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        for _, writer in lines:
            writer.close()


class TestRated:
    @pytest.fixture
    def limits(self) -> ApiLimits:
        return ApiLimits(
            requests_per_second_loopback=1,
            requests_burst_loopback=5,
            records_per_second_per_device=1,
            records_burst_per_device=2,
            signed_requests_per_second_per_device=1,
            signed_requests_burst_per_device=1,
        )

    async def test_a_source_that_asks_too_much_waits(self, door: Door) -> None:
        http, url = door.http(), door.devices_url + "/.well-known/homechain"
        for _ in range(5):
            async with http.get(url) as answer:
                assert answer.status == 200
        async with http.get(url) as answer:
            assert (await problem_of(answer)).code == ProblemCode.RATE_LIMITED
            assert answer.headers["Retry-After"] == "1"
        door.hub.clock.pass_s(1)
        async with http.get(url) as answer:
            assert answer.status == 200

    async def test_a_device_that_says_too_much_waits(
        self, door: Door, household: Household
    ) -> None:
        records = [household.home.event_record(household.lock, battery=n).raw for n in range(3)]
        device = door.device(household.lock)
        for record in records[:2]:
            await device.post_record(record)
        with pytest.raises(HubProblem) as refused:
            await device.post_record(records[2])
        assert refused.value.code == ProblemCode.RATE_LIMITED
        door.hub.clock.pass_s(1)
        await device.post_record(records[2])

    async def test_forged_records_spend_nothing_of_their_victim(
        self, door: Door, household: Household
    ) -> None:
        forged = household.home.event_record(household.lock, battery=1).raw[:-8] + b"AAAAAAAA"
        device = door.device(household.lock)
        for _ in range(3):
            with pytest.raises(HubProblem) as refused:
                await device.post_record(forged)
            assert refused.value.code == ProblemCode.BAD_SIGNATURE
        await device.post_record(household.home.event_record(household.lock, battery=2).raw)

    async def test_signed_requests_are_counted_by_device(
        self, door: Door, household: Household
    ) -> None:
        device = door.device(household.lock)
        await device.status()
        with pytest.raises(HubProblem) as refused:
            await device.status()
        assert refused.value.code == ProblemCode.RATE_LIMITED
        await door.device(household.camera).status()


class TestRates:
    def test_so_many_at_once_and_so_many_a_second(self) -> None:
        now_s = 0.0
        rates = Rates(per_second=2, burst=3, keys=10, now_s=lambda: now_s)
        assert [rates.take("a") for _ in range(4)] == [True, True, True, False]
        assert rates.retry_after_s("a") == 1
        now_s = 0.5
        assert [rates.take("a") for _ in range(2)] == [True, False]
        assert rates.take("b")

    def test_what_was_done_is_owed(self) -> None:
        now_s = 0.0
        rates = Rates(per_second=1, burst=1, keys=10, now_s=lambda: now_s)
        rates.charge("a", 3)
        now_s = 2.5
        assert not rates.take("a")
        now_s = 3.0
        assert rates.take("a")

    def test_memory_is_bounded(self) -> None:
        rates = Rates(per_second=1, burst=1, keys=100, now_s=lambda: 0.0)
        for number in range(10_000):
            rates.take(str(number))
        assert len(rates) == 100
