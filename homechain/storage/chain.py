"""The ledger of a directory as a verifier reads it, whether or not a hub is running on it.

May live here: getting stored bytes out unchanged, and comparing what was derived from them. May
not: whether the bytes are right, which is `ledger.audit`'s question, or any repair.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from homechain.ledger.errors import BrokenLedger
from homechain.model.blocks import Block, CertifiedBlock, CommitCertificate, read_header
from homechain.model.errors import FormatError
from homechain.storage.database import LEDGER_FILE, connect_reader
from homechain.storage.errors import DatabaseDamaged, failure_of
from homechain.storage.loading import read_certificate


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
    """Every final block from height 0 on, with its exact bytes, as of the first step.

    A header that cannot be read is handed on as it is, with the records that stand under its
    height: the verifier names what is wrong with it. Raises `BrokenLedger` where there is nothing
    to hand on: a gap, a lost record, a column of another type, a certificate in a spelling that was
    never written. Raises `NotALedger` where there is no ledger, and `StorageFailed`, saying after
    which block, where SQLite cannot read on.
    """
    with reading(directory) as connection:
        height = -1
        try:
            records = _Records(connection)
            for height, header, proposal, certificate in _blocks(connection):
                yield CertifiedBlock(
                    Block(header, records.take(height=height, count=_record_count(header))),
                    proposal,
                    _commit(certificate, height=height),
                )
            records.finish(head=height)
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
            reason = f"missing: block {height} comes next"
            raise BrokenLedger(height=expected, part="header", reason=reason)
        for part, value in (("header", header), ("proposal", proposal), ("commit", certificate)):
            if not isinstance(value, bytes) and (part, value) != ("commit", None):
                raise BrokenLedger(height=height, part=part, reason="not stored as bytes")
        yield height, header, proposal, certificate


def _record_count(header: bytes) -> int | None:
    try:
        return read_header(header).record_count
    except FormatError:
        return None


def _commit(certificate: bytes | None, *, height: int) -> CommitCertificate | None:
    try:
        return read_certificate(certificate)
    except DatabaseDamaged as error:
        everything = (0, len(certificate or b""))
        raise BrokenLedger(
            height=height, part="commit", reason=str(error), byte_range=everything
        ) from error


class _Records:
    """The records in leaf order, handed out block by block."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._rows = connection.execute("SELECT idx, height, raw FROM records ORDER BY idx")
        self._taken = 0
        self._waiting: tuple[int, int, Any] | None = self._rows.fetchone()

    def take(self, *, height: int, count: int | None) -> tuple[bytes, ...]:
        """The next `count` records; without a count, those that stand under `height`."""
        taken: list[bytes] = []
        while self._waiting is not None:
            index, stands_under, raw = self._waiting
            if (stands_under != height) if count is None else (len(taken) == count):
                break
            reason = None
            if index != self._taken:
                reason = f"record {self._taken} of the ledger is missing, {index} comes next"
            elif not isinstance(raw, bytes):
                reason = "not stored as bytes"
            if reason is not None:
                raise BrokenLedger(height=height, part="record", record=len(taken), reason=reason)
            taken.append(raw)
            self._taken += 1
            self._waiting = self._rows.fetchone()
        if count is not None and len(taken) != count:
            reason = f"{count - len(taken)} of {count} are missing"
            raise BrokenLedger(height=height, part="records", reason=reason)
        return tuple(taken)

    def finish(self, *, head: int) -> None:
        """Nothing may be left over."""
        if self._waiting is not None:
            reason = f"record {self._waiting[0]} of the ledger belongs to no block"
            raise BrokenLedger(height=head + 1, part="records", reason=reason)
