"""The live feed: what changes, as it changes, to whom it may be told."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

from homechain.api.client import HubProblem, LiveLost
from homechain.api.client.live import FeedItem
from homechain.api.schema.commands import CommandLife
from homechain.api.schema.live import (
    LiveBlock,
    LiveCommand,
    LiveHello,
    LiveHome,
    LiveKeepAlive,
    LiveMesh,
    LiveProperty,
    LiveRequests,
    LiveResync,
)
from homechain.api.server.limits import ApiLimits
from homechain.model.messages import PendingDevice
from homechain.model.records import Role
from homechain.node.feed import FinalNotice, MeshNotice, Resync
from tests.unit.api.conftest import Door, Household

T = TypeVar("T")


class Ear:
    """Reads a feed and remembers."""

    def __init__(self, feed: AsyncIterator[FeedItem]) -> None:
        self._feed = feed
        self.heard: list[FeedItem] = []

    async def until(self, kind: type[T], **fields: Any) -> T:
        """The next item of this kind with these fields."""
        async with asyncio.timeout(20):
            async for item in self._feed:
                self.heard.append(item)
                if isinstance(item, kind) and all(
                    getattr(item, name) == value for name, value in fields.items()
                ):
                    return item
        raise AssertionError("the feed ended")


async def nothing(seconds: float) -> None:
    """A pause that takes no time."""


async def test_a_command_is_seen_from_decision_to_delivery_to_outcome(
    door: Door, household: Household
) -> None:
    owner = door.person(household.owner)
    ear = Ear(owner.stream())
    hello = await ear.until(LiveHello)
    assert hello.height == door.hub.head.height
    receipt = await owner.command(household.lock.did, "unlock")
    decided = await ear.until(LiveCommand)
    assert (decided.command.id, decided.command.life) == (receipt.id, CommandLife.FINAL)
    block = await ear.until(LiveBlock)
    assert [record.id for record in block.records] == [receipt.id]
    assert block.records[0].decision is not None
    stream = door.device(household.lock).commands()
    await anext(stream)
    await anext(stream)
    assert (await ear.until(LiveCommand)).command.life is CommandLife.DELIVERED
    command = household.home.built[-1].records[0]
    outcome = household.home.outcome_record(
        household.lock,
        command,
        readings=[{"at": household.home.now_s * 1000, "name": "bolt", "value": "unlocked"}],
    )
    await door.device(household.lock).post_record(outcome.raw)
    value = await ear.until(LiveProperty)
    assert (value.property.name, value.property.value) == ("bolt", "unlocked")
    assert (await ear.until(LiveCommand)).command.life is CommandLife.DONE
    await stream.aclose()


async def test_changes_of_the_home_the_mesh_and_the_door_are_told(
    door: Door, household: Household
) -> None:
    owner = door.person(household.owner)
    ear = Ear(owner.stream())
    await ear.until(LiveHello)
    await owner.revoke("guest-unlock")
    assert (await ear.until(LiveHome)).home.counts.grants == 0
    door.hub.fresh = False
    door.hub.feed.publish(MeshNotice())
    assert not (await ear.until(LiveHome)).home.quorum.fresh
    assert not (await ear.until(LiveMesh)).mesh.fresh
    door.hub.add_device_request(
        PendingDevice(
            description=household.home.device_record(household.camera).description.raw,  # type: ignore[union-attr]  # a device record embeds one
            hub_nonce=bytes(32),
            device_nonce=bytes(32),
            hub=door.hub.did,
            seen_ms=1,
        )
    )
    door.hub.feed.publish(MeshNotice())
    heard = await ear.until(LiveRequests)
    while not heard.requests.devices:
        heard = await ear.until(LiveRequests)
    (request,) = heard.requests.devices
    assert request.title == "Porch camera"


async def test_a_reader_that_was_away_resumes_where_it_was(
    door: Door, household: Household
) -> None:
    after = door.hub.head.height
    for value in (19.0, 19.5):
        household.home.commit(household.home.event_record(household.thermostat, temperature=value))
    await door.hub.catch_up()
    ear = Ear(door.person(household.owner).stream(after=after))
    assert (await ear.until(LiveBlock)).height == after + 1
    assert (await ear.until(LiveBlock)).height == after + 2


async def test_a_reader_that_lost_too_much_reads_everything_again(
    door: Door, household: Household
) -> None:
    ear = Ear(door.person(household.owner).stream(after=10_000))
    assert (await ear.until(LiveResync)).height == door.hub.head.height
    door.hub.feed.publish(Resync())
    await ear.until(LiveResync)


class TestQuiet:
    @pytest.fixture
    def limits(self) -> ApiLimits:
        return ApiLimits(keep_alive_s=0.01, streams_per_person=1)

    async def test_a_quiet_feed_says_that_it_is_alive(
        self, door: Door, household: Household
    ) -> None:
        ear = Ear(door.person(household.owner).stream())
        await ear.until(LiveKeepAlive)
        await ear.until(LiveKeepAlive)

    async def test_a_person_has_so_many_feeds_and_waits_for_another(
        self, door: Door, household: Household
    ) -> None:
        owner = door.person(household.owner, pause=nothing)
        ear = Ear(owner.stream())
        await ear.until(LiveHello)
        second = Ear(owner.stream())
        assert "Busy" in (await second.until(LiveLost)).reason
        await Ear(door.person(household.resident).stream()).until(LiveHello)


async def test_a_guest_hears_only_what_is_theirs(door: Door, household: Household) -> None:
    guest, owner = door.person(household.guest), door.person(household.owner)
    ear = Ear(guest.stream())
    await ear.until(LiveHello)
    await owner.command(household.lock.did, "unlock")
    await door.device(household.lock).post_record(
        household.home.event_record(household.lock, bolt="unlocked").raw
    )
    await door.device(household.thermostat).post_record(
        household.home.event_record(household.thermostat, temperature=20).raw
    )
    mine = await guest.command(household.lock.did, "unlock")
    await ear.until(LiveBlock, height=mine.height)
    commands = [item.command.id for item in ear.heard if isinstance(item, LiveCommand)]
    values = [item.device for item in ear.heard if isinstance(item, LiveProperty)]
    records = [
        record.id for item in ear.heard if isinstance(item, LiveBlock) for record in item.records
    ]
    assert commands == [mine.id]
    assert values == [household.lock.did]
    assert records == [mine.id]
    assert not [item for item in ear.heard if isinstance(item, LiveMesh | LiveRequests)]


async def test_a_person_who_was_removed_hears_nothing_more(
    door: Door, household: Household
) -> None:
    ear = Ear(door.person(household.resident, pause=nothing).stream())
    await ear.until(LiveHello)
    await door.person(household.owner).put_person(
        household.resident.did, name="Ben", role=Role.RESIDENT, removed=True
    )
    with pytest.raises(HubProblem):
        await ear.until(LiveBlock)
    assert not [item for item in ear.heard if isinstance(item, LiveBlock | LiveHome)]


class TestDeaf:
    @pytest.fixture
    def limits(self) -> ApiLimits:
        return ApiLimits(write_wait_s=0.05, keep_alive_s=0.01, streams_per_person=1)

    async def test_a_reader_that_left_or_does_not_read_is_given_up(
        self, door: Door, household: Household, caplog: pytest.LogCaptureFixture
    ) -> None:
        owner = door.person(household.owner)
        await owner.home()
        token = next(iter(owner._ring._tokens.values()))
        reader, writer = await asyncio.open_connection("127.0.0.1", door.servers.loopback_port)
        writer.write(
            b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + token.encode()
            + b"\r\n\r\n"
        )
        reader_of_nothing: asyncio.Transport = writer.transport  # type: ignore[assignment]  # a socket's transport can pause
        async with asyncio.timeout(20):
            await reader.readuntil(b"hello")
            reader_of_nothing.pause_reading()
            large = household.home.event_record(household.lock, note="x" * 8_000)
            household.home.commit(large)
            (built,) = door.hub._learn_blocks()
            while door.servers._context._streams.total():
                for _ in range(64):
                    door.hub.feed.publish(
                        FinalNotice(
                            height=door.hub.head.height + 1_000,
                            hash=built.hash,
                            time_ms=1,
                            first_index=0,
                            records=(large,) * 64,
                            decisions=(),
                        )
                    )
                    await asyncio.sleep(0)
        writer.close()
        ear = Ear(owner.stream())
        await ear.until(LiveHello)
        assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_a_reader_that_leaves_is_no_fault(
    door: Door, household: Household, caplog: pytest.LogCaptureFixture
) -> None:
    stream = door.device(household.lock).commands()
    await anext(stream)
    await stream.aclose()
    for _ in range(3):
        await door.person(household.owner).command(household.lock.did, "lock")
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
