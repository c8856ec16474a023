"""The home that is measured: three real hubs, one lock, and the sensors that load it."""

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from homechain.api.client.hub import HubClient
from homechain.cli.bench.figures import Figure
from homechain.cli.bench.sensors import Sensor
from homechain.cli.bench.usage import Usage, usage_of
from homechain.cli.demo.household import DEVICES, Household
from homechain.cli.output import warn
from homechain.storage.chain import chain_size, reading

HUBS: Final = 3
SENSORS: Final = 64
LOCK: Final = DEVICES[0]


class BenchFailed(Exception):
    """A figure could not be measured. The message says what happened instead."""


class Plan(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    runs: int = 5
    seconds: float = 3.0
    """Of load in one run."""
    idle_seconds: float = 10.0
    commands: int = 100
    """In one run."""
    words: Sequence[str] = ()
    """The command line, for whoever wants the figure again."""

    def figure(self, name: str, unit: str, values: Sequence[float]) -> Figure:
        """A figure of this plan."""
        command = shlex.join(["homechain", "bench", *self.words])
        return Figure(name=name, unit=unit, values=tuple(values), command=command)


class Stored(Struct, frozen=True, kw_only=True):
    """What lies on one hub's disk."""

    ledger_bytes: int
    """Pages in use in the ledger's file, once its log is copied into it."""
    records: int


class BenchHome:
    """A household with a lock, and its sensors."""

    def __init__(self, household: Household, anna: HubClient, *, home: str) -> None:
        self.household = household
        self.anna = anna
        self._home = home
        self._sensors: list[Sensor] = []

    @property
    def addresses(self) -> list[str]:
        """The device interface of each hub."""
        return [hub.description.api[0] for hub in self.household.hubs]

    async def sensors(self) -> list[Sensor]:
        """Sensors that belong to the home; taken in when they are first asked for."""
        if not self._sensors:
            warn(f"{SENSORS} sensors are taken in…")
            made = [Sensor.make(self._home) for _ in range(SENSORS)]
            hub = self.household.hubs[0].description.hub
            await asyncio.gather(
                *(
                    self.anna.approve_device(
                        sensor.describe(hub), name=f"Sensor {number}", area="Garden"
                    )
                    for number, sensor in enumerate(made, start=1)
                )
            )
            self._sensors = made
        return self._sensors

    def usage(self) -> list[Usage]:
        """What each hub has taken so far."""
        return [usage_of(hub.child.process.pid) for hub in self.household.hubs]

    def stored(self) -> Stored:
        """What lies on the first hub's disk."""
        directory = self.household.hubs[0].directory.path
        return Stored(ledger_bytes=_used_bytes(directory), records=chain_size(directory).records)


def _used_bytes(directory: Path) -> int:
    with reading(directory) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)
