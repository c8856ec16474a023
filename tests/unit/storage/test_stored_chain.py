"""A verifier gets the exact bytes or is told that it cannot have them."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from homechain.ledger.errors import BrokenLedger
from homechain.model.blocks import CertifiedBlock
from homechain.node.ports import Batch, FinalBlock
from homechain.storage.chain import ChainSize, chain_size, stored_chain
from homechain.storage.derived import compare_derived
from homechain.storage.errors import NotALedger, StorageError
from homechain.storage.reads import SqliteQueries
from homechain.storage.store import SqliteStore
from tests.fakes.made_chain import MadeChain, decide, key

LOCK, GUEST = key(20), key(30)


def made_finals() -> list[FinalBlock]:
    chain = MadeChain()
    finals = [chain.genesis]
    finals += [
        chain.block([chain.event(LOCK, ("battery", n)) for n in range(count)])
        for count in (1, 0, 12, 3)
    ]
    command = chain.command(GUEST, LOCK)
    finals.append(chain.block([command], decisions=(decide(command),)))
    finals.append(chain.close_epoch())
    finals.append(chain.block([chain.outcome(LOCK, command, ("text", "x" * 9_000))]))
    return finals


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    async with await SqliteStore.open(tmp_path / "hub") as store:
        await store.write(Batch(final=tuple(made_finals())))
    return tmp_path / "hub"


def served() -> list[CertifiedBlock]:
    return [CertifiedBlock(each.block, each.proposal, each.commit) for each in made_finals()]


def alter(directory: Path, sql: str) -> None:
    connection = sqlite3.connect(directory / "ledger.sqlite", isolation_level=None)
    connection.execute(sql)
    connection.close()


def test_the_chain_comes_out_as_it_went_in(directory: Path) -> None:
    assert list(stored_chain(directory)) == served()
    assert chain_size(directory) == ChainSize(blocks=8, records=19)
    assert list(compare_derived(directory)) == []


def test_a_read_only_directory_is_enough(directory: Path) -> None:
    directory.chmod(0o500)
    assert list(stored_chain(directory)) == served()
    directory.chmod(0o700)


async def test_a_running_hub_does_not_mind_and_its_newest_block_is_seen(tmp_path: Path) -> None:
    chain = MadeChain()
    async with await SqliteStore.open(tmp_path / "hub") as store:
        await store.write(Batch(final=(chain.genesis, chain.block())))
        blocks = stored_chain(tmp_path / "hub")
        next(blocks)
        await store.write(Batch(final=(chain.block(),)))
        assert len(list(blocks)) == 1
        assert len(list(stored_chain(tmp_path / "hub"))) == 3


def test_no_ledger_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotALedger):
        list(stored_chain(tmp_path))
    with pytest.raises(NotALedger):
        list(compare_derived(tmp_path))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("DELETE FROM blocks WHERE height = 3", "block 3, header: missing"),
        ("DELETE FROM records WHERE idx = 5", "block 3, record 3: record 5 .* is missing"),
        ("DELETE FROM records WHERE idx = 18", "block 7, records: 1 of 1 are missing"),
        ("DELETE FROM blocks WHERE height = 7", "record 18 .* belongs to no block"),
        ("UPDATE blocks SET certificate = x'93' WHERE height = 4", "block 4, commit, bytes 0 to 0"),
    ],
)
def test_gaps_are_named(directory: Path, change: str, complaint: str) -> None:
    alter(directory, change)
    with pytest.raises(BrokenLedger, match=complaint):
        list(stored_chain(directory))


def test_a_header_that_cannot_be_read_is_handed_on(directory: Path) -> None:
    alter(directory, "UPDATE blocks SET header = x'00' WHERE height = 3")
    found = list(stored_chain(directory))
    assert found[3].block.header == b"\0"
    assert found[3].block.records == served()[3].block.records
    assert found[4:] == served()[4:]


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE records SET height = 2 WHERE idx = 1", "records"),
        ("UPDATE records SET kind = 8 WHERE idx = 1", "records"),
        ("UPDATE records SET signer = 1 WHERE idx = 1", "records"),
        ("UPDATE records SET signer = 77 WHERE idx = 1", "records"),
        ("UPDATE records SET raw = x'2e' WHERE idx = 1", "records"),
        ("UPDATE record_ids SET prefix = prefix + 1 WHERE idx = 4", "record_ids"),
        ("INSERT INTO record_ids VALUES (1, 99)", "record_ids"),
        ("DELETE FROM record_subjects WHERE idx = 4", "record_ids"),
        ("UPDATE tree_nodes SET hash = zeroblob(32) WHERE position = 0", "tree_nodes"),
        ("DELETE FROM tree_nodes WHERE position = 2", "tree_nodes"),
        ("INSERT INTO tree_nodes VALUES (99, zeroblob(32))", "tree_nodes"),
        ("UPDATE state SET value = x'00' WHERE key = 'home'", "state"),
        ("DELETE FROM state WHERE key = 'home'", "state"),
        ("UPDATE blocks SET time_ms = 1 WHERE height = 4", "blocks"),
        ("UPDATE blocks SET header = x'00' WHERE height = 4", "blocks"),
        ("UPDATE configurations SET epoch = 5 WHERE epoch = 1", "configurations"),
        ("UPDATE configurations SET bytes = x'90' WHERE epoch = 1", "configurations"),
        ("INSERT INTO safety VALUES (1, x'90', zeroblob(32))", "safety"),
    ],
)
def test_what_was_derived_is_compared(directory: Path, change: str, table: str) -> None:
    alter(directory, change)
    assert table in {difference.table for difference in compare_derived(directory)}


def flipped(source: Path, place: int, bit: int, target: Path) -> Path:
    """A copy of the directory whose database has one bit flipped."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)
    data = bytearray((source / "ledger.sqlite").read_bytes())
    data[place] ^= 1 << bit
    (target / "ledger.sqlite").write_bytes(data)
    return target


