"""A hub as a process of its own, before whoever is on the network and means harm."""

import asyncio
import contextlib
import re
import resource
import signal
import sys
import time
import tomllib
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from homechain.api.client import HubClient
from homechain.api.client.endpoints import endpoints_of
from homechain.cli.profile import read_home_file
from homechain.crypto.hashing import b64u, unb64u
from homechain.crypto.strict_json import decode_strict
from homechain.keyfiles import load_key_file
from homechain.ledger.pairing import commitment_to
from homechain.ledger.records import sign_description
from homechain.model.records import DeviceDescription, DeviceKind, Thing
from tests.e2e.test_processes import homechain, settings
from tests.fakes.home import made_key

HERE: Final = "127.0.0.1"
PATIENCE_S: Final = 30.0
PASSPHRASE: Final = "canary horse battery staple"

pytestmark = pytest.mark.slow


@dataclass
class Target:
    """A running hub, seen from outside."""

    place: Path
    pid: int

    @property
    def ports(self) -> tuple[int, int, int]:
        """For devices, for residents, and of the mesh."""
        config = tomllib.loads((self.place / "hub.toml").read_text())
        return config["api"]["port"], config["api"]["residents_port"], config["mesh"]["port"]

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]  # always there

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def log(self) -> list[str]:
        return (self.place / "hub.log").read_text().splitlines()

    async def exchange(self, request: bytes, *, source: str = HERE) -> bytes:
        """Everything that the devices' port answers before it hangs up."""
        reader, writer = await asyncio.open_connection(HERE, self.ports[0], local_addr=(source, 0))
        writer.write(request)
        try:
            return await asyncio.wait_for(reader.read(), PATIENCE_S)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    async def slowest_answer_s(self, *, asked: int = 30) -> float:
        """An honest device's longest wait."""
        waits = []
        for _ in range(asked):
            before = time.perf_counter()
            answer = await self.exchange(
                b"GET /.well-known/homechain HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Connection: close\r\n\r\n"
            )
            assert answer.startswith(b"HTTP/1.1 200"), answer
            waits.append(time.perf_counter() - before)
        return max(waits)


async def founded(place: Path) -> None:
    config = settings(place)
    passphrase = place / "passphrase"
    passphrase.write_text(PASSPHRASE)
    await homechain(
        *("hub", "init", "--state-dir", place / "hub", "--config", config, "--json"),
        *("--profile", place / "anna", "--passphrase-file", passphrase),
        *("--home-name", "Linden Street", "--owner-name", "Anna", "--time-zone", "UTC"),
    )


def hub_process(place: Path) -> tuple[str, ...]:
    where = ("--state-dir", str(place / "hub"), "--config", str(place / "hub.toml"))
    return (sys.executable, "-m", "homechain", "hub", "run", "--verbose", *where)


