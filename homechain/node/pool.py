"""Records that wait for a block: admitted, durable, flooded, not final.

Order of arrival is kept, because a device's readings have an order. A record leaves when it is
final, or when the final state can never take it any more.
"""

from collections.abc import Collection, Iterable
from itertools import islice

from homechain.ledger.errors import Inadmissible
from homechain.ledger.records import SignedRecord
from homechain.model import limits


class PoolFull(Exception):
    """Too many records wait. The sender keeps its record and tries again later."""


class Pool:
    """Pending records by id, oldest first."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._records: dict[bytes, SignedRecord] = {}
        self._since_ms: dict[bytes, int] = {}
        self._counters: dict[tuple[str, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, record_id: bytes) -> bool:
        return record_id in self._records

    def get(self, record_id: bytes) -> SignedRecord | None:
        """The waiting record, if it waits."""
        return self._records.get(record_id)

    @property
    def oldest_ms(self) -> int | None:
        """Monotonic time at which the record that waits longest arrived."""
        return next(iter(self._since_ms.values()), None)

    def add(self, record: SignedRecord, *, now_ms: int) -> bool:
        """Takes a checked record in; False if it waits already.

        Raises `PoolFull`, or `Inadmissible` if its signer used the counter for another record.
        """
        if record.id in self._records:
            return False
        if len(self._records) >= self._capacity:
            raise PoolFull
        slot = (record.signer, record.payload.ctr)
        if slot in self._counters:
            raise Inadmissible(
                "counter_replayed",
                f"counter {record.payload.ctr} is taken by another record that is still waiting; "
                "sign again with a higher counter",
            )
        self._records[record.id] = record
        self._since_ms[record.id] = now_ms
        self._counters[slot] = record.id
        return True

    def discard(self, record_ids: Iterable[bytes]) -> None:
        """These wait no longer."""
        for record_id in record_ids:
            record = self._records.pop(record_id, None)
            if record is not None:
                self._since_ms.pop(record_id, None)
                self._counters.pop((record.signer, record.payload.ctr), None)

    def take(self, *, but: Collection[bytes]) -> list[SignedRecord]:
        """What the next block may hold, oldest first, within the limits of a block."""
        chosen: list[SignedRecord] = []
        size = 0
        for record_id, record in self._records.items():
            if record_id in but:
                continue
            size += len(record.raw)
            if size > limits.BLOCK_BYTES or len(chosen) >= limits.RECORDS_PER_BLOCK:
                break
            chosen.append(record)
        return chosen

    def count(self, *, but: Collection[bytes]) -> int:
        """How many wait besides `but`."""
        return len(self._records) - sum(1 for record_id in but if record_id in self._records)

    def of_signers(self, signers: Collection[str] | None) -> list[SignedRecord]:
        """Waiting records of `signers`; all for None."""
        if signers is None:
            return list(self._records.values())
        return [record for record in self._records.values() if record.signer in signers]

    def raws(self, *, at_most: int, before_ms: int | None = None) -> list[bytes]:
        """Exact bytes of the oldest `at_most` records; only those that came by `before_ms`."""
        return [
            record.raw
            for record_id, record in islice(self._records.items(), at_most)
            if before_ms is None or self._since_ms[record_id] <= before_ms
        ]
