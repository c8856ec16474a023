"""Stills beside the ledger: the hash is in a record, the bytes are here, and both must agree.

A file is named by its hash and complete or not there at all. What is beyond the quota goes, oldest
first: the record stays and says that there was a still.
"""

import asyncio
import hashlib
import os
import stat
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final, Self

from homechain.model.ids import DIGEST_BYTES
from homechain.storage import limits
from homechain.storage.errors import MediaRefused, failures_named

MEDIA_DIRECTORY: Final = "media"
_SUFFIX: Final = ".jpg"
_UNFINISHED: Final = ".part"


class MediaStore:
    """The stills of one hub directory, `media/ab/<sha256>.jpg` below it."""

    def __init__(self, root: Path, *, item_bytes: int, total_bytes: int) -> None:
        self._root = root
        self._item_limit = item_bytes
        self._total_limit = total_bytes
        self._sizes: OrderedDict[bytes, int] = OrderedDict()
        """Oldest first."""
        self._total = 0
        self._lock = threading.Lock()

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        item_bytes: int = limits.MEDIA_ITEM_BYTES,
        total_bytes: int = limits.MEDIA_TOTAL_BYTES,
    ) -> Self:
        """The store below a hub's directory; unfinished files are removed. `StorageFailed`."""
        assert item_bytes <= total_bytes, "a still must fit"
        store = cls(directory / MEDIA_DIRECTORY, item_bytes=item_bytes, total_bytes=total_bytes)
        await asyncio.to_thread(store._scan)
        return store

    @property
    def total_bytes(self) -> int:
        """Bytes of all stills."""
        return self._total

    async def put(self, digest: bytes, data: bytes) -> None:
        """Keep a still; durable on return. The same again changes nothing.

        Raises `MediaRefused` if it is too large or `digest` is not its SHA-256, `StorageFailed`
        from the disk.
        """
        await asyncio.to_thread(self._put, digest, data)

    async def get(self, digest: bytes) -> bytes | None:
        """The still, or None if it is not (or no longer) here.

        A file that is not what its name says is removed and counts as not here: another hub has
        it. Raises `StorageFailed` from the disk.
        """
        return await asyncio.to_thread(self._get, digest)

    def has(self, digest: bytes) -> bool:
        """Whether the still is here."""
        return digest in self._sizes

    def _put(self, digest: bytes, data: bytes) -> None:
        if len(data) > self._item_limit:
            raise MediaRefused(f"a still has at most {self._item_limit} bytes")
        if hashlib.sha256(data).digest() != digest:
            raise MediaRefused("the still is not what its hash says")
        with self._lock, failures_named():
            if digest in self._sizes:
                return
            while self._sizes and self._total + len(data) > self._total_limit:
                self._remove(next(iter(self._sizes)))
            self._write(digest, data)
            self._sizes[digest] = len(data)
            self._total += len(data)

    def _write(self, digest: bytes, data: bytes) -> None:
        path = self._path(digest)
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            _sync_directory(self._root)
        unfinished = path.with_suffix(_UNFINISHED)
        unfinished.unlink(missing_ok=True)
        try:
            file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.rename(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)

    def _get(self, digest: bytes) -> bytes | None:
        with self._lock, failures_named():
            if digest not in self._sizes:
                return None
            try:
                data = self._path(digest).read_bytes()
            except FileNotFoundError:
                self._total -= self._sizes.pop(digest)
                return None
            if hashlib.sha256(data).digest() != digest:
                self._remove(digest)
                return None
            return data

    def _remove(self, digest: bytes) -> None:
        self._path(digest).unlink(missing_ok=True)
        self._total -= self._sizes.pop(digest)

    def _scan(self) -> None:
        with failures_named():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            found: list[tuple[int, bytes, int]] = []
            for path in self._root.glob("??/*"):
                if path.suffix == _UNFINISHED:
                    path.unlink()
                    continue
                digest = _digest_of(path)
                status = path.lstat()
                if digest is not None and stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime_ns, digest, status.st_size))
            self._sizes = OrderedDict((digest, size) for _, digest, size in sorted(found))
            self._total = sum(self._sizes.values())

    def _path(self, digest: bytes) -> Path:
        assert len(digest) == DIGEST_BYTES, "a still is named by its SHA-256"
        name = digest.hex()
        return self._root / name[:2] / f"{name}{_SUFFIX}"


def _digest_of(path: Path) -> bytes | None:
    try:
        digest = bytes.fromhex(path.stem)
    except ValueError:
        return None
    is_named_right = (
        len(digest) == DIGEST_BYTES
        and path.name == f"{digest.hex()}{_SUFFIX}"
        and path.parent.name == digest.hex()[:2]
    )
    return digest if is_named_right else None


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
