"""What every `Peers` does: the mesh over real sockets, and the fake that other tests use."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from homechain.mesh.certificate import make_certificate
from homechain.model.messages import Message, PendingRecords
from homechain.node.ports import Peers
from tests.fakes.mesh_world import Hub as RealHub
from tests.fakes.mesh_world import happens, introduce, key_of, make_hub, status_of
from tests.fakes.peers import FakeNetwork


@dataclass
class Hub:
    """One `Peers` and its story."""

    did: str
    certificate: bytes
    peers: Peers
    story: list[tuple[str, str]] = field(default_factory=list)
    inbox: list[tuple[str, Message]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def happens(self, condition: Callable[[], bool]) -> None:
        await happens(condition, self.changed)

    async def links_with(self, *others: "Hub") -> None:
        await self.happens(lambda: self.peers.connected() >= {other.did for other in others})

    async def hears(self, sender: "Hub", message: Message) -> None:
        await self.happens(lambda: (sender.did, message) in self.inbox)


class FakeWorld:
    """Hubs on the fake network."""

    def __init__(self) -> None:
        self._network = FakeNetwork()

    def start(self, number: int) -> Hub:
        key = key_of(number)

        def note(word: str, did: str) -> None:
            hub.story.append((word, did))
            hub.changed.set()

        def keep(did: str, message: Message) -> None:
            hub.inbox.append((did, message))
            hub.changed.set()

        certificate = make_certificate(key)
        peers = self._network.join(
            key.public.did,
            certificate=certificate,
            on_message=keep,
            on_link_up=lambda did: note("up", did),
            on_link_down=lambda did: note("down", did),
        )
        hub = Hub(did=key.public.did, certificate=certificate, peers=peers)
        return hub

    def place(self, *hubs: Hub) -> None:
        """Nothing to do: everybody is in the same room."""

    async def stop(self, hub: Hub) -> None:
        self._network.leave(hub.did)

    async def close(self) -> None:
        pass


class RealWorld:
    """Hubs on sockets of this machine."""

    def __init__(self) -> None:
        self._real: dict[str, RealHub] = {}

    def start(self, number: int) -> Hub:
        real = make_hub(number)
        self._real[real.did] = real
        return Hub(
            did=real.did,
            certificate=real.certificate,
            peers=real.mesh,
            story=real.story,
            inbox=real.inbox,
            changed=real.changed,
        )

    def place(self, *hubs: Hub) -> None:
        """Let them know where the others are."""
        introduce(*(self._real[hub.did] for hub in hubs), trusting=False)

    async def stop(self, hub: Hub) -> None:
        await self._real.pop(hub.did).stop()

    async def close(self) -> None:
        await asyncio.gather(*(real.stop() for real in self._real.values()))


World = FakeWorld | RealWorld


@pytest.fixture(params=[FakeWorld, RealWorld])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made: World = request.param()
    yield made
    await made.close()


def meet(world: World, *hubs: Hub) -> None:
    """Let all of these trust each other, and nobody else."""
    for hub in hubs:
        hub.peers.trust({other.did: other.certificate for other in hubs})
    world.place(*hubs)


async def test_hubs_that_trust_each_other_are_linked_and_told_once(world: World) -> None:
    a, b = world.start(1), world.start(2)
    meet(world, a, b)
    await a.links_with(b)
    await b.links_with(a)
    await a.happens(lambda: a.story == [("up", b.did)])
    await b.happens(lambda: b.story == [("up", a.did)])


async def test_messages_arrive_whole_and_in_order(world: World) -> None:
    a, b = world.start(1), world.start(2)
    meet(world, a, b)
    await a.links_with(b)
    await b.links_with(a)
    sent: list[Message] = [status_of(a.did, height=height) for height in range(200)]
    for message in sent:
        a.peers.send(b.did, message)
    await b.hears(a, sent[-1])
    assert [message for _, message in b.inbox] == sent


async def test_a_broadcast_reaches_everybody_but_one(world: World) -> None:
    a, b, c = world.start(1), world.start(2), world.start(3)
    meet(world, a, b, c)
    await a.links_with(b, c)
    await b.links_with(a)
    await c.links_with(a)
    a.peers.broadcast(PendingRecords((b"not for b",)), but=b.did)
    a.peers.broadcast(PendingRecords((b"for all",)))
    await b.hears(a, PendingRecords((b"for all",)))
    await c.hears(a, PendingRecords((b"for all",)))
    assert (a.did, PendingRecords((b"not for b",))) in c.inbox
    assert (a.did, PendingRecords((b"not for b",))) not in b.inbox


async def test_what_cannot_be_sent_is_dropped_without_a_word(world: World) -> None:
    a, b = world.start(1), world.start(2)
    a.peers.send(b.did, status_of(a.did))
    a.peers.broadcast(status_of(a.did))
    meet(world, a, b)
    await a.links_with(b)
    await b.links_with(a)
    a.peers.send(key_of(9).public.did, status_of(a.did))
    a.peers.send(a.did, status_of(a.did))
    a.peers.send(b.did, status_of(a.did, height=1))
    await b.hears(a, status_of(a.did, height=1))
    assert len(b.inbox) == 1


async def test_trust_on_one_side_alone_links_nobody(world: World) -> None:
    a, b, c = world.start(1), world.start(2), world.start(3)
    meet(world, a, b, c)
    a.peers.trust({c.did: c.certificate})
    await a.links_with(c)
    assert a.peers.connected() == {c.did}
    b.peers.send(a.did, status_of(b.did))
    c.peers.trust({a.did: a.certificate})
    await c.links_with(a)
    c.peers.send(a.did, status_of(c.did))
    await a.hears(c, status_of(c.did))
    assert [sender for sender, _ in a.inbox] == [c.did]


async def test_a_did_under_another_certificate_is_a_stranger(world: World) -> None:
    a, b, c = world.start(1), world.start(2), world.start(3)
    meet(world, a, b, c)
    a.peers.trust({b.did: c.certificate, c.did: c.certificate})
    await a.links_with(c)
    assert a.peers.connected() == {c.did}


async def test_a_removed_hub_is_unlinked_at_once_and_not_heard_any_more(world: World) -> None:
    a, b, c = world.start(1), world.start(2), world.start(3)
    meet(world, a, b, c)
    await a.links_with(b, c)
    await c.links_with(a)
    c.peers.send(a.did, status_of(c.did))
    a.peers.trust({b.did: b.certificate})
    assert a.peers.connected() == {b.did}
    await a.happens(lambda: ("down", c.did) in a.story)
    await c.happens(lambda: ("down", a.did) in c.story)
    assert not [message for sender, message in a.inbox if sender == c.did]
    assert ("down", b.did) not in a.story


async def test_a_hub_that_dies_is_reported(world: World) -> None:
    a, b, c = world.start(1), world.start(2), world.start(3)
    meet(world, a, b, c)
    await a.links_with(b, c)
    await b.links_with(a, c)
    await world.stop(c)
    await a.happens(lambda: ("down", c.did) in a.story)
    await b.happens(lambda: ("down", c.did) in b.story)
    assert a.peers.connected() == {b.did}
