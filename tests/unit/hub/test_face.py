from pathlib import Path
from typing import Any, cast

import pytest

from homechain.api.server.ports import HubBusy, HubFailed, Media
from homechain.hub.directory import HubDirectory
from homechain.hub.face import HubFace, Pairing
from homechain.hub.requests import Requests
from homechain.hub.running import Hub
from homechain.node.feed import LISTENERS
from homechain.node.node import NodeLimits, NotFounded
from homechain.node.ports import StoreFailed
from homechain.settings import ApiSettings, MeshSettings, Settings
from tests.fakes.driven_home import DrivenHome, DrivenHub
from tests.fakes.home import Actor, made_key
from tests.fakes.virtual_time import on_virtual_time


def face_of(hub: DrivenHub) -> HubFace:
    def never() -> Any:
        raise AssertionError("nobody pairs here")

    return HubFace(
        hub.node,
        media=cast(Media, None),
        requests=Requests(clock=hub.clock, hub=hub.did),
        pairing=Pairing(open=never, close=never, current=lambda: None),
        link_report=tuple,
    )


def actor(name: str) -> Actor:
    return Actor(made_key(name), name=name)


@on_virtual_time
async def test_a_home_and_its_mesh_are_seen_as_they_are() -> None:
    async with DrivenHome() as home:
        hub = await home.led()
        face = face_of(hub)
        submission = await face.submit(home.made.person_record(actor("Ben")).raw)
        await submission.final
        assert (face.home, face.did, face.head.height) == (home.made.id, hub.did, 1)
        report = face.mesh_report()
        assert report.role == "leader"
        assert [each.did for each in report.hubs if each.leader] == [hub.did]
        assert len(report.hubs) == 3
        trust = await face.trust_material()
        assert trust.genesis == home.made.genesis.raw
        assert trust.checkpoint_commit is not None


@on_virtual_time
async def test_no_room_and_a_broken_disk_are_told_apart() -> None:
    async with DrivenHome() as home:
        hub = home.hubs[0]
        home.isolate(hub)
        face = face_of(hub)
        with face.subscribe():
            for _ in range(LISTENERS - 1):
                hub.node.engine.feed._listeners.add(cast(Any, object()))
            with pytest.raises(HubBusy), face.subscribe():
                pass
            hub.node.engine.feed._listeners.clear()
        hub.store.failure = StoreFailed("no medium")
        with pytest.raises(HubFailed):
            await face.submit(home.made.person_record(actor("Ben")).raw)
        with pytest.raises(HubBusy):
            await face.submit(home.made.person_record(actor("Cem")).raw)


@on_virtual_time
async def test_a_full_pool_is_no_fault_of_the_sender() -> None:
    async with DrivenHome() as home:
        hub = home.hubs[0]
        await hub.stop()
        await hub.start(limits=NodeLimits(pending_records=1))
        home.isolate(hub)
        face = face_of(hub)
        await face.submit(home.made.person_record(actor("Ben")).raw)
        with pytest.raises(HubBusy):
            await face.submit(home.made.person_record(actor("Cem")).raw)


async def test_a_hub_without_a_home_says_so_and_leaves_no_port_open(tmp_path: Path) -> None:
    directory = HubDirectory(tmp_path / "hub")
    directory.create_key()
    settings = Settings(
        api=ApiSettings(host="127.0.0.1", port=0, residents_port=0),
        mesh=MeshSettings(host="127.0.0.1", port=0, discovery=False),
    )
    with pytest.raises(NotFounded):
        await Hub(directory, settings).run(on_ready=lambda _: None)
