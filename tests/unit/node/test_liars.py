"""A member that lies, floods or sends rubbish: the home goes on, and remembers who it was."""

import asyncio
from collections.abc import Sequence
from typing import Any, Self

import pytest
from msgspec.structs import replace

from homechain.consensus import effects as wanted
from homechain.hub.system import KeySigner
from homechain.ledger.blocks import BuiltBlock, build_block
from homechain.model.blocks import (
    Block,
    CertifiedBlock,
    CommitCertificate,
    ElectionCertificate,
    Endorsement,
    QuorumCertificate,
    Rank,
    root_certificate,
)
from homechain.model.messages import (
    BlocksWanted,
    BlockWanted,
    FinalBlocks,
    Message,
    OpenBlock,
    PendingRecords,
    ShownCommit,
    ShownElection,
    ShownQuorum,
    Status,
)
from homechain.model.statements import Commit, Heartbeat, Prepare, PreVote, Proposal, Vote
from homechain.node import building
from homechain.node.work import Waiting
from tests.fakes.driven_home import DrivenHome, DrivenHub
from tests.fakes.home import Actor, made_key
from tests.fakes.peers import FakePeers
from tests.fakes.virtual_time import on_virtual_time

BIG = 2**60


def actor(name: str) -> Actor:
    return Actor(made_key(name), name=name)


class Puppet:
    """A member whose words are the test's."""

    def __init__(self, home: DrivenHome, hub: DrivenHub) -> None:
        self.did = hub.did
        self.signer = KeySigner(hub.key)
        self.home = home
        self.heard: list[Message] = []
        self._peers: FakePeers = home.network.join(
            hub.did,
            certificate=hub.did.encode(),
            on_message=lambda _, message: self.heard.append(message),
            on_link_up=lambda _: None,
            on_link_down=lambda _: None,
        )
        self._peers.trust({other.did: other.did.encode() for other in home.hubs})

    def status(self, *, height: int, linked: Sequence[str] = ()) -> Status:
        return Status(self.home.made.id, self.did, 1, 0, 0, height, 0, tuple(linked))

    def say(self, message: Message) -> None:
        for hub in self.home.hubs:
            self._peers.send(hub.did, message)


class Puppeteered(DrivenHome):
    """Three hubs, the last of them a puppet."""

    def __init__(self) -> None:
        super().__init__()
        self._strings = self.hubs.pop()
        self.puppet: Puppet

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.puppet = Puppet(self, self._strings)
        return self


def rubbish(puppet: Puppet) -> list[Message]:
    nobody = bytes(32)
    root = root_certificate(0, nobody)
    rank = Rank(0, BIG, BIG)
    quorum = QuorumCertificate(rank, b"short", Rank(-1, -1, -1), b"", ())
    block = Block(b"\xff" * 40, (b"no record",))
    return [
        PreVote(0, BIG, 7, b""),
        PreVote(0, -1, -1, b"x" * 64),
        Vote(0, 1, 2, root, b"x" * 64),
        Vote(0, 1, 2, quorum, b""),
        Prepare(0, 1, -5, nobody, rank, b"", 2, b"x" * 63),
        Commit(0, 1, 2**63, nobody, 1, b"x" * 64),
        Heartbeat(0, 1, 2, BIG, rank, -1, b""),
        Proposal(0, 1, 0, 2, nobody, block, root, None, b"x" * 64),
        ShownQuorum(quorum),
        ShownQuorum(root),
        ShownCommit(CommitCertificate(rank, nobody, ())),
        ShownElection(ElectionCertificate(0, BIG, ())),
        PendingRecords((b"", b".", b"\xff" * 10)),
        PendingRecords((b"x",) * 300),
        BlocksWanted(-BIG, -BIG),
        BlocksWanted(BIG, BIG),
        BlockWanted(b""),
        OpenBlock(block, b""),
        FinalBlocks((CertifiedBlock(block, b"", None),)),
        Status(nobody, puppet.did, 1, 0, 0, BIG, 0, ()),
        Status(puppet.home.made.id, "did:key:another", 1, 0, 0, BIG, 0, ()),
        puppet.status(height=BIG, linked=["x"] * 1_000),
    ]


@on_virtual_time
async def test_rubbish_ends_neither_the_hub_nor_the_peers_worker() -> None:
    async with Puppeteered() as home:
        await home.hubs[0].settle(home.made.person_record(actor("Ben")))
        for message in rubbish(home.puppet):
            home.puppet.say(message)
        await home.hubs[0].settle(home.made.person_record(actor("Cem")))
        # Its worker still hears: an honest record after all the rubbish becomes final.
        honest = home.made.person_record(actor("Dora"))
        home.puppet.say(PendingRecords((honest.raw,)))
        hub = home.hubs[1]
        await hub.knows(actor("Dora").did)
        for hub in home.hubs:
            assert set(hub.node.misbehaviour) == {home.puppet.did}
            assert hub.node.misbehaviour[home.puppet.did] >= 12


@on_virtual_time
async def test_a_fault_of_ours_is_logged_and_the_peer_still_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Puppeteered() as home:
        hub = home.hubs[0]

        def broken(hub: str, status: Status) -> None:
            raise AssertionError("a fault of ours")

        hub.node._inbound._status = broken  # type: ignore[method-assign]  # the fault
        home.puppet.say(home.puppet.status(height=0))
        record = home.made.person_record(actor("Ben"))
        home.puppet.say(PendingRecords((record.raw,)))
        await hub.knows(actor("Ben").did)
        assert not hub.node.misbehaviour
        assert "met a fault of this hub" in caplog.text


