"""A home with two hubs, and a place for a device to keep its things."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.devices.made_hub import House, MadeHub


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    for number in range(2):
        await MadeHub(house, number).start()
    yield house
    for hub in house.hubs:
        await hub.stop()


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "device"
