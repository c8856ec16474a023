"""Where a broken ledger is broken: block, part, record, bytes.

May live here: turning what an audit finds into `BrokenLedger`. May not: checks.
"""

from msgspec import Struct

from homechain.ledger.errors import BrokenLedger, Inadmissible
from homechain.ledger.headers import field_range
from homechain.ledger.records import SignedRecord, read_record


class Blame(Struct, frozen=True):
    """What is wrong if a signature is."""

    height: int
    part: str
    reason: str
    record: int | None
    byte_range: tuple[int, int]
    proposed: bytes | None = None
    """For a proposal: the block hash that it must be for."""


def read_or_blame(raw: bytes, *, height: int, place: int) -> SignedRecord:
    """The record in `raw`, or `BrokenLedger` for this place."""
    try:
        return read_record(raw)
    except Inadmissible as error:
        raise BrokenLedger(
            height=height,
            part="record",
            reason=str(error),
            record=place,
            byte_range=(0, len(raw)),
        ) from error


def broken(blame: Blame, *, detail: str | None) -> BrokenLedger:
    """The error that `blame` foresaw."""
    return BrokenLedger(
        height=blame.height,
        part=blame.part,
        reason=blame.reason if detail is None else f"{blame.reason}: {detail}",
        record=blame.record,
        byte_range=blame.byte_range,
    )


def broken_record(record: SignedRecord, reason: str, *, height: int, place: int) -> BrokenLedger:
    """A record that may not stand where it stands."""
    return BrokenLedger(
        height=height,
        part="record",
        reason=reason,
        record=place,
        byte_range=(0, len(record.raw)),
    )


def broken_field(raw: bytes, fault: tuple[str, str], *, height: int) -> BrokenLedger:
    """A header whose field does not fit: `fault` is (field, why)."""
    name, reason = fault
    return BrokenLedger(
        height=height,
        part="header",
        reason=f"{name}: {reason}",
        byte_range=field_range(raw, name),
    )


def first_difference(expected: bytes, actual: bytes) -> tuple[int, int]:
    """Byte range from the first byte that differs to the end."""
    first = next(
        (
            place
            for place, pair in enumerate(zip(expected, actual, strict=False))
            if pair[0] != pair[1]
        ),
        min(len(expected), len(actual)),
    )
    return first, max(len(actual), first + 1)
