"""The tables, as of schema 1. Bytes a record were counted when this was drawn.

The truth is `blocks` and `records`; `state`, `tree_nodes` and everything below "for people" can be
made again from them. Nothing that a header or a record says in its own bytes is kept a second time
unless a question needs an index on it.
"""

from typing import Final

from homechain.model.records import (
    CommandRecord,
    DeviceRecord,
    EventRecord,
    Genesis,
    GrantRecord,
    HubRecord,
    OutcomeRecord,
    PersonRecord,
    RetireRecord,
    RevokeRecord,
)

KIND_NUMBERS: Final[dict[str, int]] = {
    Genesis.KIND: 1,
    PersonRecord.KIND: 2,
    HubRecord.KIND: 3,
    DeviceRecord.KIND: 4,
    EventRecord.KIND: 5,
    CommandRecord.KIND: 6,
    OutcomeRecord.KIND: 7,
    GrantRecord.KIND: 8,
    RevokeRecord.KIND: 9,
    RetireRecord.KIND: 10,
}
"""Kinds as they stand in `records.kind`. Numbers are never used again for something else."""

EVENT_NUMBER: Final = KIND_NUMBERS[EventRecord.KIND]
"""Nearly all records are events: the index by kind leaves them out (`kind <> 5`)."""

KIND_NAMES: Final[dict[int, str]] = {number: kind for kind, number in KIND_NUMBERS.items()}

SCHEMA_1: Final = """
CREATE TABLE configurations (
    epoch INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE blocks (
    height INTEGER PRIMARY KEY,
    header BLOB NOT NULL,
    proposal BLOB NOT NULL,
    certificate BLOB,
    time_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE principals (
    number INTEGER PRIMARY KEY,
    did TEXT NOT NULL UNIQUE
) STRICT;

-- idx is the leaf number. No foreign keys here: each would cost a look-up a record.
CREATE TABLE records (
    idx INTEGER PRIMARY KEY,
    height INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    signer INTEGER NOT NULL,
    raw BLOB NOT NULL
) STRICT;
CREATE INDEX records_by_kind ON records (kind) WHERE kind <> 5;

-- The first 8 bytes of the id; whoever finds a row compares the whole id with the record's bytes.
CREATE TABLE record_ids (
    prefix INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (prefix, idx)
) STRICT, WITHOUT ROWID;

-- Whom a record is about: its signer, and the person or device that it names.
CREATE TABLE record_subjects (
    principal INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (principal, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE tree_nodes (
    position INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE open_blocks (
    hash BLOB PRIMARY KEY,
    height INTEGER NOT NULL,
    header BLOB NOT NULL,
    proposal BLOB NOT NULL,
    records BLOB NOT NULL
) STRICT;
CREATE INDEX open_blocks_by_height ON open_blocks (height);

CREATE TABLE pending (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    raw BLOB NOT NULL
) STRICT;

CREATE TABLE safety (
    slot INTEGER PRIMARY KEY CHECK (slot = 1),
    bytes BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;

-- For people.

CREATE TABLE commands (
    idx INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    device INTEGER NOT NULL REFERENCES principals (number),
    person INTEGER NOT NULL REFERENCES principals (number),
    action TEXT NOT NULL,
    arguments BLOB NOT NULL,
    requested_ms INTEGER NOT NULL,
    expires_s INTEGER NOT NULL,
    allowed INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    grant_id TEXT,
    outcome TEXT,
    outcome_reason TEXT NOT NULL DEFAULT '',
    outcome_ms INTEGER,
    media TEXT
) STRICT;
CREATE INDEX commands_by_device ON commands (device);
CREATE INDEX commands_by_person ON commands (person);
-- Few are in it, newest last whatever the device: what is asked for is a short walk from the end.
CREATE INDEX commands_waiting ON commands (allowed) WHERE allowed = 1 AND outcome IS NULL;

CREATE TABLE properties (
    series INTEGER PRIMARY KEY,
    device INTEGER NOT NULL REFERENCES principals (number),
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    order_ms INTEGER NOT NULL,
    height INTEGER NOT NULL,
    UNIQUE (device, name)
) STRICT;

CREATE TABLE readings (
    seq INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    value BLOB NOT NULL,
    idx INTEGER NOT NULL,
    command INTEGER
) STRICT;
CREATE INDEX readings_by_series ON readings (series);
"""
