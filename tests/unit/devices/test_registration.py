"""How a device gets into a home, and out of it."""

from pathlib import Path

import pytest

from homechain_devices.lock.description import describe
from homechain_devices.sdk import (
    BadDescription,
    BadValue,
    Device,
    NotTakenIn,
)
from homechain_devices.sdk.events import DigitsShown, HubLost, TakenIn
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
