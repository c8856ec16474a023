"""Compares what was derived from blocks and records with the blocks and records themselves.

`ledger.audit` proves the chain; this finds an index, a tree node, a state entry or a configuration
that no longer agrees with it. Decisions, properties and readings are not compared: they follow
from a replay, and no proof is ever made of them.
"""

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from homechain.crypto.errors import CryptoError
from homechain.crypto.jws import parse_compact
from homechain.crypto.merkle import Frontier, leaf_hash
from homechain.crypto.state_tree import StateTree
from homechain.model import limits
from homechain.model.blocks import Header, read_header
from homechain.model.errors import FormatError
from homechain.model.records import RECORD_TYPES
from homechain.storage.chain import reading
from homechain.storage.errors import StorageFailed, damage_named
from homechain.storage.loading import read_configuration, read_safety
from homechain.storage.schema import KIND_NUMBERS
from homechain.storage.tables import id_prefix
from homechain.storage.tree_nodes import LOWEST_STORED_LEVEL, node_position

INTEGRITY_LINES_COUNT: Final = 20
"""Most complaints of SQLite's own check that are passed on."""

_KIND_OF_TYP: Final = {record.TYP: KIND_NUMBERS[record.KIND] for record in RECORD_TYPES}


class Difference(Struct, frozen=True, kw_only=True):
    """Something derived that does not agree with the chain."""

    table: str
    where: str
    """For example `block 17` or `record 204`."""
    what: str


class _Issuer(Struct):
    iss: str


_issuer_decoder: Final = msgspec.json.Decoder(_Issuer)


def compare_derived(directory: Path) -> Iterator[Difference]:
    """Every disagreement, the file's own structure first; nothing if all is well.

    Checked: SQLite's `integrity_check`; heights, times and configurations against the headers;
    kind, signer, height and index entries of every record against its bytes; tree nodes and roots
    against the records; the state against the last header's root; the safety record's checksum.
    Raises `NotALedger`, or `StorageFailed` where the file cannot be read any further.
    """
    with reading(directory) as connection, damage_named():
        for (line,) in connection.execute(f"PRAGMA integrity_check({INTEGRITY_LINES_COUNT})"):
            if line != "ok":
                yield Difference(table="file", where="structure", what=str(line))
        configurations = _Configurations(connection)
        yield from configurations.differences
        records = _Records(connection)
        last: Header | None = None
        for height, data, time_ms in connection.execute(
            "SELECT height, header, time_ms FROM blocks ORDER BY height"
        ):
            try:
                last = read_header(data)
            except FormatError as error:
                yield Difference(table="blocks", where=f"block {height}", what=str(error))
                return  # nothing that follows can be compared with anything
            if (last.height, last.time_ms) != (height, time_ms):
                yield _block_differs(height, "height or time")
            if not configurations.has(last.epoch, last.configuration):
                yield _block_differs(height, "configuration")
            yield from records.compare(last)
        if last is not None:
            yield from records.compare_counts()
            yield from _compare_state(connection, last)
        yield from _compare_safety(connection)


class _Configurations:
    """The stored configurations by epoch; what is wrong with them is in `differences`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.differences: list[Difference] = []
        self._hashes: dict[int, bytes] = {}
        for epoch, data in connection.execute("SELECT epoch, bytes FROM configurations"):
            try:
                configuration = read_configuration(data)
            except StorageFailed as error:
                self._differs(epoch, str(error))
                continue
            if configuration.epoch != epoch:
                self._differs(epoch, f"is the configuration of epoch {configuration.epoch}")
            self._hashes[epoch] = configuration.hash()

    def has(self, epoch: int, digest: bytes) -> bool:
        return self._hashes.get(epoch) == digest

    def _differs(self, epoch: int, what: str) -> None:
        self.differences.append(
            Difference(table="configurations", where=f"epoch {epoch}", what=what)
        )


class _Records:
    """Walks the records in leaf order and grows the tree beside them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows = connection.execute(
            "SELECT r.idx, r.height, r.kind, p.did, r.raw FROM records r"
            " LEFT JOIN principals p ON p.number = r.signer ORDER BY r.idx"
        )
        self._frontier = Frontier.empty()
        self._nodes_count = 0

    def compare(self, header: Header) -> Iterator[Difference]:
        """The records of one block, and the nodes that they complete."""
        leaves: list[bytes] = []
        for index, height, kind, signer, raw in islice(self._rows, header.record_count):
            where = f"record {index}"
            leaves.append(leaf_hash(raw))
            if height != header.height:
                yield Difference(table="records", where=where, what=f"stands under block {height}")
            try:
                jws = parse_compact(raw, max_bytes=limits.RECORD_BYTES)
                issuer = _issuer_decoder.decode(jws.payload).iss
            except (CryptoError, msgspec.MsgspecError, UnicodeDecodeError) as error:
                yield Difference(table="records", where=where, what=f"cannot be read: {error}")
                continue
            if (_KIND_OF_TYP.get(jws.typ), issuer) != (kind, signer):
                yield Difference(table="records", where=where, what="kind or signer")
            if not self._is_indexed(index, jws.id, issuer):
                yield Difference(table="record_ids", where=where, what="cannot be found by name")
        self._frontier, completed = self._frontier.extend_recording(leaves)
        if self._frontier.root() != header.records_root:
            yield _block_differs(header.height, "the records' root")
        for level, index, digest in completed:
            if level >= LOWEST_STORED_LEVEL:
                self._nodes_count += 1
                if self._stored_node(level, index) != digest:
                    yield Difference(
                        table="tree_nodes", where=f"level {level}, node {index}", what="the hash"
                    )

    def compare_counts(self) -> Iterator[Difference]:
        """Nothing more may be stored than what was walked over."""
        for table, expected, sql in (
            ("records", self._frontier.size, "SELECT count(*) FROM records"),
            ("record_ids", self._frontier.size, "SELECT count(*) FROM record_ids"),
            ("tree_nodes", self._nodes_count, "SELECT count(*) FROM tree_nodes"),
        ):
            (count,) = self._connection.execute(sql).fetchone()
            if count != expected:
                yield Difference(
                    table=table, where="all of it", what=f"{count} rows, not {expected}"
                )

    def _is_indexed(self, index: int, record_id: bytes, issuer: str) -> bool:
        row = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM record_ids WHERE prefix = ? AND idx = ?)"
            " AND EXISTS (SELECT 1 FROM record_subjects WHERE idx = ?"
            " AND principal = (SELECT number FROM principals WHERE did = ?))",
            (id_prefix(record_id), index, index, issuer),
        ).fetchone()
        return bool(row[0])

    def _stored_node(self, level: int, index: int) -> bytes | None:
        row = self._connection.execute(
            "SELECT hash FROM tree_nodes WHERE position = ?", (node_position(level, index),)
        ).fetchone()
        return None if row is None else row[0]


def _compare_state(connection: sqlite3.Connection, last: Header) -> Iterator[Difference]:
    entries = dict(connection.execute("SELECT key, value FROM state"))
    if StateTree.empty().updated(entries).root != last.state_root:
        yield Difference(
            table="state", where=f"after block {last.height}", what="leads to another root"
        )


def _compare_safety(connection: sqlite3.Connection) -> Iterator[Difference]:
    for data, checksum in connection.execute("SELECT bytes, checksum FROM safety"):
        try:
            read_safety(data, checksum)
        except StorageFailed as error:
            yield Difference(table="safety", where="the record", what=str(error))


def _block_differs(height: int, what: str) -> Difference:
    return Difference(table="blocks", where=f"block {height}", what=what)