@asynccontextmanager
async def running(place: Path) -> AsyncIterator[Target]:
    with (place / "hub.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*hub_process(place), stderr=log)
    target = Target(place, process.pid)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not any("ready:" in line for line in target.log()):
                assert process.returncode is None, target.log()
                await asyncio.sleep(0.05)
        yield target
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    await founded(tmp_path)
    async with running(tmp_path) as target:
        yield target


@asynccontextmanager
async def crowd(ports: Iterable[int], *, each: int) -> AsyncIterator[None]:
    """So many connections to each port. A shell begins with 1,024 descriptors: too few for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4_096 if hard == resource.RLIM_INFINITY else min(4_096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    lines = []
    try:
        for port in ports:
            for _ in range(each):
                with contextlib.suppress(OSError):
                    lines.append(await asyncio.open_connection(HERE, port))
        yield
    finally:
        for _, writer in lines:
            writer.close()
        await asyncio.sleep(0)  # they are closed in the loop's next turn
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_silent_connections_to_every_port_keep_no_device_waiting(target: Target) -> None:
    before_kib = target.resident_kib()
    async with crowd(target.ports, each=450):
        assert await target.slowest_answer_s() < 1
        assert target.descriptors() < 1_200, "no more than the doors let in"
        assert target.resident_kib() - before_kib < 250 * 1024
        assert len(target.log()) < 100, "a crowd is not worth a line each"


async def test_introductions_of_strangers_fill_nothing(target: Target) -> None:
    home = read_home_file(target.place / "anna" / "home.json")
    hub = home.hubs[0].hub
    sizes = []
    taken = 0
    for turn in range(4):
        for number in range(250):
            key = made_key(f"bogus {turn} {number}")
            description = DeviceDescription(
                iss=key.public.did,
                home=home.home,
                hub=hub,
                iat=1,
                commitment=commitment_to(bytes(32)),
                thing=Thing(
                    title="x" * 200,
                    at_type=DeviceKind.LOCK,
                    properties={},
                    actions={},
                ),
            )
            body = sign_description(description, key).raw
            head = (
                "POST /v1/devices HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                f"Content-Type: application/jose\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            answer = await target.exchange(
                head.encode() + body, source=f"127.0.{turn}.{number % 60 + 2}"
            )
            status = answer[9:12]
            assert status in {b"202", b"429"}, answer
            taken += status == b"202"
        sizes.append(target.resident_kib())
    assert taken >= 64
    assert sizes[-1] - sizes[0] < 8 * 1024, sizes
    assert await target.slowest_answer_s() < 1


def listening(pid: int) -> set[int]:
    """TCP ports on which a process listens."""
    sockets = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [
        line.split()
        for family in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]
    ]
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in sockets
    }


async def test_a_hub_listens_on_its_three_ports_and_opens_no_other(target: Target) -> None:
    assert listening(target.pid) == set(target.ports)


SMUGGLED: Final = b"GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HOST: Final = b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"


MALFORMED: Final = (
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    b"Content-Length: 0, 0\r\n\r\n",
    b"Content-Length: +0\r\n\r\n",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 0x0\r\n\r\n",
    b"X: a\r\n Content-Length: 0\r\n\r\n",
    b"X: a\rContent-Length: 0\r\n\r\n",
    b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n0;a=\nb\r\n\r\n",
)


async def test_no_malformed_request_becomes_two(target: Target) -> None:
    for head in MALFORMED:
        answer = await target.exchange(HOST + head + SMUGGLED)
        assert len(re.findall(rb"HTTP/1\.[01] \d", answer)) <= 1, (head, answer)
        assert b"openapi" not in answer.partition(b"\r\n\r\n")[2], (head, "smuggled")
        assert not answer or re.match(rb"HTTP/1\.[01] 4", answer), (head, answer)


async def test_whatever_is_asked_one_event_is_one_line_of_the_log(target: Target) -> None:
    evil = b"%0A%3C0%3Ehomechain:%20the%20door%20is%20open%1B[2J"
    body = b'{"\\n<0>homechain: open\\u001b":1}'
    close = b"Host: 127.0.0.1\r\nConnection: close\r\n"
    typed = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    for request in (
        b"GET /" + evil + b" HTTP/1.1\r\n" + close + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: \x1b[2J\r\nConnection: close\r\n\r\n",
        b"\x1b[2J\n<0>homechain: open\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\n" + close + typed + body,
    ):
        await target.exchange(request)
    for written in target.log():
        assert re.match(r"<[3-7]>[\w.]+: ", written), written
        assert "\x1b" not in written


@pytest.mark.parametrize("what", ["hub", "hub/hub.key"])
async def test_a_hub_whose_key_others_can_reach_does_not_start(tmp_path: Path, what: str) -> None:
    await founded(tmp_path)
    (tmp_path / what).chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        *hub_process(tmp_path), stderr=asyncio.subprocess.PIPE
    )
    _, told = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 1
    assert b"chmod" in told


def written(place: Path) -> dict[Path, bytes]:
    """Every file in `place`."""
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def open_to_others(place: Path) -> list[Path]:
    """What somebody else could enter or change, and secrets that they could read."""
    private = {".key", ".sqlite"}
    return [
        path
        for path in (place, *place.rglob("*"))
        if path.stat().st_mode & (0o077 if path.is_dir() or path.suffix in private else 0o022)
    ]


async def test_no_secret_is_written_anywhere_but_into_its_own_file(tmp_path: Path) -> None:
    await founded(tmp_path)
    key_file, own_key_file = tmp_path / "hub" / "hub.key", tmp_path / "anna" / "person.key"
    owner = load_key_file(own_key_file, passphrase=PASSPHRASE)
    async with running(tmp_path):
        hubs = read_home_file(tmp_path / "anna" / "home.json").hubs
        async with HubClient(endpoints_of(hubs), key=owner) as anna:
            window = await anna.open_pairing()
            await anna.home()
    assert window.code is not None
    members = decode_strict(key_file.read_bytes())
    assert isinstance(members, dict)
    seeds = [unb64u(members["seed"]), bytes(owner.seed)]
    canaries = [PASSPHRASE.encode(), window.code.encode(), window.code.replace("-", "").encode()]
    for seed in seeds:
        canaries += [seed, seed.hex().encode(), b64u(seed).encode(), b64encode(seed)]
    told = [path for path, data in written(tmp_path).items() if any(c in data for c in canaries)]
    assert sorted(told) == [key_file, tmp_path / "passphrase"]
    assert open_to_others(tmp_path / "hub") + open_to_others(tmp_path / "anna") == []
