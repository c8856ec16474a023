"""`Store` and `Queries` in memory, written for being right at a glance rather than quick.

Everything is folded again from the list of final blocks at every question. `failure`, once set, is
what every further write raises.
"""

from collections.abc import Iterator

import msgspec

from homechain.consensus.safety import SafetyRecord
from homechain.crypto.errors import InvalidProof
from homechain.crypto.merkle import Frontier, node_hash
from homechain.ledger.records import SignedRecord
from homechain.model.blocks import CertifiedBlock, CommitCertificate, read_header
from homechain.model.ids import digest_text
from homechain.model.records import (
    CommandRecord,
    DeviceRecord,
    EventRecord,
    GrantRecord,
    HubRecord,
    OutcomeRecord,
    PersonRecord,
    RetireRecord,
)
from homechain.node.ports import Batch, FinalBlock, Loaded, StoredBlock
from homechain.node.queries import (
    CommandRow,
    DecisionRow,
    PropertyRow,
    ReadingRow,
    RecordRow,
)


class MemoryStore:
    """A disk that never fails unless it is told to, and forgets nothing until it is dropped."""

    def __init__(self) -> None:
        self.finals: list[FinalBlock] = []
        self.safety: SafetyRecord | None = None
        self.open_blocks: dict[bytes, StoredBlock] = {}
        self.pending: dict[bytes, bytes] = {}
        self.failure: Exception | None = None
        self.batches: list[Batch] = []

    async def load(self) -> Loaded | None:
        if not self.finals:
            return None
        head = self.finals[-1]
        state: dict[str, bytes] = {}
        for final in self.finals:
            for key, value in final.state_changes.items():
                if value is None:
                    state.pop(key, None)
                else:
                    state[key] = value
        leaves = [record.leaf for final in self.finals for record in final.records]
        final_ids = {record.id for final in self.finals for record in final.records}
        return Loaded(
            safety=self.safety,
            configurations=tuple(
                final.configuration for final in self.finals if final.configuration is not None
            ),
            head_height=head.height,
            head_hash=head.hash,
            head_header=head.block.header,
            state=state,
            peaks=Frontier.empty().extend(leaves).peaks,
            blocks=tuple(sorted(self.open_blocks.values(), key=_height)),
            pending=tuple(raw for name, raw in self.pending.items() if name not in final_ids),
        )

    async def write(self, batch: Batch) -> None:
        if self.failure is not None:
            raise self.failure
        for stored in batch.blocks:
            self.open_blocks.setdefault(stored.hash, stored)
        for record in batch.pending:
            self.pending.setdefault(record.id, record.raw)
        for final in batch.final:
            assert final.height == len(self.finals), "final blocks follow one another"
            assert final.first_index == sum(len(before.records) for before in self.finals)
            self.finals.append(final)
            for record in final.records:
                self.pending.pop(record.id, None)
        if batch.final:
            self.open_blocks = {
                name: stored
                for name, stored in self.open_blocks.items()
                if _height(stored) >= len(self.finals)
            }
        for dropped in batch.dropped:
            self.pending.pop(dropped, None)
        if batch.safety is not None:
            assert self.finals, "a safety record before the home was founded or joined"
            self.safety = batch.safety
        self.batches.append(batch)


