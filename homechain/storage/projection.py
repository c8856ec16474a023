"""What a final block means for people: pure, from one block to the rows that it adds.

May live here: which row a record becomes. May not: SQL, or whether a record was right to be there;
the ledger has decided that. Values, names and reasons were chosen by devices and persons and stay
data: values are kept as JSON and parsed only by whoever shows them.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from homechain.ledger.records import SignedRecord
from homechain.model.ids import digest_from_text
from homechain.model.records import (
    CommandRecord,
    DeviceRecord,
    EventRecord,
    GrantRecord,
    HubRecord,
    OutcomeRecord,
    PersonRecord,
    Reading,
    RetireRecord,
)
from homechain.node.ports import FinalBlock


class RecordEntry(Struct, frozen=True):
    """Where a record stands, and whom it is about (its signer first)."""

    index: int
    record: SignedRecord
    subjects: tuple[str, ...]


class CommandEntry(Struct, frozen=True, kw_only=True):
    """A command with what was decided on it."""

    index: int
    id: bytes
    device: str
    person: str
    action: str
    arguments: bytes
    """JSON."""
    requested_ms: int
    expires_s: int
    allowed: bool
    code: str
    reason: str
    grant: str | None


class OutcomeEntry(Struct, frozen=True, kw_only=True):
    """The device's word on a command. Only the first word of the right device counts."""

    command: bytes
    device: str
    result: str
    reason: str
    at_ms: int
    media: str | None


class ReadingEntry(Struct, frozen=True, kw_only=True):
    """One reading, oldest first within its block."""

    device: str
    name: str
    value: bytes
    """JSON."""
    at_ms: int
    order_ms: int
    """What decides which value is the newest: the device's clock, but never later than the block,
    so that a clock that once ran ahead does not pin a value for years."""
    index: int
    command: bytes | None


class Projection(Struct, frozen=True, kw_only=True):
    """All rows of one block."""

    records: tuple[RecordEntry, ...]
    commands: tuple[CommandEntry, ...]
    outcomes: tuple[OutcomeEntry, ...]
    readings: tuple[ReadingEntry, ...]


def project(final: FinalBlock) -> Projection:
    """The rows that `final` adds. Every command needs its decision (`AssertionError` otherwise)."""
    decisions = {decision.command: decision for decision in final.decisions}
    records, commands, outcomes = [], [], []
    readings: list[ReadingEntry] = []
    for index, record in enumerate(final.records, final.first_index):
        records.append(RecordEntry(index, record, tuple(_subjects(record))))
        match record.payload:
            case CommandRecord() as command:
                assert record.id in decisions, "a command without its decision"
                decision = decisions[record.id]
                commands.append(
                    CommandEntry(
                        index=index,
                        id=record.id,
                        device=command.device,
                        person=record.signer,
                        action=command.action,
                        arguments=msgspec.json.encode(command.arguments),
                        requested_ms=command.iat * 1_000,
                        expires_s=command.exp,
                        allowed=decision.allowed,
                        code=decision.code,
                        reason=decision.reason,
                        grant=decision.grant,
                    )
                )
            case OutcomeRecord() as outcome:
                answered = digest_from_text(outcome.command)
                outcomes.append(
                    OutcomeEntry(
                        command=answered,
                        device=record.signer,
                        result=outcome.result.value,
                        reason=outcome.reason,
                        at_ms=outcome.at,
                        media=outcome.media,
                    )
                )
                readings += _readings(
                    outcome.readings, record.signer, final.time_ms, index=index, command=answered
                )
            case EventRecord() as event:
                readings += _readings(
                    event.readings, record.signer, final.time_ms, index=index, command=None
                )
            case _:
                pass
    return Projection(
        records=tuple(records),
        commands=tuple(commands),
        outcomes=tuple(outcomes),
        readings=tuple(readings),
    )


def newest(readings: Iterable[ReadingEntry]) -> dict[tuple[str, str], ReadingEntry]:
    """The newest reading of each (device, name): the later one counts where times are equal."""
    found: dict[tuple[str, str], ReadingEntry] = {}
    for reading in readings:
        key = (reading.device, reading.name)
        if key not in found or reading.order_ms >= found[key].order_ms:
            found[key] = reading
    return found


def _readings(
    readings: Iterable[Reading],
    device: str,
    block_ms: int,
    *,
    index: int,
    command: bytes | None,
) -> Iterator[ReadingEntry]:
    for reading in readings:
        yield ReadingEntry(
            device=device,
            name=reading.name,
            value=msgspec.json.encode(reading.value),
            at_ms=reading.at,
            order_ms=min(reading.at, block_ms),
            index=index,
            command=command,
        )


def _subjects(record: SignedRecord) -> list[str]:
    subjects = [record.signer]
    about: str | None = None
    match record.payload:
        case CommandRecord(device=device) | RetireRecord(device=device):
            about = device
        case PersonRecord(person=person):
            about = person
        case GrantRecord(sub=holder):
            about = holder
        case HubRecord(hub=hub):
            about = hub.hub
        case DeviceRecord() if record.description is not None:
            about = record.description.signer
        case _:
            pass
    if about is not None and about != record.signer:
        subjects.append(about)
    return subjects
