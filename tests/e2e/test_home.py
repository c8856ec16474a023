"""Real hubs, wired as they are when a service runs them: sockets, TLS, SQLite, the device API.

Only multicast is left out. Whatever is awaited here is announced by the hub itself.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from homechain.crypto.keys import PrivateKey
from homechain.hub.directory import HubDirectory
from homechain.hub.founding import (
    AlreadyHome,
    FoundingFailed,
    describe_hub,
    install_genesis,
    join_home,
    sign_genesis,
)
from homechain.hub.running import Hub, RemovedFromHome
from homechain.keyfiles import create_key_file
from homechain.ledger.records import SignedRecord, sign_record
from homechain.mesh.addresses import Address
from homechain.mesh.errors import PairingClosed
from homechain.model.ids import digest_text
from homechain.model.records import HomeRecord, HubRecord, PersonRecord, Role
from homechain.node.receipts import Settled
from homechain.settings import ApiSettings, MeshSettings, Settings

HERE: Final = "127.0.0.1"
PATIENCE_S: Final = 30.0

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


class Box:
    """One hub's directory and settings, and the hub while it runs."""

    def __init__(self, path: Path) -> None:
        self.directory = HubDirectory(path)
        self.settings = Settings(
            api=ApiSettings(host=HERE, port=0, residents_port=0),
            mesh=MeshSettings(
                host=HERE, port=free_port(), pairing_port=free_port(), discovery=False
            ),
        )
        self.key = self.directory.create_key()
        self.description = describe_hub(
            self.key, name=path.name, settings=self.settings, hosts=[HERE]
        )
        self.hub: Hub
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.hub = Hub(self.directory, self.settings)
        ready = asyncio.Event()
        self._task = asyncio.create_task(self.hub.run(on_ready=lambda _: ready.set()))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([self.task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        if self.task.done():
            self.task.result()

    @property
    def task(self) -> asyncio.Task[None]:
        assert self._task is not None, "it was started"
        return self._task

    @property
    def runs(self) -> bool:
        return self._task is not None and not self._task.done()

    def knows_leader(self) -> bool:
        return self.hub.node.engine.core.leader is not None

    async def reaches(self, height: int) -> None:
        await self.until(lambda: self.height >= height)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    @property
    def height(self) -> int:
        return self.hub.node.head.height

    async def until(self, condition: Callable[[], bool]) -> None:
        with self.hub.node.subscribe() as listener:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    assert await listener.next() is not None, "the hub stopped"

    async def settle(self, record: SignedRecord) -> Settled:
        submission = await self.hub.node.submit(record.raw)
        return await asyncio.wait_for(submission.final, PATIENCE_S)


class Household:
    """A home with an owner at hand, and its boxes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._owner = PrivateKey.from_seed(secrets.token_bytes(32))
        self._counter = count(2)
        self._guests = count()
        self._home = b""
        self.boxes: list[Box] = []

    def box(self) -> Box:
        box = Box(self._path / f"hub{len(self.boxes)}")
        self.boxes.append(box)
        return box

    async def found(self) -> Box:
        first = self.box()
        genesis = sign_genesis(
            self._owner,
            name="Linden Street",
            owner_name="Anna",
            time_zone="Europe/Berlin",
            hubs=[first.description],
            now_s=int(time.time()),
            nonce=secrets.token_bytes(32),
        )
        self._home = genesis.id
        await install_genesis(first.directory, genesis)
        await first.start()
        return first

    async def take_in(self, *, by: Box) -> Box:
        """A new hub is paired by code, catches up, and is approved by the owner."""
        box = self.box()
        await introduce(box, by=by)
        await box.start()
        await box.reaches(by.height)
        await by.settle(self.record(HubRecord, hub=box.description))
        return box

    def record(self, kind: type[HomeRecord], **fields: Any) -> SignedRecord:
        return sign_record(
            kind(
                iss=self._owner.public.did,
                ctr=next(self._counter),
                iat=int(time.time()),
                home=digest_text(self._home),
                **fields,
            ),
            self._owner,
        )

    def guest(self) -> SignedRecord:
        key = PrivateKey.from_seed(secrets.token_bytes(32))
        name = f"guest {next(self._guests)}"
        return self.record(PersonRecord, person=key.public.did, name=name, role=Role.GUEST)

    def running(self) -> list[Box]:
        return [box for box in self.boxes if box.runs]

    async def led(self) -> Box:
        """The leader, once all running hubs know it."""
        for box in self.running():
            await box.until(box.knows_leader)
        return next(box for box in self.running() if box.hub.node.engine.core.role == "leader")


def linked(box: Box) -> frozenset[str]:
    return box.hub.node.engine.peers.connected()


async def introduce(box: Box, *, by: Box) -> None:
    """Types the code. The window's port opens a moment after its code is shown."""
    window = by.hub.open_pairing()
    address = Address(HERE, by.settings.mesh.pairing_port)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await join_home(
                    box.directory, [address], code=window.code, description=box.description
                )
            except (PairingClosed, FoundingFailed, OSError):
                await asyncio.sleep(0.02)
            else:
                return


@asynccontextmanager
async def household(path: Path) -> AsyncIterator[Household]:
    home = Household(path)
    try:
        yield home
    finally:
        for box in home.running():
            await box.stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left behind: {left}"


async def test_a_home_grows_loses_its_leader_and_loses_nothing(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        first = await home.found()
        assert (await first.settle(home.guest())).row.height == 1
        for _ in range(2):
            await home.take_in(by=first)
        boxes = home.boxes
        submissions = [
            await boxes[number % 3].hub.node.submit(home.guest().raw) for number in range(60)
        ]
        rows = [
            (await asyncio.wait_for(submission.final, PATIENCE_S)).row for submission in submissions
        ]
        assert len({row.index for row in rows}) == 60
        leader = await home.led()
        await leader.stop()
        others = home.running()
        newest = (await others[0].settle(home.guest())).row
        assert newest.height > max(row.height for row in rows)
        await leader.start()
        await leader.reaches(newest.height)
        await leader.settle(home.guest())
        for box in boxes:
            await box.reaches(newest.height + 1)
            for row in rows:
                found = await box.hub.node.queries.record(row.id)
                assert found is not None
                assert (found.raw, found.index) == (row.raw, row.index)
            assert not box.hub.node.misbehaviour
        assert len({box.hub.node.head.hash for box in boxes}) == 1


async def test_what_was_acknowledged_alone_survives_and_reaches_the_others(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        first = await home.found()
        second = await home.take_in(by=first)
        await second.reaches(first.height)
        await second.stop()
        record = home.guest()
        submission = await first.hub.node.submit(record.raw)
        await first.stop()
        assert submission.final.done()
        await second.start()
        await first.start()
        await second.until(lambda: second.hub.node.state.person(_person(record)) is not None)


async def test_a_removed_hub_erases_its_key(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        first = await home.found()
        second = await home.take_in(by=first)
        await second.reaches(first.height)
        await second.settle(home.record(HubRecord, hub=second.description, removed=True))
        await asyncio.wait([second.task], timeout=PATIENCE_S)
        assert isinstance(second.task.exception(), RemovedFromHome)
        assert not second.directory.has_key()
        await first.settle(home.guest())


async def test_a_removed_hub_that_kept_its_key_and_learns_a_code_stays_outside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with household(tmp_path) as home:
        first = await home.found()
        second = await home.take_in(by=first)
        await second.reaches(first.height)
        await second.settle(home.record(HubRecord, hub=second.description, removed=True))
        await asyncio.wait([second.task], timeout=PATIENCE_S)
        await first.reaches(2)
        create_key_file(second.directory.key_path, second.key.seed, passphrase=None)
        with pytest.raises(AlreadyHome):  # it was paired, and finds the ledger of before
            await introduce(second, by=first)
        assert "was paired again" in caplog.text


async def test_a_hub_that_others_removed_hears_of_it_before_they_close_the_door(
    tmp_path: Path,
) -> None:
    async with household(tmp_path) as home:
        first = await home.found()
        await home.take_in(by=first)
        third = await home.take_in(by=first)
        await third.reaches(first.height)
        await first.settle(home.record(HubRecord, hub=third.description, removed=True))
        await asyncio.wait([third.task], timeout=PATIENCE_S)
        assert isinstance(third.task.exception(), RemovedFromHome)
        await first.until(lambda: third.key.public.did not in linked(first))


async def test_a_hub_that_has_a_home_joins_no_other(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        first = await home.found()
        second = home.box()
        await introduce(second, by=first)
        before = second.directory.introduction_path.read_bytes()
        with pytest.raises(AlreadyHome):
            await introduce(second, by=first)
        assert second.directory.introduction_path.read_bytes() == before


async def test_a_window_that_is_opened_again_lasts(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        first = await home.found()
        first.hub.open_pairing()
        first.hub.close_pairing()
        assert (await home.take_in(by=first)).hub.node.head.height >= 0


def _person(record: SignedRecord) -> str:
    assert isinstance(record.payload, PersonRecord)
    return record.payload.person