def is_noticed(directory: Path) -> bool:
    try:
        return list(stored_chain(directory)) != served()
    except (BrokenLedger, StorageError):
        return True


def exact_bytes() -> Iterator[bytes]:
    for final in made_finals():
        yield final.block.header
        yield from (raw for raw in final.block.records if len(raw) < 4_000)


def test_every_flipped_byte_of_a_record_or_header_changes_what_is_handed_on(
    directory: Path, tmp_path: Path
) -> None:
    data = (directory / "ledger.sqlite").read_bytes()
    chance = random.Random(4)
    for exact in exact_bytes():
        start = data.index(exact)
        place = start + chance.randrange(len(exact))
        assert is_noticed(flipped(directory, place, chance.randrange(8), tmp_path / "copy"))


@pytest.mark.slow
async def test_a_flipped_bit_anywhere_is_never_more_than_a_named_failure(
    directory: Path, tmp_path: Path
) -> None:
    size = (directory / "ledger.sqlite").stat().st_size
    chance = random.Random(5)
    for _ in range(150):
        copy = flipped(directory, chance.randrange(size), chance.randrange(8), tmp_path / "copy")
        is_noticed(copy)
        with suppress(StorageError):
            list(compare_derived(copy))
        await use_everything(copy)


async def use_everything(directory: Path) -> None:
    with suppress(StorageError):
        async with await SqliteStore.open(directory) as store:
            await store.load()
            async with await SqliteQueries.open(store.path) as queries:
                await queries.blocks(0, limit=100, at_most_bytes=1 << 30)
                rows = await queries.recent_records()
                await queries.record(rows[0].id if rows else bytes(32))
                await queries.records_of_block(3)
                await queries.commands()
                await queries.properties()
                await queries.readings()
                await queries.covering_commit(0)
                await queries.inclusion_path(index=2, size=17)
