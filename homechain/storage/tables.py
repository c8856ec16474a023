"""Puts a batch into the tables, inside the transaction that the writer holds.

May live here: the SQL that changes something. May not: transactions, threads, or retries. What is
remembered between batches (head, numbers, counts) mirrors the tables; after an error it may not,
and the writer that owns it never writes again.
"""

import hashlib
import sqlite3
from typing import Final

import msgspec

from homechain.consensus.safety import SafetyRecord
from homechain.model.blocks import read_header
from homechain.node.ports import Batch, FinalBlock
from homechain.storage import limits
from homechain.storage.history import History
from homechain.storage.projection import CommandEntry, OutcomeEntry, Projection, project
from homechain.storage.schema import KIND_NUMBERS
from homechain.storage.tree_nodes import LOWEST_STORED_LEVEL, node_position

_PREFIX_BYTES: Final = 8
_encode = msgspec.msgpack.Encoder().encode


def id_prefix(record_id: bytes) -> int:
    """The part of a record's id that is indexed, as a signed 64-bit integer."""
    return int.from_bytes(record_id[:_PREFIX_BYTES], "big", signed=True)


def id_of(raw: bytes) -> bytes:
    """A record's id from its bytes: SHA-256 of the signing input, as `crypto.jws` defines it."""
    return hashlib.sha256(raw.rpartition(b".")[0]).digest()


def safety_checksum(encoded: bytes) -> bytes:
    """32 bytes that tell whether the stored safety record is what was written."""
    return hashlib.sha256(b"homechain safety 1\0" + encoded).digest()


