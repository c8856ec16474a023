"""A home of real drivers on fake ports: disks, links and clocks that a test holds in its hand."""

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from homechain.consensus.timing import Timing
from homechain.hub.system import KeySigner
from homechain.ledger.records import SignedRecord
from homechain.model.configuration import Configuration
from homechain.model.messages import Message, PendingDevice, PendingHub
from homechain.node.chain import OpenBlock, final_block
from homechain.node.node import Node, NodeLimits
from homechain.node.ports import Batch, World
from homechain.node.receipts import Settled, Submission
from tests.fakes.home import MadeHome, made_key
from tests.fakes.peers import FakeNetwork, FakePeers
from tests.fakes.store import MemoryQueries, MemoryStore
from tests.fakes.virtual_time import VirtualClock

PATIENCE_S: Final = 120.0
"""Virtual: how long a test waits for what must happen."""


class GatedStore(MemoryStore):
    """A disk whose writes wait while `gate` is closed. A hub that dies then loses them."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self._order = asyncio.Lock()
        self.waiting = asyncio.Event()
        """Set when something waits at the gate."""

    async def write(self, batch: Batch) -> None:
        async with self._order:
            if not self.gate.is_set():
                self.waiting.set()
            await self.gate.wait()
            await super().write(batch)


class SeededRandomness:
    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def bits(self) -> int:
        return self._random.getrandbits(64)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class DrivenHub:
    """One driver, its disk and its end."""

    def __init__(self, home: "DrivenHome", name: str) -> None:
        self.home = home
        self.key = made_key(name)
        self.did = self.key.public.did
        self.store = GatedStore()
        self.queries = MemoryQueries(self.store)
        self.clock = VirtualClock()
        self.heard: list[tuple[str, Message]] = []
        self.requests: list[PendingDevice | PendingHub] = []
        self.epochs: list[int] = []
        self.node: Node
        self.peers: FakePeers
        self._task: asyncio.Task[None] | None = None

    @property
    def height(self) -> int:
        return self.node.head.height

    def votes(self) -> bool:
        return self.node.engine.me is not None

    @property
    def is_leader(self) -> bool:
        return self.node.engine.core.role == "leader"

    def knows_leader(self) -> bool:
        return self.node.engine.core.leader is not None

    async def start(self, *, limits: NodeLimits | None = None) -> None:
        if not self.store.finals:
            block = final_block(OpenBlock(built=self.home.founded, proposal=b""), commit=None)
            await self.store.write(Batch(final=(block,)))
        self.peers = self.home.network.join(
            self.did,
            certificate=self.did.encode(),
            on_message=self._hear,
            on_link_up=self._link_up,
            on_link_down=self._link_down,
        )
        self.node = await Node.start(
            world=World(
                store=self.store,
                peers=self.peers,
                signer=KeySigner(self.key),
                clock=self.clock,
                randomness=SeededRandomness(self.did),
            ),
            queries=self.queries,
            timing=Timing(),
            limits=limits or NodeLimits(),
            on_epoch=self._epoch,
            on_request=lambda _, request: self.requests.append(request),
        )
        self._task = asyncio.create_task(self.node.run(), name=f"node {self.did}")
        self._trust()

    async def stop(self) -> None:
        """As a power cut does: what waits at the gate is lost."""
        self.home.network.leave(self.did)
        task = self.ended
        task.cancel()
        await asyncio.wait([task])

    @property
    def ended(self) -> asyncio.Task[None]:
        """The driver's task."""
        assert self._task is not None, "it was started"
        return self._task

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._task.done()

    def _hear(self, sender: str, message: Message) -> None:
        self.heard.append((sender, message))
        self.node.receive(sender, message)

    def _link_up(self, did: str) -> None:
        self.node.link_up(did)

    def _link_down(self, did: str) -> None:
        self.node.link_down(did)

    def _epoch(self, configuration: Configuration) -> None:
        self.epochs.append(configuration.epoch)
        self._trust()

    def _trust(self) -> None:
        known = {hub.did for hub in self.node.state.hubs() if not hub.removed}
        self.peers.trust({did: did.encode() for did in known | self.home.learners})

    async def submit(self, record: SignedRecord) -> Submission:
        return await self.node.submit(record.raw)

    async def settle(self, record: SignedRecord) -> Settled:
        """Hands the record in and waits until it is final."""
        submission = await self.submit(record)
        return await asyncio.wait_for(submission.final, PATIENCE_S)

    async def reaches(self, height: int) -> None:
        """Waits until so many blocks are final here."""
        await self.until(lambda: self.height >= height)

    async def knows(self, person: str) -> None:
        """Waits until the person is in the final state."""
        await self.until(lambda: self.node.state.person(person) is not None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until the condition holds; it is looked at after every notice of this hub."""
        with self.node.subscribe() as listener:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await listener.next()


class DrivenHome:
    """Hubs of one founded home, all linked unless the network was cut."""

    def __init__(self, hubs: int = 3) -> None:
        self.made = MadeHome(hubs=hubs)
        self.founded = self.made.head
        self.network = FakeNetwork()
        self.learners: set[str] = set()
        self.hubs = [DrivenHub(self, f"hub {number}") for number in range(hubs)]

    async def __aenter__(self) -> Self:
        for hub in self.hubs:
            await hub.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for hub in self.hubs:
            if hub.runs:
                await hub.stop()

    def add(self, name: str) -> DrivenHub:
        """A hub that was paired: linked with everybody, a member of nothing yet."""
        hub = DrivenHub(self, name)
        self.hubs.append(hub)
        self.learners.add(hub.did)
        for other in self.hubs[:-1]:
            if other.runs:
                other._trust()
        return hub

    def isolate(self, hub: DrivenHub) -> None:
        for other in self.hubs:
            if other is not hub:
                self.network.cut(hub.did, other.did)

    def rejoin(self, hub: DrivenHub) -> None:
        for other in self.hubs:
            if other is not hub:
                self.network.heal(hub.did, other.did)

    async def passes(self, seconds: float) -> None:
        """So much virtual time."""
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, over.set)
        await over.wait()

    def leader(self) -> DrivenHub:
        return next(hub for hub in self.hubs if hub.runs and hub.is_leader)

    def follower(self) -> DrivenHub:
        return next(hub for hub in self.hubs if hub.runs and not hub.is_leader)

    async def led(self) -> DrivenHub:
        """Waits until somebody leads and everybody knows it."""
        running = [hub for hub in self.hubs if hub.runs]
        for hub in running:
            await hub.until(hub.knows_leader)
        return self.leader()
