"""The ledger of a directory as a verifier reads it, whether or not a hub is running on it.

May live here: getting stored bytes out unchanged, and comparing what was derived from them. May
not: whether the bytes are right, which is `ledger.audit`'s question, or any repair.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from homechain.model.blocks import Block, CertifiedBlock, read_header
from homechain.model.errors import FormatError
from homechain.storage.database import LEDGER_FILE, connect_reader
from homechain.storage.errors import DatabaseDamaged, StorageFailed, failure_of
from homechain.storage.loading import read_certificate

_NO_HEIGHT: Final = -1


class ChainSize(NamedTuple):
    """How much there is, for a progress bar."""

    blocks: int
    records: int


def chain_size(directory: Path) -> ChainSize:
    """Blocks and records in the directory. Raises `NotALedger` or `StorageFailed`."""
    with reading(directory) as connection:
        (blocks,) = connection.execute("SELECT count(*) FROM blocks").fetchone()
        (last,) = connection.execute("SELECT max(idx) FROM records").fetchone()
        return ChainSize(blocks, 0 if last is None else last + 1)


def stored_chain(directory: Path) -> Iterator[CertifiedBlock]:
    """Every final block from height 0 on, with its exact bytes, as of the moment of the call.

    A header that cannot be read is handed on as it is, with the records that stand under its
    height: the verifier names what is wrong with it. Raises `DatabaseDamaged`, with the height or
    the number of the record, where there is nothing to hand on: a gap, a lost record, a column of
    another type, a certificate in a spelling that was never written, a page that SQLite cannot
    read. Raises `NotALedger` where there is no ledger.
    """
    with reading(directory) as connection:
        height = _NO_HEIGHT
        try:
            records = _Records(connection)
            for height, header, proposal, certificate in _blocks(connection):
                yield CertifiedBlock(
                    Block(header, records.take(height=height, count=_record_count(header))),
                    proposal,
                    read_certificate(certificate),
                )
            records.finish()
        except StorageFailed as error:
            raise type(error)(f"at block {height}: {error}") from error
        except sqlite3.Error as error:
            raise type(failure_of(error))(f"after block {height}: {error}") from error


@contextmanager
def reading(directory: Path) -> Iterator[sqlite3.Connection]:
    """One moment of the ledger, for as long as the block lasts."""
    connection = connect_reader(directory / LEDGER_FILE)
    try:
        connection.execute("BEGIN")
        yield connection
    except sqlite3.Error as error:
        raise failure_of(error) from error
    finally:
        connection.close()


def _blocks(
    connection: sqlite3.Connection,
) -> Iterator[tuple[int, bytes, bytes, bytes | None]]:
    rows = connection.execute(
        "SELECT height, header, proposal, certificate FROM blocks ORDER BY height"
    )
    for expected, (height, header, proposal, certificate) in enumerate(rows):
        if height != expected:
            raise DatabaseDamaged(f"block {expected} is missing, block {height} comes next")
        for name, value in (("header", header), ("proposal", proposal)):
            if not isinstance(value, bytes):
                raise DatabaseDamaged(f"the {name} of block {height} is not bytes")
        if not isinstance(certificate, bytes | None):
            raise DatabaseDamaged(f"the certificate of block {height} is not bytes")
        yield height, header, proposal, certificate


def _record_count(header: bytes) -> int | None:
    try:
        return read_header(header).record_count
    except FormatError:
        return None


class _Records:
    """The records in leaf order, handed out block by block."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._rows = connection.execute("SELECT idx, height, raw FROM records ORDER BY idx")
        self._next_index = 0
        self._waiting: tuple[int, bytes] | None = self._read()

    def take(self, *, height: int, count: int | None) -> tuple[bytes, ...]:
        """The next `count` records; without a count, those that stand under `height`."""
        taken: list[bytes] = []
        while self._waiting is not None:
            stands_under, raw = self._waiting
            if (stands_under != height) if count is None else (len(taken) == count):
                break
            taken.append(raw)
            self._waiting = self._read()
        if count is not None and len(taken) != count:
            raise DatabaseDamaged(f"{count - len(taken)} records of block {height} are missing")
        return tuple(taken)

    def finish(self) -> None:
        """Nothing may be left over."""
        if self._waiting is not None:
            raise DatabaseDamaged(f"record {self._next_index - 1} belongs to no block")

    def _read(self) -> tuple[int, bytes] | None:
        row = self._rows.fetchone()
        if row is None:
            return None
        index, height, raw = row
        if index != self._next_index:
            raise DatabaseDamaged(f"record {self._next_index} is missing, {index} comes next")
        if not isinstance(raw, bytes):
            raise DatabaseDamaged(f"record {index} is not bytes")
        self._next_index += 1
        return height, raw