class Tables:
    """The tables as the writer sees them. `head_height` is -1 while there is no block."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        readings_per_property: int = limits.READINGS_PER_PROPERTY,
        properties_per_device: int = limits.PROPERTIES_PER_DEVICE,
    ) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = dict(
            connection.execute("SELECT did, number FROM principals")
        )
        self._history = History(
            connection,
            readings_per_property=readings_per_property,
            properties_per_device=properties_per_device,
        )
        self.head_height, self.tree_size = -1, 0
        head = connection.execute(
            "SELECT height, header FROM blocks ORDER BY height DESC LIMIT 1"
        ).fetchone()
        if head is not None:
            self.head_height, self.tree_size = head[0], read_header(head[1]).tree_size

    def apply(self, batch: Batch) -> None:
        """Make the batch's changes. `AssertionError` if its blocks do not follow the head."""
        self._keep_blocks(batch)
        self._connection.executemany(
            "INSERT OR IGNORE INTO pending (id, raw) VALUES (?, ?)",
            [(record.id, record.raw) for record in batch.pending],
        )
        for final in batch.final:
            self._finalize(final)
        if batch.final:
            self._connection.execute(
                "DELETE FROM open_blocks WHERE height <= ?", (self.head_height,)
            )
        self._drop_pending(batch.dropped)
        if batch.safety is not None:
            self._keep_safety(batch.safety)

    def _keep_blocks(self, batch: Batch) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO open_blocks (hash, height, header, proposal, records)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (
                    stored.hash,
                    read_header(stored.block.header).height,
                    stored.block.header,
                    stored.proposal,
                    _encode(stored.block.records),
                )
                for stored in batch.blocks
            ],
        )

    def _keep_safety(self, safety: SafetyRecord) -> None:
        assert self.head_height >= 0, "a safety record before the home was founded or joined"
        encoded = _encode(safety)
        self._connection.execute(
            "INSERT OR REPLACE INTO safety (slot, bytes, checksum) VALUES (1, ?, ?)",
            (encoded, safety_checksum(encoded)),
        )

    def _drop_pending(self, ids: tuple[bytes, ...]) -> None:
        self._connection.executemany("DELETE FROM pending WHERE id = ?", [(id_,) for id_ in ids])

    def _finalize(self, final: FinalBlock) -> None:
        assert final.height == self.head_height + 1, "final blocks follow one another"
        assert final.first_index == self.tree_size, "records follow one another"
        assert len(final.records) == len(final.block.records), "a block has all its records"
        self._connection.execute(
            "INSERT INTO blocks (height, header, proposal, certificate, time_ms)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                final.height,
                final.block.header,
                final.proposal,
                None if final.commit is None else _encode(final.commit),
                final.time_ms,
            ),
        )
        if final.configuration is not None:
            self._connection.execute(
                "INSERT INTO configurations (epoch, bytes) VALUES (?, ?)",
                (final.configuration.epoch, _encode(final.configuration)),
            )
        projection = project(final)
        self._add_records(final, projection)
        self._change_state(final)
        self._connection.executemany(
            "INSERT INTO tree_nodes (position, hash) VALUES (?, ?)",
            [
                (node_position(level, index), digest)
                for level, index, digest in final.tree_nodes
                if level >= LOWEST_STORED_LEVEL
            ],
        )
        self._add_commands(projection.commands)
        self._add_outcomes(projection.outcomes)
        self._history.add(projection.readings, height=final.height, number_of=self._number_of)
        self._drop_pending(tuple(record.id for record in final.records))
        self.head_height = final.height
        self.tree_size += len(final.records)

    def _add_records(self, final: FinalBlock, projection: Projection) -> None:
        rows, ids, subjects = [], [], []
        for entry in projection.records:
            record = entry.record
            numbers = [self._number_of(subject) for subject in entry.subjects]
            kind = KIND_NUMBERS[record.kind]
            rows.append((entry.index, final.height, kind, numbers[0], record.raw))
            ids.append((id_prefix(record.id), entry.index))
            subjects += [(number, entry.index) for number in numbers]
        self._connection.executemany(
            "INSERT INTO records (idx, height, kind, signer, raw) VALUES (?, ?, ?, ?, ?)", rows
        )
        # In the order of the index, so that neighbours go to the same page while it is at hand.
        self._connection.executemany(
            "INSERT INTO record_ids (prefix, idx) VALUES (?, ?)", sorted(ids)
        )
        self._connection.executemany(
            "INSERT INTO record_subjects (principal, idx) VALUES (?, ?)", sorted(subjects)
        )

    def _change_state(self, final: FinalBlock) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)",
            [(key, value) for key, value in final.state_changes.items() if value is not None],
        )
        self._connection.executemany(
            "DELETE FROM state WHERE key = ?",
            [(key,) for key, value in final.state_changes.items() if value is None],
        )

    def _add_commands(self, commands: tuple[CommandEntry, ...]) -> None:
        self._connection.executemany(
            "INSERT INTO commands (idx, id, device, person, action, arguments, requested_ms,"
            " expires_s, allowed, code, reason, grant_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    command.index,
                    command.id,
                    self._number_of(command.device),
                    self._number_of(command.person),
                    command.action,
                    command.arguments,
                    command.requested_ms,
                    command.expires_s,
                    int(command.allowed),
                    command.code,
                    command.reason,
                    command.grant,
                )
                for command in commands
            ],
        )

    def _add_outcomes(self, outcomes: tuple[OutcomeEntry, ...]) -> None:
        self._connection.executemany(
            "UPDATE commands SET outcome = ?, outcome_reason = ?, outcome_ms = ?, media = ?"
            " WHERE id = ? AND device = ? AND outcome IS NULL",
            [
                (
                    outcome.result,
                    outcome.reason,
                    outcome.at_ms,
                    outcome.media,
                    outcome.command,
                    self._number_of(outcome.device),
                )
                for outcome in outcomes
            ],
        )

    def _number_of(self, did: str) -> int:
        number = self._numbers.get(did)
        if number is None:
            number = self._numbers[did] = len(self._numbers) + 1
            self._connection.execute(
                "INSERT INTO principals (number, did) VALUES (?, ?)", (number, did)
            )
        return number
