"""A real ledger on a real disk: any changed byte of what was signed is found and named."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from homechain.ledger.audit import Auditor
from homechain.ledger.errors import BrokenLedger
from homechain.node.ports import Batch, FinalBlock
from homechain.storage.chain import stored_chain
from homechain.storage.derived import compare_derived
from homechain.storage.store import SqliteStore
from tests.fakes.home import MadeHome


def made_home() -> MadeHome:
    home = MadeHome()
    lock, guest = home.add_device("Front door"), home.add_person("Gus")
    home.commit(home.grant_record(guest, jti="grant-0001", devices=[lock]))
    command = home.command_record(guest, lock)
    home.commit(command, home.event_record(lock, bolt="locked"), certified=False)
    home.commit(home.outcome_record(lock, command))
    home.commit(home.hub_record("hub 3"))
    home.commit(home.event_record(lock, battery=80), home.event_record(lock, battery=79))
    return home


def finals_of(home: MadeHome) -> Iterator[FinalBlock]:
    for built, certified in zip(home.built, home.blocks, strict=True):
        yield FinalBlock(
            hash=built.hash,
            height=built.header.height,
            block=built.block,
            proposal=certified.proposal,
            commit=certified.commit,
            time_ms=built.header.time_ms,
            first_index=built.first_index,
            records=built.records,
            decisions=built.decisions,
            state_changes=built.changes,
            tree_nodes=built.tree_nodes,
            configuration=built.next_configuration,
        )


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    async with await SqliteStore.open(tmp_path / "hub") as store:
        await store.write(Batch(final=tuple(finals_of(made_home()))))
    return tmp_path / "hub"


def audit(directory: Path) -> int:
    auditor = Auditor()
    auditor.feed(stored_chain(directory))
    return auditor.finish().records


def parts() -> Iterator[tuple[int, str, str, int, int]]:
    """(height, part, column or table, leaf number, length) of everything that was signed."""
    index = 0
    for height, certified in enumerate(made_home().blocks):
        yield height, "header", "header", -1, len(certified.block.header)
        if certified.proposal:
            yield height, "proposal", "proposal", -1, len(certified.proposal)
        if certified.commit is not None:
            size = len(msgspec.msgpack.encode(certified.commit))
            yield height, "commit", "certificate", -1, size
        for raw in certified.block.records:
            yield height, "record", "raw", index, len(raw)
            index += 1


def test_an_unharmed_file_passes(directory: Path) -> None:
    assert audit(directory) == made_home().head.header.tree_size
    assert list(compare_derived(directory)) == []


def test_any_changed_byte_is_found_and_its_block_named(directory: Path) -> None:
    chance = random.Random(6)
    connection = sqlite3.connect(directory / "ledger.sqlite", isolation_level=None)
    for height, part, column, index, length in parts():
        table, key, number = (
            ("records", "idx", index) if part == "record" else ("blocks", "height", height)
        )
        where = f"{table} WHERE {key} = {number}"
        (intact,) = connection.execute(f"SELECT {column} FROM {where}").fetchone()
        assert len(intact) == length
        for place in {0, length - 1, *(chance.randrange(length) for _ in range(2))}:
            changed = bytearray(intact)
            changed[place] ^= 1 << chance.randrange(8)
            sql = f"UPDATE {table} SET {column} = ? WHERE {key} = {number}"
            connection.execute(sql, (bytes(changed),))
            with pytest.raises(BrokenLedger) as broken:
                audit(directory)
            assert broken.value.height == height, (height, part, place)
            connection.execute(sql, (intact,))
    connection.close()
    assert audit(directory) > 0
