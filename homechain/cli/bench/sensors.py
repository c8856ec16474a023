"""Devices that only report: their keys, their papers, and what they sign before the clock runs."""

import secrets
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from homechain.crypto.jws import sign_compact
from homechain.crypto.keys import SEED_BYTES, PrivateKey
from homechain.ledger.pairing import commitment_to
from homechain.ledger.records import sign_description
from homechain.model.records import (
    Affordance,
    DeviceDescription,
    DeviceKind,
    EventRecord,
    Reading,
    Thing,
    write_payload,
)

NONCE_BYTES: Final = 32
READING_INTERVAL_MS: Final = 1_000
_THING: Final = Thing(
    title="Sensor",
    at_type=DeviceKind.OTHER,
    properties={"temperature": Affordance(title="Temperature", type="number", unit="°C")},
)


class Sensor:
    """One device with a thermometer. Its counter only rises, so nothing it signs is a repeat."""

    def __init__(self, key: PrivateKey, *, home: str, began_ms: int) -> None:
        self.did = key.public.did
        self._key = key
        self._home = home
        self._counter = 0
        self._reading_ms = began_ms

    @classmethod
    def make(cls, home: str) -> "Sensor":
        """A new sensor with a key of its own."""
        key = PrivateKey.from_seed(secrets.token_bytes(SEED_BYTES))
        return cls(key, home=home, began_ms=time.time_ns() // 1_000_000)

    def describe(self, hub: str) -> str:
        """Its signed self-description, as a resident approves it."""
        description = DeviceDescription(
            iss=self.did,
            home=self._home,
            hub=hub,
            iat=int(time.time()),
            commitment=commitment_to(secrets.token_bytes(NONCE_BYTES)),
            thing=_THING,
        )
        return sign_description(description, self._key).raw.decode("ascii")

    def sign(self, *, readings: int) -> bytes:
        """The next record: so many readings, a second apart."""
        self._counter += 1
        made = []
        for _ in range(readings):
            self._reading_ms += READING_INTERVAL_MS
            degrees = 18 + self._reading_ms // READING_INTERVAL_MS % 50 / 10
            made.append(Reading(at=self._reading_ms, name="temperature", value=degrees))
        record = EventRecord(
            iss=self.did,
            ctr=self._counter,
            iat=self._reading_ms // 1000,
            home=self._home,
            readings=made,
        )
        return sign_compact(write_payload(record), typ=EventRecord.TYP, key=self._key)


def batch_body(records: Sequence[bytes]) -> bytes:
    """The body of a post of many records, as a gateway sends it."""
    return msgspec.json.encode({"records": [record.decode("ascii") for record in records]})
