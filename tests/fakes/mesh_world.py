"""Meshes for tests: real sockets on 127.0.0.1, real TLS, and a record of what they reported."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import ClientSession, ClientWebSocketResponse

from homechain.crypto.hashing import sha256
from homechain.crypto.keys import PrivateKey
from homechain.mesh.addresses import AddressSource, parse_address
from homechain.mesh.certificate import make_certificate
from homechain.mesh.link import LinkTimings
from homechain.mesh.links import Mesh
from homechain.mesh.tls import client_context
from homechain.mesh.upgrade import dial
from homechain.model.messages import Message, Status

PATIENCE_S = 10.0
"""How long a test waits for what must happen; it never passes by waiting that long."""

QUICK = LinkTimings(
    heartbeat_s=0.05,
    silence_s=0.4,
    dial_s=2.0,
    handshake_s=2.0,
    close_s=0.2,
    surplus_s=0.3,
    settled_s=1.0,
    back_off_first_s=0.02,
    back_off_most_s=0.2,
)


class StillClock:
    """The `Clock` port with hands that a test moves."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000_000
        self.monotonic = 1_000

    def wall_ms(self) -> int:
        return self.wall

    def monotonic_ms(self) -> int:
        return self.monotonic


class CountingRandomness:
    """The `Randomness` port, different each time and the same in each run."""

    def __init__(self, start: int = 0) -> None:
        self._count = start

    def bits(self) -> int:
        self._count += 1
        return int.from_bytes(sha256(self._count.to_bytes(8, "big"))[:8], "big")

    def bytes(self, count: int) -> bytes:
        return b"".join(self.bits().to_bytes(8, "big") for _ in range(count // 8 + 1))[:count]


def key_of(number: int) -> PrivateKey:
    return PrivateKey.from_seed(bytes([number]) * 32)


def status_of(hub: str, *, height: int = 0) -> Status:
    return Status(
        home=bytes(32), hub=hub, boot=1, epoch=0, term=0, height=height, clock_ms=0, linked=()
    )


async def happens(condition: Callable[[], bool], changed: asyncio.Event) -> None:
    """Wait until `condition` holds; it is looked at again whenever `changed` is set."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            changed.clear()
            await changed.wait()


@dataclass
class Hub:
    """One mesh and its story."""

    mesh: Mesh
    key: PrivateKey
    certificate: bytes
    story: list[tuple[str, str]] = field(default_factory=list)
    """("up" or "down", did), in order."""
    inbox: list[tuple[str, Message]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def did(self) -> str:
        return self.mesh.hub

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.mesh.port}"

    async def happens(self, condition: Callable[[], bool]) -> None:
        await happens(condition, self.changed)

    async def links_with(self, *others: "Hub") -> None:
        await self.happens(lambda: self.mesh.connected() >= {other.did for other in others})

    async def loses(self, other: "Hub") -> None:
        await self.happens(lambda: other.did not in self.mesh.connected())

    async def hears(self, sender: "Hub", message: Message) -> None:
        await self.happens(lambda: (sender.did, message) in self.inbox)

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task
        self.mesh.close()


def make_hub(number: int, *, boot: int = 1, port: int = 0, timings: LinkTimings = QUICK) -> Hub:
    """A hub that listens on 127.0.0.1 and trusts nobody yet."""
    key = key_of(number)

    def note(word: str, did: str) -> None:
        hub.story.append((word, did))
        hub.changed.set()

    def keep(did: str, message: Message) -> None:
        hub.inbox.append((did, message))
        hub.changed.set()

    mesh = Mesh(
        key=key,
        boot=boot,
        clock=StillClock(),
        randomness=CountingRandomness(number * 1_000),
        on_message=keep,
        on_link_up=lambda did: note("up", did),
        on_link_down=lambda did: note("down", did),
        timings=timings,
    )
    hub = Hub(mesh=mesh, key=key, certificate=make_certificate(key))
    mesh.open(host="127.0.0.1", port=port)
    hub.task = asyncio.create_task(mesh.run())
    return hub


def certificates(*hubs: Hub) -> Mapping[str, bytes]:
    return {hub.did: hub.certificate for hub in hubs}


def introduce(*hubs: Hub, trusting: bool = True) -> None:
    """Let all know where the others are, and trust all."""
    for hub in hubs:
        if trusting:
            hub.mesh.trust(certificates(*hubs))
    for hub in hubs:
        for other in hubs:
            hub.mesh.set_addresses(other.did, [other.address], source=AddressSource.STATIC)


@asynccontextmanager
async def knocking(
    at: Hub, *, key: PrivateKey, boot: int = 1
) -> AsyncIterator[ClientWebSocketResponse | None]:
    """Dial `at` by hand with any key; None if the door stays shut."""
    async with ClientSession() as session:
        answered = await dial(
            session,
            parse_address(at.address),
            context=client_context(key, certificate=make_certificate(key), peer=at.certificate),
            certificates=certificates(at),
            boot=boot,
            timings=QUICK,
        )
        yield answered[0] if answered is not None else None
        if answered is not None:
            await answered[0].close()


@asynccontextmanager
async def hubs(*numbers: int, timings: LinkTimings = QUICK) -> AsyncIterator[list[Hub]]:
    """Hubs that run until the block ends."""
    running = [make_hub(number, timings=timings) for number in numbers]
    try:
        yield running
    finally:
        await asyncio.gather(*(hub.stop() for hub in running))
