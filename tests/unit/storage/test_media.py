"""Stills are what their hash says, complete or absent, and never more than their share."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from homechain.storage.errors import MediaRefused, StorageFailed
from homechain.storage.media import MediaStore


def still(number: int, size: int = 100) -> tuple[bytes, bytes]:
    data = bytes([number]) * size
    return hashlib.sha256(data).digest(), data


def files(directory: Path) -> list[Path]:
    return [path for path in (directory / "media").rglob("*") if path.is_file()]


async def test_a_still_comes_back_after_a_restart(tmp_path: Path) -> None:
    digest, data = still(1)
    store = await MediaStore.open(tmp_path)
    assert not store.has(digest)
    assert await store.get(digest) is None
    await store.put(digest, data)
    await store.put(digest, data)
    store = await MediaStore.open(tmp_path)
    assert store.has(digest)
    assert await store.get(digest) == data
    assert store.total_bytes == 100
    (file,) = files(tmp_path)
    name = digest.hex()
    assert file == tmp_path / "media" / name[:2] / f"{name}.jpg"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_another_content_or_too_much_of_it_is_refused(tmp_path: Path) -> None:
    store = await MediaStore.open(tmp_path, item_bytes=100, total_bytes=1_000)
    digest, data = still(1)
    with pytest.raises(MediaRefused, match="hash"):
        await store.put(digest, data[:-1])
    large, larger = still(2, 101)
    with pytest.raises(MediaRefused, match="100 bytes"):
        await store.put(large, larger)
    assert files(tmp_path) == []
    assert store.total_bytes == 0


async def test_the_oldest_go_when_the_quota_is_used_up(tmp_path: Path) -> None:
    store = await MediaStore.open(tmp_path, item_bytes=100, total_bytes=350)
    stills = [still(number) for number in range(5)]
    for number, (digest, data) in enumerate(stills[:3]):
        await store.put(digest, data)
        path = tmp_path / "media" / digest.hex()[:2] / f"{digest.hex()}.jpg"
        os.utime(path, ns=(number, number))
    await store.put(*stills[3])
    assert [store.has(digest) for digest, _ in stills[:4]] == [False, True, True, True]
    store = await MediaStore.open(tmp_path, item_bytes=100, total_bytes=350)
    await store.put(*stills[4])
    assert [store.has(digest) for digest, _ in stills] == [False, False, True, True, True]
    assert store.total_bytes == sum(path.stat().st_size for path in files(tmp_path)) == 300


async def test_a_damaged_still_is_as_good_as_none(tmp_path: Path) -> None:
    store = await MediaStore.open(tmp_path)
    for number, damage in ((1, b"other"), (2, None)):
        digest, data = still(number)
        await store.put(digest, data)
        path = tmp_path / "media" / digest.hex()[:2] / f"{digest.hex()}.jpg"
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage)
        assert await store.get(digest) is None
        assert not store.has(digest)
        assert not path.exists()
    assert store.total_bytes == 0


async def test_what_was_not_finished_is_removed_and_strangers_are_left(tmp_path: Path) -> None:
    folder = tmp_path / "media" / "ab"
    folder.mkdir(parents=True)
    (folder / "abcd.part").write_bytes(b"half")
    (folder / "notes.txt").write_bytes(b"mine")
    store = await MediaStore.open(tmp_path)
    assert [path.name for path in files(tmp_path)] == ["notes.txt"]
    assert store.total_bytes == 0


async def test_a_disk_that_refuses_is_a_named_failure(tmp_path: Path) -> None:
    store = await MediaStore.open(tmp_path)
    digest, data = still(1)
    (tmp_path / "media" / digest.hex()[:2]).write_bytes(b"in the way")
    with pytest.raises(StorageFailed):
        await store.put(digest, data)
    assert not store.has(digest)