class MemoryQueries:
    """Answers from what a `MemoryStore` holds."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def block(self, height: int) -> CertifiedBlock | None:
        finals = self._store.finals
        return _certified(finals[height]) if 0 <= height < len(finals) else None

    async def blocks(
        self, from_height: int, *, limit: int, at_most_bytes: int
    ) -> list[CertifiedBlock]:
        finals = self._store.finals[from_height:]
        page: list[FinalBlock] = []
        for final in finals[:limit]:
            page.append(final)
            if sum(map(_weight, page)) > at_most_bytes and len(page) > 1:
                page.pop()
                break
        while page and page[-1].commit is None and page[-1].height > 0:
            page.pop()
        if not page:
            certified = [place for place, final in enumerate(finals) if final.commit is not None]
            page = finals[: certified[0] + 1] if certified else []
        return [_certified(final) for final in page]

    async def covering_commit(self, height: int) -> tuple[bytes, CommitCertificate] | None:
        for final in self._store.finals:
            if final.height >= height and final.commit is not None:
                return final.block.header, final.commit
        return None

    async def record(self, record_id: bytes) -> RecordRow | None:
        for final, index, record in self._records():
            if record.id == record_id:
                return _record_row(final, index, record)
        return None

    async def records_of_block(self, height: int) -> list[RecordRow]:
        return [
            _record_row(final, index, record)
            for final, index, record in self._records()
            if final.height == height
        ]

    async def recent_records(
        self,
        *,
        kinds: tuple[str, ...] = (),
        signer: str | None = None,
        device: str | None = None,
        before_index: int | None = None,
        limit: int = 100,
    ) -> list[RecordRow]:
        found = [
            _record_row(final, index, record)
            for final, index, record in self._records()
            if (not kinds or record.kind in kinds)
            and (signer is None or record.signer == signer)
            and (device is None or device in (record.signer, _about(record)))
            and (before_index is None or index < before_index)
        ]
        return found[::-1][:limit]

    async def inclusion_path(self, *, index: int, size: int) -> list[bytes]:
        leaves = [record.leaf for _, _, record in self._records()]
        if not 0 <= index < size <= len(leaves):
            raise InvalidProof("so many records are not final here")
        return _path(index, leaves[:size])

    async def command(self, record_id: bytes) -> CommandRow | None:
        return next((row for row in self._commands() if row.id == record_id), None)

    async def commands(
        self,
        *,
        device: str | None = None,
        person: str | None = None,
        waiting_only: bool | None = None,
        limit: int = 100,
    ) -> list[CommandRow]:
        found = [
            row
            for row in self._commands()
            if (device is None or row.device == device)
            and (person is None or row.person == person)
            and (not waiting_only or (row.decision.allowed and row.outcome is None))
        ]
        return found[::-1][:limit]

    async def properties(self, device: str | None = None) -> list[PropertyRow]:
        newest: dict[tuple[str, str], tuple[int, PropertyRow]] = {}
        for final, row in self._readings():
            order = min(row.at_ms, final.time_ms)
            known = newest.get((row.device, row.name))
            if known is None or order >= known[0]:
                newest[row.device, row.name] = (
                    order,
                    PropertyRow(
                        device=row.device,
                        name=row.name,
                        value=row.value,
                        at_ms=row.at_ms,
                        height=row.height,
                    ),
                )
        return [newest[key][1] for key in sorted(newest) if device is None or key[0] == device]

    async def readings(
        self,
        *,
        device: str | None = None,
        name: str | None = None,
        since_ms: int = 0,
        limit: int = 1_000,
    ) -> list[ReadingRow]:
        found = [
            row
            for _, row in self._readings()
            if (device is None or row.device == device)
            and (name is None or row.name == name)
            and row.at_ms >= since_ms
        ]
        return found[::-1][:limit]

    def _records(self) -> Iterator[tuple[FinalBlock, int, SignedRecord]]:
        for final in self._store.finals:
            for index, record in enumerate(final.records, final.first_index):
                yield final, index, record

    def _commands(self) -> Iterator[CommandRow]:
        answers: dict[tuple[str, str], OutcomeRecord] = {}
        for _, _, record in self._records():
            if isinstance(record.payload, OutcomeRecord):
                answers.setdefault((record.payload.command, record.signer), record.payload)
        for final, _, record in self._records():
            if not isinstance(record.payload, CommandRecord):
                continue
            command = record.payload
            decision = next(each for each in final.decisions if each.command == record.id)
            answer = answers.get((digest_text(record.id), command.device))
            yield CommandRow(
                id=record.id,
                device=command.device,
                person=record.signer,
                action=command.action,
                arguments=command.arguments,
                requested_ms=command.iat * 1_000,
                expires_s=command.exp,
                final_ms=final.time_ms,
                height=final.height,
                decision=DecisionRow(
                    command=record.id,
                    allowed=decision.allowed,
                    code=decision.code,
                    reason=decision.reason,
                    grant=decision.grant,
                ),
                outcome=None if answer is None else answer.result.value,
                outcome_reason="" if answer is None else answer.reason,
                outcome_ms=None if answer is None else answer.at,
                media=None if answer is None else answer.media,
            )

    def _readings(self) -> Iterator[tuple[FinalBlock, ReadingRow]]:
        commands = {digest_text(record.id): record.id for _, _, record in self._records()}
        for final, _, record in self._records():
            answered: bytes | None = None
            if isinstance(record.payload, OutcomeRecord):
                answered = commands.get(record.payload.command)
            elif not isinstance(record.payload, EventRecord):
                continue
            for reading in record.payload.readings:
                yield (
                    final,
                    ReadingRow(
                        device=record.signer,
                        name=reading.name,
                        value=reading.value,
                        at_ms=reading.at,
                        height=final.height,
                        record=record.id,
                        command=answered,
                    ),
                )


def _height(stored: StoredBlock) -> int:
    return read_header(stored.block.header).height


def _certified(final: FinalBlock) -> CertifiedBlock:
    return CertifiedBlock(final.block, final.proposal, final.commit)


def _weight(final: FinalBlock) -> int:
    certificate = b"" if final.commit is None else msgspec.msgpack.encode(final.commit)
    parts = [final.block.header, final.proposal, certificate, *final.block.records]
    return sum(map(len, parts))


def _record_row(final: FinalBlock, index: int, record: SignedRecord) -> RecordRow:
    return RecordRow(
        id=record.id,
        raw=record.raw,
        kind=record.kind,
        signer=record.signer,
        height=final.height,
        index=index,
        time_ms=final.time_ms,
    )


def _about(record: SignedRecord) -> str | None:
    match record.payload:
        case CommandRecord(device=device) | RetireRecord(device=device):
            return device
        case PersonRecord(person=person):
            return person
        case GrantRecord(sub=holder):
            return holder
        case HubRecord(hub=hub):
            return hub.hub
        case DeviceRecord() if record.description is not None:
            return record.description.signer
        case _:
            return None


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]), word for word (RFC 6962, section 2.1.1)."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*_path(index, leaves[:split]), _root(leaves[split:])]
    return [*_path(index - split, leaves[split:]), _root(leaves[:split])]


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(_root(leaves[:split]), _root(leaves[split:]))
