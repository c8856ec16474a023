"""Readings of a device's own: checked against its description before anything is kept or signed."""

import asyncio
from collections import deque
from typing import Final

import msgspec

from homechain.crypto.errors import CryptoError
from homechain.crypto.strict_json import decode_strict
from homechain.model.records import Affordance, Reading, Thing
from homechain_devices.sdk.arguments import check_value
from homechain_devices.sdk.errors import BadDescription, BadValue
from homechain_devices.sdk.limits import READING_BYTES
from homechain_devices.steps import Value

OCCURRED: Final = True
"""The value of a reading that says only that an event occurred."""


class Readings:
    """Makes readings for one description."""

    def __init__(self, thing: Thing) -> None:
        # A name may be both (a camera's `motion`): the property's bounds count.
        self._known: dict[str, Affordance] = {**thing.events, **thing.properties}

    def make(self, name: str, value: Value, *, at_ms: int) -> Reading:
        """A reading at the device's own time; the event `name` occurred if `value` is True.

        Raises `BadDescription` for a name that is not described, `BadValue` for a value that does
        not fit, or that no strict reader of JSON would take.
        """
        affordance = self._known.get(name)
        if affordance is None:
            raise BadDescription(f"the description has no property or event {name!r}")
        check_value(name, affordance, value)
        reading = Reading(at=at_ms, name=name, value=value)
        try:
            encoded = msgspec.json.encode(reading)
            decode_strict(encoded)
        except (CryptoError, msgspec.MsgspecError, TypeError, ValueError) as error:
            raise BadValue(f"{name}: {error}") from error
        if len(encoded) > READING_BYTES:
            raise BadValue(f"{name}: a reading has at most {READING_BYTES} bytes")
        return reading


class Unsaved:
    """Readings on their way from the maker's program to the disk."""

    def __init__(self, *, most: int) -> None:
        self._readings: deque[Reading] = deque()
        self._most = most
        self._some = asyncio.Event()

    def add(self, reading: Reading) -> int:
        """Take one; return how many older ones had to go because the disk is too slow."""
        surplus = max(0, len(self._readings) + 1 - self._most)
        for _ in range(surplus):
            self._readings.popleft()
        self._readings.append(reading)
        self._some.set()
        return surplus

    async def wait(self) -> None:
        """Return when there is something to save."""
        await self._some.wait()

    def take(self) -> list[Reading]:
        """All of them, oldest first."""
        taken = list(self._readings)
        self._readings.clear()
        self._some.clear()
        return taken
