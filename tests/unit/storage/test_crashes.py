"""Real processes that die in the middle: what was acknowledged is there, and nothing by halves."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from homechain.consensus.safety import first_record
from homechain.node.ports import Loaded
from homechain.storage.chain import stored_chain
from homechain.storage.derived import compare_derived
from homechain.storage.store import SqliteStore
from tests.fakes.made_chain import MadeChain
from tests.unit.storage import acknowledging_child
from tests.unit.storage.acknowledging_child import made_block

ROOT = Path(__file__).resolve().parents[3]


def start(
    directory: Path, *, limit_bytes: int = 0, text_characters: int = 0
) -> "subprocess.Popen[str]":
    arguments = [str(directory), str(limit_bytes), str(text_characters)]
    return subprocess.Popen(
        [sys.executable, "-m", acknowledging_child.__name__, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


async def found_in(directory: Path) -> Loaded:
    async with await SqliteStore.open(directory) as store:
        found = await store.load()
        assert found is not None
        return found


def check_whole(directory: Path, found: Loaded, *, text_characters: int = 0) -> None:
    """Everything up to the head is there and fits together; what waits is above it."""
    chain = MadeChain()
    expected = [chain.genesis] + [
        made_block(chain, text_characters=text_characters) for _ in range(found.head_height)
    ]
    assert [stored.block for stored in stored_chain(directory)] == [
        final.block for final in expected
    ]
    head = expected[-1]
    assert found.head_hash == head.hash
    assert found.safety == first_record(epoch=0, root=head.hash, height=head.height)
    assert found.state == dict(chain.state.items())
    assert found.peaks == chain.frontier.peaks
    following = made_block(chain, text_characters=text_characters)
    assert [stored.hash for stored in found.blocks] in ([], [following.hash])
    assert found.pending in ((), following.block.records)
    assert list(compare_derived(directory)) == []


@pytest.mark.slow
async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    directory = tmp_path / "hub"
    chance = random.Random(13)
    head = -1
    for _ in range(4):
        child = start(directory)
        assert child.stdout is not None
        acknowledged = head
        for _ in range(chance.randint(1, 120)):
            acknowledged = int(child.stdout.readline())
        child.kill()
        rest = child.stdout.read().split()  # said before it died, read after
        child.wait()
        child.stdout.close()
        acknowledged = int(rest[-1]) if rest else acknowledged
        found = await found_in(directory)
        assert found.head_height in (acknowledged, acknowledged + 1)
        check_whole(directory, found)
        head = found.head_height


@pytest.mark.parametrize(
    ("limit_bytes", "text_characters", "limited"),
    [
        (400_000, 0, "ledger.sqlite-wal"),
        (9_000_000, 8_000, "ledger.sqlite"),
    ],
)
async def test_a_file_that_may_not_grow_stops_the_store_with_all_it_promised(
    tmp_path: Path, limit_bytes: int, text_characters: int, limited: str
) -> None:
    directory = tmp_path / "hub"
    child = start(directory, limit_bytes=limit_bytes, text_characters=text_characters)
    said, _ = child.communicate()
    assert child.returncode == 0
    *acknowledged, failure, afterwards = said.splitlines()
    assert failure in ("DiskFull", "DiskBroken")
    assert afterwards == "stays failed"
    full = [path.name for path in directory.iterdir() if path.stat().st_size > limit_bytes - 8_192]
    assert full == [limited]
    found = await found_in(directory)
    assert found.head_height == int(acknowledged[-1])
    check_whole(directory, found, text_characters=text_characters)
