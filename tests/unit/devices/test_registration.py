"""How a device gets into a home, and out of it."""

import asyncio
from pathlib import Path

import pytest
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from homechain.keyfiles import UnsafeKeyFile
from homechain_devices.lock.description import describe
from homechain_devices.sdk import (
    BadDescription,
    BadValue,
    Device,
    DeviceLimits,
    NotTakenIn,
)
from homechain_devices.sdk.discovery import SERVICE_TYPE, find_hubs
from homechain_devices.sdk.events import DigitsShown, HubLost, SearchingHubs, TakenIn
from tests.unit.devices.made_hub import House
from tests.unit.devices.made_lock import MadeLock, taken_in


async def test_a_device_registers_shows_its_own_digits_and_is_taken_in(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    lock.device.report("bolt", "locked")
    async with lock.running():
        did = await taken_in(house, lock)
        await house.until(lambda: len(house.readings()) == 1)
    assert len(lock.heard(DigitsShown)[0].digits) == 6
    assert lock.heard(TakenIn)[0].name == "Front door"
    assert house.readings()[0].value == "locked"
    assert house.records[0].signer == did
    assert (state_dir / "device.key").stat().st_mode & 0o077 == 0


async def test_a_hub_that_shows_other_digits_is_not_believed(house: House, state_dir: Path) -> None:
    house.hubs[0].lying_digits = True
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
    assert "other digits" in lock.heard(HubLost)[0].reason
    assert lock.heard(DigitsShown)[0].hub == house.hubs[1].did


async def test_nobody_gets_new_digits_of_a_device_as_often_as_they_like(
    house: House, state_dir: Path
) -> None:
    for hub in house.hubs:
        hub.lying_digits = True
    limits = DeviceLimits(
        backoff_first_ms=1, backoff_most_ms=1, digits_at_once=3, digits_pause_ms=3_600_000
    )
    lock = MadeLock(house, state_dir, limits=limits)
    async with lock.running():
        await house.until(lambda: house.reveals == 3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await house.until(lambda: house.reveals > 3)


async def test_a_device_that_was_approved_while_it_was_off_is_taken_in(
    house: House, state_dir: Path
) -> None:
    first = MadeLock(house, state_dir)
    async with first.running():
        await house.until(lambda: bool(first.heard(DigitsShown)))
    shown = first.heard(DigitsShown)[0]
    second = MadeLock(house, state_dir)
    async with second.running():
        await house.until(lambda: bool(second.heard(DigitsShown)))
    assert second.heard(DigitsShown)[0] == shown, "a restart does not change the digits"
    house.approve(shown.device)
    third = MadeLock(house, state_dir)
    async with third.running():
        await house.until(lambda: bool(third.heard(TakenIn)))


async def test_a_retired_device_stops(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
    house.retired.add(did)
    again = MadeLock(house, state_dir)
    with pytest.raises(NotTakenIn):
        await again.device.run()


async def test_a_program_that_does_not_fit_its_description_is_told_at_once(
    house: House, state_dir: Path
) -> None:
    device = Device(describe(title="Front door"), state_dir=state_dir)
    with pytest.raises(BadDescription, match="no action 'fly'"):
        device.action("fly")
    with pytest.raises(BadDescription, match="no property or event 'colour'"):
        device.report("colour", "red")
    with pytest.raises(BadValue, match="battery must be at most 100 %"):
        device.report("battery", 101)
    with pytest.raises(BadDescription, match="no handler for lock, set_auto_relock"):
        await device.run()


async def test_a_device_finds_its_hubs_by_itself(house: House, state_dir: Path) -> None:
    searches: list[int] = []

    async def search() -> list[str]:
        searches.append(len(searches))
        return [] if len(searches) < 3 else [hub.address for hub in house.hubs]

    lock = MadeLock(house, state_dir, hubs=[], search=search)
    async with lock.running():
        await taken_in(house, lock)
    assert len(searches) == 3
    assert len(lock.heard(SearchingHubs)) == 2


async def test_a_hub_that_forgot_the_device_is_told_again(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await house.until(lambda: bool(lock.heard(DigitsShown)))
        first = lock.heard(DigitsShown)[0]
        house.descriptions.clear()
        await house.until(lambda: lock.heard(DigitsShown)[-1].digits != first.digits)
        house.approve(first.device)
        await house.until(lambda: bool(lock.heard(TakenIn)))


async def test_another_hub_takes_over_when_one_dies_before_approval(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await house.until(lambda: bool(lock.heard(DigitsShown)))
        await house.hubs[0].stop()
        await house.until(lambda: bool(lock.heard(HubLost)))
        house.approve(lock.heard(DigitsShown)[0].device)
        await house.until(lambda: bool(lock.heard(TakenIn)))
    assert len({event.digits for event in lock.heard(DigitsShown)}) == 1


async def test_a_device_whose_key_every_hub_refuses_gives_up(house: House, state_dir: Path) -> None:
    for hub in house.hubs:
        hub.refuses_introductions = "key-refused"
    lock = MadeLock(house, state_dir)
    with pytest.raises(NotTakenIn, match="key-refused"):
        await lock.device.run()
    assert len(lock.heard(HubLost)) >= 1, "the first hub alone was not believed"


async def test_a_device_that_the_home_knows_goes_on_where_it_stopped(
    house: House, state_dir: Path
) -> None:
    """The hubs forgot the introduction, a resident had approved it: the old papers count."""
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await house.until(lambda: bool(lock.heard(DigitsShown)))
    did = lock.heard(DigitsShown)[0].device
    for hub in house.hubs:
        hub.refuses_introductions = "pairing-refused"
    descriptions = dict(house.descriptions)
    house.descriptions.clear()
    again = MadeLock(house, state_dir)
    async with again.running():
        await house.until(lambda: bool(again.heard(HubLost)))
        house.descriptions.update(descriptions)
        house.approve(did)
        await house.until(lambda: bool(again.heard(TakenIn)))


def forget_counters(state_dir: Path) -> None:
    for path in state_dir.glob("device.sqlite3*"):
        path.unlink()


async def test_a_key_without_its_counters_never_uses_one_twice(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
        lock.device.report("battery", 70)
        await house.until(lambda: len(house.readings()) == 1)
    forget_counters(state_dir)
    again = MadeLock(house, state_dir)
    async with again.running():
        await house.until(lambda: bool(again.heard(TakenIn)))
        again.device.report("battery", 69)
        await house.until(lambda: len(house.readings()) == 2)
    assert house.records[1].payload.ctr >= house.home.now_s * 1_000 - 60_000


async def test_a_key_that_others_can_read_is_not_used(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await house.until(lambda: bool(lock.heard(DigitsShown)))
    (state_dir / "device.key").chmod(0o644)
    with pytest.raises(UnsafeKeyFile):
        await MadeLock(house, state_dir).device.run()


async def test_hubs_are_heard_on_the_network(house: House) -> None:
    port = int(house.hubs[0].address.rpartition(":")[2])
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
    service = AsyncServiceInfo(
        SERVICE_TYPE,
        f"hub-of-a-test.{SERVICE_TYPE}",
        port=port,
        properties={"v": "1", "api": str(port)},
        server="hub-of-a-test.local.",
        parsed_addresses=["127.0.0.1"],
    )
    await (await zeroconf.async_register_service(service, cooperating_responders=True))
    try:
        async with asyncio.timeout(20):
            # Others may be heard first: this machine's network is not the test's alone.
            while house.hubs[0].address not in await find_hubs(
                search_ms=2_000, interfaces=("127.0.0.1",)
            ):
                pass
    finally:
        await zeroconf.async_close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # zeroconf forgets the socket it opened
async def test_no_network_is_no_hubs() -> None:
    assert await find_hubs(search_ms=1, interfaces=("192.0.2.77",)) == []
