"""What a hub finds when it starts, read strictly: anything odd is damage and stops the start."""

import sqlite3
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from homechain.consensus.safety import SafetyRecord
from homechain.crypto.merkle import leaf_hash
from homechain.model.blocks import Block, CommitCertificate, block_hash, read_header
from homechain.model.configuration import Configuration
from homechain.node.ports import Loaded, StoredBlock
from homechain.storage.errors import DatabaseDamaged, damage_named, failures_named
from homechain.storage.tables import id_of, id_prefix, safety_checksum
from homechain.storage.tree_nodes import (
    LOWEST_STORED_LEVEL,
    node_position,
    peak_addresses,
    subtree_hash,
)

_Plain = TypeVar("_Plain")

_certificate_decoder: Final = msgspec.msgpack.Decoder(CommitCertificate)
_configuration_decoder: Final = msgspec.msgpack.Decoder(Configuration)
_safety_decoder: Final = msgspec.msgpack.Decoder(SafetyRecord)
_records_decoder: Final = msgspec.msgpack.Decoder(tuple[bytes, ...])


def load(connection: sqlite3.Connection) -> Loaded | None:
    """Everything that a hub needs to go on; None where there is no block yet.

    Raises `DatabaseDamaged` for what this module never wrote, `StorageFailed` from the disk.
    """
    with failures_named():
        connection.execute("BEGIN")  # one moment for all that follows
        try:
            with damage_named():
                return _load(connection)
        finally:
            connection.execute("ROLLBACK")


def read_certificate(data: bytes | None) -> CommitCertificate | None:
    """The stored commit certificate; `DatabaseDamaged` for any other spelling of one."""
    return None if data is None else _exact(_certificate_decoder, data, "a commit certificate")


def read_configuration(data: bytes) -> Configuration:
    """The stored configuration; `DatabaseDamaged` for any other spelling of one."""
    return _exact(_configuration_decoder, data, "a configuration")


def read_safety(data: bytes, checksum: bytes) -> SafetyRecord:
    """The stored safety record; `DatabaseDamaged` if it is not what was written."""
    if safety_checksum(data) != checksum:
        raise DatabaseDamaged("the safety record does not match its checksum")
    return _exact(_safety_decoder, data, "the safety record")


def _load(connection: sqlite3.Connection) -> Loaded | None:
    head = connection.execute(
        "SELECT height, header FROM blocks ORDER BY height DESC LIMIT 1"
    ).fetchone()
    if head is None:
        return None
    height, header_bytes = head
    header = read_header(header_bytes)
    if header.height != height:
        raise DatabaseDamaged(f"the header of block {height} says height {header.height}")
    safety = connection.execute("SELECT bytes, checksum FROM safety").fetchone()
    return Loaded(
        safety=None if safety is None else read_safety(*safety),
        configurations=tuple(
            read_configuration(data)
            for (data,) in connection.execute("SELECT bytes FROM configurations ORDER BY epoch")
        ),
        head_height=height,
        head_hash=block_hash(header_bytes),
        head_header=header_bytes,
        state=dict(connection.execute("SELECT key, value FROM state")),
        peaks=tuple(
            _node(connection, level, index) for level, index in peak_addresses(header.tree_size)
        ),
        blocks=_open_blocks(connection, above=height),
        pending=tuple(_pending(connection)),
    )


def _open_blocks(connection: sqlite3.Connection, *, above: int) -> tuple[StoredBlock, ...]:
    rows = connection.execute(
        "SELECT hash, header, proposal, records FROM open_blocks WHERE height > ?"
        " ORDER BY height, rowid",
        (above,),
    )
    return tuple(
        StoredBlock(
            hash=name,
            block=Block(header, _exact(_records_decoder, records, "the records of an open block")),
            proposal=proposal,
        )
        for name, header, proposal, records in rows
    )


def _pending(connection: sqlite3.Connection) -> Iterator[bytes]:
    """What waits. A record that was handed in again while its block became final does not."""
    for name, raw in connection.execute("SELECT id, raw FROM pending ORDER BY seq").fetchall():
        finals = connection.execute(
            "SELECT r.raw FROM record_ids i JOIN records r ON r.idx = i.idx WHERE i.prefix = ?",
            (id_prefix(name),),
        )
        if all(id_of(final) != name for (final,) in finals):
            yield raw


def _node(connection: sqlite3.Connection, level: int, index: int) -> bytes:
    """The hash of a perfect subtree: stored, or made from the records below it."""
    if level >= LOWEST_STORED_LEVEL:
        row = connection.execute(
            "SELECT hash FROM tree_nodes WHERE position = ?", (node_position(level, index),)
        ).fetchone()
        if row is None:
            raise DatabaseDamaged(f"node {index} of level {level} of the record tree is missing")
        return bytes(row[0])
    raws = connection.execute(
        "SELECT raw FROM records WHERE idx >= ? AND idx < ? ORDER BY idx",
        (index << level, (index + 1) << level),
    ).fetchall()
    if len(raws) != 1 << level:
        raise DatabaseDamaged(f"records are missing before record {(index + 1) << level}")
    return subtree_hash([leaf_hash(raw) for (raw,) in raws])


def _exact(decoder: "msgspec.msgpack.Decoder[_Plain]", data: bytes, what: str) -> _Plain:
    with damage_named():
        value = decoder.decode(data)
    if msgspec.msgpack.encode(value) != data:
        raise DatabaseDamaged(f"{what} is not spelt as it was written")
    return value
