"""Hubs that die, stall, lie or change: the device goes on with the others."""

from functools import partial
from pathlib import Path

import pytest

from homechain.api.client.transport import ClientTimeouts
from homechain_devices.sdk import DeviceClock, DeviceLimits
from homechain_devices.sdk.errors import NotTakenIn
from homechain_devices.sdk.events import RecordRefused
from homechain_devices.sdk.hubs import Hubs
from tests.fakes.home import made_key
from tests.unit.devices.made_hub import House
from tests.unit.devices.made_lock import MadeLock, taken_in


async def test_another_hub_takes_over_when_one_is_gone(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        await house.hubs[0].stop()
        for bolt in ("unlocked", "locked"):
            lock.device.report("bolt", bolt)
        order, _ = house.order(house.home.owner, did, "lock")
        house.hubs[1].push(order)
        await house.until(lambda: len(house.outcomes()) == 1 and len(house.readings()) == 2)
        await house.hubs[1].stop()
        lock.device.report("door", "open")
        await house.hubs[0].start()
        await house.until(lambda: len(house.readings()) == 3)
    assert [reading.value for reading in house.readings()] == ["unlocked", "locked", "open"]


async def test_the_same_bytes_are_sent_again_until_they_are_final(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
        for hub in house.hubs:
            hub.fault = "not-final-in-time"
        lock.device.report("door", "open")
        await house.until(lambda: sum(hub.posts for hub in house.hubs) >= 3)
        house.hubs[1].fault = ""
        await house.until(lambda: len(house.readings()) == 1)
    assert len(house.records) == 1
    assert house.records[0].payload.ctr == 1


async def test_readings_that_had_to_wait_share_records(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir, limits=DeviceLimits(backoff_most_ms=5, poll_ms=1))
    for percent in range(100):
        lock.device.report("battery", percent)
    async with lock.running():
        await taken_in(house, lock)
        await house.until(lambda: len(house.readings()) == 100)
    assert len(house.records) <= 2
    assert [reading.value for reading in house.readings()] == list(range(100))


def last_is(house: House, value: object) -> bool:
    return [reading.value for reading in house.readings()][-1:] == [value]


async def test_one_lying_hub_cannot_talk_a_device_out_of_its_home(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        house.hubs[0].verdict = "retired"
        for value in (50, 49):
            lock.device.report("battery", value)
            await house.until(partial(last_is, house, value))
        house.hubs[0].verdict = "malformed-record"
        lock.device.report("battery", 48)
        await house.until(partial(last_is, house, 48))
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert not lock.heard(RecordRefused)


async def test_what_two_hubs_refuse_for_good_is_given_up(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
        for hub in house.hubs:
            hub.verdict = "malformed-record"
        lock.device.report("battery", 50)
        await house.until(lambda: bool(lock.heard(RecordRefused)))
        for hub in house.hubs:
            hub.verdict = ""
        lock.device.report("battery", 49)
        await house.until(lambda: len(house.readings()) == 1)
    assert house.readings()[0].value == 49


async def test_a_hub_with_two_addresses_gets_one_stream(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    port = house.hubs[0].address.rpartition(":")[2]
    lock.device._network.fixed_addresses.append(f"localhost:{port}")
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "lock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert [hub.connections for hub in house.hubs] == [1, 1]


async def test_membership_that_changed_while_the_device_was_away_is_followed(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
    house.home.commit(house.home.hub_record("hub 3"))
    house.home.commit(house.home.hub_record("hub 2", removed=True))
    again = MadeLock(house, state_dir)
    async with again.running():
        await house.until(lambda: any(hub.connections == 2 for hub in house.hubs))
        order, _ = house.order(house.home.owner, did, "lock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert again.acts == [("lock", {})]


async def test_what_a_search_found_is_asked_besides_what_the_home_says() -> None:
    hubs = Hubs(
        [],
        key=made_key("lock"),
        clock=DeviceClock(),
        limits=DeviceLimits(),
        timeouts=ClientTimeouts(),
        notify=lambda event: None,
    )
    hubs.found(["[fe80::1%2]:8440", "10.0.0.2:8440"])
    hubs.replace(["10.0.0.2:8440", "10.0.0.1:8440"])
    assert hubs.addresses == ["10.0.0.2:8440", "10.0.0.1:8440", "[fe80::1%2]:8440"]
    hubs.found(["10.0.0.22:8440"])
    assert hubs.addresses == ["10.0.0.2:8440", "10.0.0.1:8440", "10.0.0.22:8440"]
    # Whether the device is out of the home is for the home's own hubs to say.
    hubs.turned_away("10.0.0.2:8440", "retired")
    with pytest.raises(NotTakenIn):
        hubs.turned_away("10.0.0.1:8440", "retired")
