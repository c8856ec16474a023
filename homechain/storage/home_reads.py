"""Questions about records, commands and properties: rows for people, newest first."""

from typing import Any, Final

import msgspec

from homechain.model.blocks import read_header
from homechain.node.queries import (
    CommandRow,
    DecisionRow,
    PropertyRow,
    ReadingRow,
    RecordRow,
)
from homechain.storage import limits
from homechain.storage.errors import damage_named
from homechain.storage.readers import Readers, Row
from homechain.storage.schema import EVENT_NUMBER, KIND_NAMES, KIND_NUMBERS
from homechain.storage.tables import id_of, id_prefix

_RECORD: Final = (
    "SELECT r.idx, r.raw, r.kind, p.did, r.height, b.time_ms FROM {source}"
    " CROSS JOIN principals p ON p.number = r.signer"
    " CROSS JOIN blocks b ON b.height = r.height"
    " WHERE {condition}"
)
_COMMAND: Final = (
    "SELECT c.id, d.did, p.did, c.action, c.arguments, c.requested_ms, c.expires_s, c.allowed,"
    " c.code, c.reason, c.grant_id, c.outcome, c.outcome_reason, c.outcome_ms, c.media,"
    " r.height, b.time_ms"
    " FROM commands c"
    " CROSS JOIN principals d ON d.number = c.device"
    " CROSS JOIN principals p ON p.number = c.person"
    " CROSS JOIN records r ON r.idx = c.idx"
    " CROSS JOIN blocks b ON b.height = r.height"
    " WHERE {condition}"
)
_READING: Final = (
    "SELECT d.did, y.name, g.value, g.at_ms, r.height, r.raw, c.id FROM {source}"
    " CROSS JOIN principals d ON d.number = y.device"
    " CROSS JOIN records r ON r.idx = g.idx"
    " LEFT JOIN commands c ON c.idx = g.command"
    " WHERE {condition} ORDER BY g.seq DESC LIMIT ?"
)
_PROPERTY: Final = (
    "SELECT d.did, y.name, y.value, y.at_ms, y.height FROM properties y"
    " JOIN principals d ON d.number = y.device WHERE {condition}"
)
_PRINCIPAL: Final = "(SELECT number FROM principals WHERE did = ?)"