@on_virtual_time
async def test_a_bad_record_takes_no_good_one_down_with_it() -> None:
    async with Puppeteered() as home:
        good = home.made.person_record(actor("Ben"))
        forged = good.raw[:-8] + b"AAAAAAAA"
        other = home.made.person_record(actor("Cem"))
        home.puppet.say(PendingRecords((b"rubbish", forged, other.raw)))
        for hub in home.hubs:
            await hub.knows(actor("Cem").did)
        # The forgery did not make the real one look like something seen before.
        home.puppet.say(PendingRecords((good.raw,)))
        hub = home.hubs[0]
        await hub.knows(actor("Ben").did)


@on_virtual_time
async def test_a_liar_about_its_height_does_not_stall_catching_up() -> None:
    async with Puppeteered() as home:
        one, two = home.hubs
        await two.settle(home.made.person_record(actor("Ben")))
        await one.stop()
        # Nobody is left to decide anything: what is final stays at one block.
        one.store.finals[1:] = []
        one.store.safety = None
        await one.start()
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        for _ in range(3):
            home.puppet.say(home.puppet.status(height=BIG))
            home.puppet.say(FinalBlocks(()))
        await one.reaches(1)
        assert loop.time() - begun_s < 15


@on_virtual_time
async def test_pages_and_bodies_that_nobody_asked_for_are_not_looked_at() -> None:
    async with Puppeteered() as home:
        hub = home.hubs[0]
        await hub.settle(home.made.person_record(actor("Ben")))
        genesis = hub.store.finals[0]
        page = FinalBlocks((CertifiedBlock(genesis.block, b"", None),))
        home.puppet.say(page)
        made = home.made.commit(home.made.person_record(actor("Cem")))
        body = OpenBlock(made.block, home.made.blocks[-1].proposal)
        home.puppet.say(body)
        await hub.settle(home.made.person_record(actor("Dora")))
        assert made.hash not in hub.node.engine.chain
        assert made.hash not in hub.store.open_blocks
        assert hub.node.engine.healing.catch_up.begin(home.puppet.did) is False


@on_virtual_time
async def test_a_prepare_is_not_heard_before_its_block_is_on_disk() -> None:
    async with DrivenHome() as home:
        leader = await home.led()
        followers = [hub for hub in home.hubs if hub is not leader]
        for hub in followers:
            hub.store.gate.clear()
        submission = await leader.submit(home.made.person_record(actor("Ben")))
        for hub in followers:
            await hub.store.waiting.wait()
        await home.passes(1)
        prepares = [m for _, m in leader.heard if isinstance(m, Prepare)]
        assert not prepares
        assert not submission.final.done()
        for hub in followers:
            hub.store.gate.set()
        await asyncio.wait_for(submission.final, 30)
        for hub in home.hubs:
            assert hub.store.safety is not None


@on_virtual_time
async def test_a_vote_is_not_heard_before_its_term_is_on_disk() -> None:
    async with DrivenHome(hubs=2) as home:
        one, two = home.hubs
        one.store.gate.clear()
        await one.store.waiting.wait()
        await home.passes(2)
        assert not [m for _, m in two.heard if isinstance(m, Vote)]
        one.store.gate.set()
        await one.settle(home.made.person_record(actor("Ben")))


@on_virtual_time
async def test_what_an_older_epoch_left_over_reaches_nobody() -> None:
    async with DrivenHome() as home:
        hub = home.hubs[0]
        await hub.settle(home.made.hub_record("hub 2", removed=True))
        await hub.until(lambda: hub.node.engine.core.epoch == 1)
        certificate = hub.node.engine.core.safety.high
        hub.node.engine._perform(Waiting(0, wanted.Show(certificate, 2)))
        hub.node.engine._perform(Waiting(0, wanted.Fetch(bytes(32), (2,))))
        assert not hub.node.engine.healing.expects(bytes(32))
        await hub.settle(home.made.person_record(actor("Ben")))


@on_virtual_time
async def test_a_hub_with_an_old_copy_of_its_disk_stops_signing() -> None:
    async with DrivenHome() as home:
        leader = await home.led()
        restored = home.follower()
        await leader.settle(home.made.person_record(actor("Ben")))
        await restored.reaches(1)
        await restored.stop()
        # The disk of the day on which the home was founded.
        restored.store.finals[1:] = []
        restored.store.safety = None
        restored.store.open_blocks.clear()
        await restored.start()
        await restored.reaches(1)
        await leader.settle(home.made.person_record(actor("Cem")))
        await restored.until(lambda: restored.node.engine.alarms.is_quarantined)
        assert not restored.votes()
        await leader.settle(home.made.person_record(actor("Dora")))
        await restored.reaches(3)


@on_virtual_time
async def test_worthless_signatures_inside_a_header_are_refused_though_good_ones_lie_beside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lying(*, justify: QuorumCertificate, **given: Any) -> BuiltBlock:
        worthless = tuple(Endorsement(each.signer, bytes(64)) for each in justify.endorsements)
        return build_block(justify=replace(justify, endorsements=worthless), **given)

    async with DrivenHome() as home:
        await home.hubs[0].settle(home.made.person_record(actor("Ben")))
        liar = await home.led()
        term = liar.node.engine.core.term
        builder = liar.node.engine._builder
        honest_build = builder.build

        def lie(item: wanted.Build) -> object:
            with monkeypatch.context() as built_by_the_liar:
                built_by_the_liar.setattr(building, "build_block", lying)
                return honest_build(item)

        monkeypatch.setattr(builder, "build", lie)
        await home.hubs[0].submit(home.made.person_record(actor("Cem")))
        for hub in home.hubs:
            await hub.knows(actor("Cem").did)
            assert hub.node.head.header.term > term, "the liar's block did not become final"
