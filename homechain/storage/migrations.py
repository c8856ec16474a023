"""Brings a database to the newest schema, one step at a time, each in its own transaction."""

import sqlite3
from typing import Final

from homechain.storage.errors import MadeByNewerVersion, NotALedger
from homechain.storage.schema import SCHEMA_1

APPLICATION_ID: Final = 0x686F6D65
"""Marks the file as a homechain ledger (SQLite's `application_id`): "home" in ASCII."""

STEPS: Final[tuple[str, ...]] = (SCHEMA_1,)
"""`STEPS[n]` leads from schema n to n + 1. Published steps never change."""


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing. A new file starts at schema 0.

    Raises `NotALedger` for a database of something else and `MadeByNewerVersion` for a schema that
    this version does not know; both leave the file as it is.
    """
    version = check_ours(connection)
    for step in range(version, len(STEPS)):
        connection.executescript(
            f"BEGIN IMMEDIATE;{STEPS[step]};"
            f"PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {step + 1};COMMIT;"
        )


def check_ours(connection: sqlite3.Connection) -> int:
    """The schema of the file; 0 if it is new and empty. Raises as `migrate` does."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    is_new = tables == 0 and version == 0 and application == 0
    if not is_new and application != APPLICATION_ID:
        raise NotALedger("ledger.sqlite is the database of something else")
    if version > len(STEPS):
        raise MadeByNewerVersion(
            f"ledger.sqlite has schema {version}, this version of homechain knows {len(STEPS)}:"
            " install the newer version again, or restore a backup"
        )
    return version