class HomeReads:
    """The half of `Queries` that serves residents and scripts."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def record(self, record_id: bytes) -> RecordRow | None:
        """See `Queries`."""
        sql = _RECORD.format(
            source="record_ids i CROSS JOIN records r ON r.idx = i.idx", condition="i.prefix = ?"
        )
        for row in await self._readers.rows(sql, (id_prefix(record_id),)):
            found = _record_row(row)
            if found.id == record_id:  # the index knows only the first bytes of an id
                return found
        return None

    async def records_of_block(self, height: int) -> list[RecordRow]:
        """See `Queries`. In the order of the block."""
        block = await self._readers.first("SELECT header FROM blocks WHERE height = ?", (height,))
        if block is None:
            return []
        with damage_named():
            header = read_header(block[0])
        sql = _RECORD.format(source="records r", condition="r.idx >= ? AND r.idx < ?")
        first = header.tree_size - header.record_count
        rows = await self._readers.rows(f"{sql} ORDER BY r.idx", (first, header.tree_size))
        return [_record_row(row) for row in rows]

    async def recent_records(
        self,
        *,
        kinds: tuple[str, ...] = (),
        signer: str | None = None,
        device: str | None = None,
        before_index: int | None = None,
        limit: int = 100,
    ) -> list[RecordRow]:
        """See `Queries`."""
        limit = _bounded(limit)
        conditions: list[str] = []
        parameters: list[object] = []
        subject = device or signer
        source = "records r"
        if subject is not None:
            source = "record_subjects s CROSS JOIN records r ON r.idx = s.idx"
            conditions.append(f"s.principal = {_PRINCIPAL}")
            parameters.append(subject)
        if signer is not None:
            conditions.append(f"r.signer = {_PRINCIPAL}")
            parameters.append(signer)
        if before_index is not None:
            conditions.append("s.idx < ?" if subject is not None else "r.idx < ?")
            parameters.append(before_index)
        order = "s.idx" if subject is not None else "r.idx"
        numbers = sorted({KIND_NUMBERS[kind] for kind in kinds if kind in KIND_NUMBERS})
        if kinds and not numbers:
            return []
        if numbers and subject is None and EVENT_NUMBER not in numbers:
            # One walk along the index for each kind; merged here, where each is short.
            found: list[RecordRow] = []
            for number in numbers:
                condition = " AND ".join([f"r.kind = ? AND r.kind <> {EVENT_NUMBER}", *conditions])
                found += await self._records(
                    source, condition, order, [number, *parameters], limit=limit
                )
            return sorted(found, key=lambda row: row.index, reverse=True)[:limit]
        if numbers:
            conditions.append(f"r.kind IN ({', '.join('?' * len(numbers))})")
            parameters += numbers
        condition = " AND ".join(conditions) or "1"
        return await self._records(source, condition, order, parameters, limit=limit)

    async def command(self, record_id: bytes) -> CommandRow | None:
        """See `Queries`."""
        row = await self._readers.first(_COMMAND.format(condition="c.id = ?"), (record_id,))
        return None if row is None else _command_row(row)

    async def commands(
        self,
        *,
        device: str | None = None,
        person: str | None = None,
        waiting_only: bool | None = None,
        limit: int = 100,
    ) -> list[CommandRow]:
        """See `Queries`."""
        conditions, parameters = ["1"], []
        if device is not None:
            conditions.append(f"c.device = {_PRINCIPAL}")
            parameters.append(device)
        if person is not None:
            conditions.append(f"c.person = {_PRINCIPAL}")
            parameters.append(person)
        if waiting_only:
            conditions.append("c.allowed = 1 AND c.outcome IS NULL")
        sql = _COMMAND.format(condition=" AND ".join(conditions)) + " ORDER BY c.idx DESC LIMIT ?"
        rows = await self._readers.rows(sql, (*parameters, _bounded(limit)))
        return [_command_row(row) for row in rows]

    async def properties(self, device: str | None = None) -> list[PropertyRow]:
        """See `Queries`. By device and name."""
        condition, parameters = "1", []
        if device is not None:
            condition, parameters = f"y.device = {_PRINCIPAL}", [device]
        rows = await self._readers.rows(
            _PROPERTY.format(condition=condition) + " ORDER BY d.did, y.name", parameters
        )
        return [
            PropertyRow(device=did, name=name, value=_value(value), at_ms=at_ms, height=height)
            for did, name, value, at_ms, height in rows
        ]

    async def readings(
        self,
        *,
        device: str | None = None,
        name: str | None = None,
        since_ms: int = 0,
        limit: int = 1_000,
    ) -> list[ReadingRow]:
        """See `Queries`. Newest in the ledger first; `since_ms` looks at the device's clock."""
        limit = _bounded(limit)
        source = "readings g CROSS JOIN properties y ON y.series = g.series"
        conditions = ["g.at_ms >= ?"]
        parameters: list[object] = [since_ms, limit]
        if device is not None or name is not None:
            # The newest of each series that fits, each found along the index.
            source = (
                "properties y CROSS JOIN readings g ON g.seq IN (SELECT n.seq FROM readings n"
                " WHERE n.series = y.series AND n.at_ms >= ? ORDER BY n.seq DESC LIMIT ?)"
            )
            conditions = []
            if device is not None:
                conditions.append(f"y.device = {_PRINCIPAL}")
                parameters.append(device)
            if name is not None:
                conditions.append("y.name = ?")
                parameters.append(name)
            parameters.append(limit)
        sql = _READING.format(source=source, condition=" AND ".join(conditions))
        return [
            ReadingRow(
                device=did,
                name=series_name,
                value=_value(value),
                at_ms=at_ms,
                height=height,
                record=id_of(raw),
                command=command,
            )
            for did, series_name, value, at_ms, height, raw, command in await self._readers.rows(
                sql, parameters
            )
        ]

    async def _records(
        self, source: str, condition: str, order: str, parameters: list[object], *, limit: int
    ) -> list[RecordRow]:
        sql = _RECORD.format(source=source, condition=condition)
        rows = await self._readers.rows(
            f"{sql} ORDER BY {order} DESC LIMIT ?", (*parameters, limit)
        )
        return [_record_row(row) for row in rows]


def _bounded(limit: int) -> int:
    return max(0, min(limit, limits.ROWS_PER_QUERY))


def _value(encoded: bytes) -> Any:
    with damage_named():
        return msgspec.json.decode(encoded)


def _record_row(row: Row) -> RecordRow:
    index, raw, kind, signer, height, time_ms = row
    with damage_named():
        return RecordRow(
            id=id_of(raw),
            raw=raw,
            kind=KIND_NAMES[kind],
            signer=signer,
            height=height,
            index=index,
            time_ms=time_ms,
        )


def _command_row(row: Row) -> CommandRow:
    (id_, device, person, action, arguments, requested_ms, expires_s, allowed, code, reason) = row[
        :10
    ]
    (grant, outcome, outcome_reason, outcome_ms, media, height, final_ms) = row[10:]
    return CommandRow(
        id=id_,
        device=device,
        person=person,
        action=action,
        arguments=_value(arguments),
        requested_ms=requested_ms,
        expires_s=expires_s,
        final_ms=final_ms,
        height=height,
        decision=DecisionRow(
            command=id_, allowed=bool(allowed), code=code, reason=reason, grant=grant
        ),
        outcome=outcome,
        outcome_reason=outcome_reason,
        outcome_ms=outcome_ms,
        media=media,
    )
