"""What a device must not forget, in one file: each method one transaction, durable on return.

May live here: all SQL of the kit. May not: signatures, time, hubs or `async`. What waits
unsigned is a reading, so that many share one record; what is signed is kept byte for byte until a
hub's final receipt, because only the same bytes are safe to send twice.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from homechain_devices.sdk.errors import StateDamaged

_SCHEMA: Final = """
CREATE TABLE counters (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last_counter INTEGER NOT NULL,
    dropped_readings INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE readings (number INTEGER PRIMARY KEY AUTOINCREMENT, reading BLOB NOT NULL) STRICT;
CREATE TABLE records (
    counter INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    is_outcome INTEGER NOT NULL,
    media TEXT,
    raw BLOB NOT NULL
) STRICT;
CREATE TABLE papers (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT;
CREATE TABLE commands (
    id TEXT PRIMARY KEY,
    expires_s INTEGER NOT NULL,
    answered INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
_SCHEMA_VERSION: Final = 1


class Signed(NamedTuple):
    """One record of this device, signed."""

    id: str
    """SHA-256 of its signing input, base64url."""
    raw: bytes
    """The compact JWS."""


class Waiting(NamedTuple):
    """A signed record that is not known to be final."""

    id: str
    raw: bytes
    media: str | None
    """SHA-256 of the still that has to reach the hub first."""


class DeviceFile:
    """The tables of one device. Used from one thread."""

    def __init__(self, path: Path, *, first_counter: int) -> None:
        """Open or make the file; a new one counts from `first_counter`. Raises `StateDamaged`."""
        self._path = path
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            # FULL: what is acknowledged to the caller survives a power cut.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._create(first_counter)
            elif version != _SCHEMA_VERSION:
                raise StateDamaged(f"{path} was written by a newer version of this program")
        except sqlite3.DatabaseError as error:
            raise StateDamaged(f"{path} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add_readings(self, readings: Sequence[bytes], *, most: int) -> int:
        """Keep readings in order; return how many of the oldest had to go to stay within `most`."""
        with self._transaction():
            self._database.executemany(
                "INSERT INTO readings (reading) VALUES (?)", [(reading,) for reading in readings]
            )
            (count,) = self._database.execute("SELECT count(*) FROM readings").fetchone()
            surplus = max(0, int(count) - most)
            if surplus:
                self._database.execute(
                    "DELETE FROM readings WHERE number IN"
                    " (SELECT number FROM readings ORDER BY number LIMIT ?)",
                    (surplus,),
                )
                self._database.execute(
                    "UPDATE counters SET dropped_readings = dropped_readings + ?", (surplus,)
                )
        return surplus

    def pack_readings(
        self,
        sign: Callable[[int, list[bytes], int], Signed],
        *,
        records: int,
        readings_per_record: int,
        bytes_per_record: int,
    ) -> None:
        """Turn the oldest readings into signed records until `records` of them are on their way.

        `sign` gets the counter, the readings, and how many were dropped before them.
        """
        with self._transaction():
            (in_flight,) = self._database.execute(
                "SELECT count(*) FROM records WHERE NOT is_outcome"
            ).fetchone()
            for _ in range(records - int(in_flight)):
                taken = self._oldest_readings(readings_per_record, bytes_per_record)
                if not taken:
                    return
                (dropped,) = self._database.execute(
                    "SELECT dropped_readings FROM counters"
                ).fetchone()
                counter = self._next_counter()
                signed = sign(counter, [reading for _, reading in taken], int(dropped))
                self._insert_record(counter, signed, is_outcome=False, media=None)
                self._database.execute("UPDATE counters SET dropped_readings = 0")
                self._database.execute("DELETE FROM readings WHERE number <= ?", (taken[-1][0],))

    def waiting(self, *, outcomes: bool) -> list[Waiting]:
        """The outcomes, or the events, that are not known to be final; in counters' order."""
        rows = self._database.execute(
            "SELECT id, raw, media FROM records WHERE is_outcome = ? ORDER BY counter", (outcomes,)
        )
        return [Waiting(id_, raw, media) for id_, raw, media in rows]

    def forget_records(self, ids: Iterable[str]) -> None:
        """These are final, or can never be."""
        with self._transaction():
            self._database.executemany("DELETE FROM records WHERE id = ?", [(id_,) for id_ in ids])

    def unanswered_outcomes(self) -> int:
        """How many outcomes no hub has confirmed yet."""
        (count,) = self._database.execute(
            "SELECT count(*) FROM records WHERE is_outcome"
        ).fetchone()
        return int(count)

    def begin_command(
        self, command: str, *, expires_s: int, forget_before_s: int, papers: Mapping[str, bytes]
    ) -> bool:
        """Note, before acting, that this command is being done; False if it was ever begun.

        `papers` are kept in the same step.
        """
        with self._transaction():
            self._database.execute("DELETE FROM commands WHERE expires_s < ?", (forget_before_s,))
            cursor = self._database.execute(
                "INSERT INTO commands (id, expires_s) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (command, expires_s),
            )
            self._insert_papers(papers)
            return cursor.rowcount == 1

    def keep_papers(self, papers: Mapping[str, bytes]) -> None:
        """Replace the papers of these names."""
        with self._transaction():
            self._insert_papers(papers)

    def papers(self) -> dict[str, bytes]:
        """Everything that was kept by name."""
        return dict(self._database.execute("SELECT name, content FROM papers").fetchall())

    def finish_command(
        self, command: str, sign: Callable[[int], Signed], *, media: str | None
    ) -> Signed:
        """Sign and keep the outcome of a command that was begun."""
        with self._transaction():
            counter = self._next_counter()
            signed = sign(counter)
            self._insert_record(counter, signed, is_outcome=True, media=media)
            self._database.execute("UPDATE commands SET answered = 1 WHERE id = ?", (command,))
        return signed

    def interrupted_commands(self) -> list[str]:
        """Commands that were begun and never answered: the program stopped in between."""
        rows = self._database.execute("SELECT id FROM commands WHERE NOT answered")
        return [command for (command,) in rows]

    def _create(self, first_counter: int) -> None:
        with self._transaction():
            for statement in _SCHEMA.split(";\n"):
                self._database.execute(statement)
            self._database.execute(
                "INSERT INTO counters (only, last_counter) VALUES (1, ?)", (first_counter - 1,)
            )
            self._database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def _oldest_readings(self, most: int, most_bytes: int) -> list[tuple[int, bytes]]:
        taken: list[tuple[int, bytes]] = []
        size = 0
        rows = self._database.execute(
            "SELECT number, reading FROM readings ORDER BY number LIMIT ?", (most,)
        )
        for number, reading in rows.fetchall():
            size += len(reading) + 1
            if taken and size > most_bytes:
                break
            taken.append((number, reading))
        return taken

    def _insert_papers(self, papers: Mapping[str, bytes]) -> None:
        self._database.executemany(
            "INSERT INTO papers (name, content) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET content = excluded.content",
            papers.items(),
        )

    def _next_counter(self) -> int:
        (counter,) = self._database.execute(
            "UPDATE counters SET last_counter = last_counter + 1 RETURNING last_counter"
        ).fetchone()
        return int(counter)

    def _insert_record(
        self, counter: int, signed: Signed, *, is_outcome: bool, media: str | None
    ) -> None:
        self._database.execute(
            "INSERT INTO records (counter, id, is_outcome, media, raw) VALUES (?, ?, ?, ?, ?)",
            (counter, signed.id, is_outcome, media, signed.raw),
        )

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._database)


class _Transaction:
    """One durable step: all of it, or on any error none."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._database.execute("COMMIT" if kind is None else "ROLLBACK")
