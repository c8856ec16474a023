"""Stills that wait on the device until a hub has both the picture and the outcome that names it."""

import asyncio
import os
from collections.abc import Collection
from pathlib import Path

from homechain.crypto.hashing import b64u, sha256
from homechain_devices.sdk.errors import BadValue
from homechain_devices.sdk.limits import JPEG_BYTES


class MediaStore:
    """A directory of JPEGs, each named by its SHA-256."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def keep(self, jpeg: bytes) -> str:
        """Keep a still, durable on return; its digest, base64url. Raises `BadValue`, `OSError`."""
        if not (jpeg.startswith(b"\xff\xd8\xff") and jpeg.endswith(b"\xff\xd9")):
            raise BadValue("a still is a JPEG, from its first byte to its last")
        if len(jpeg) > JPEG_BYTES:
            raise BadValue(f"a still has at most {JPEG_BYTES} bytes")
        digest = b64u(sha256(jpeg))
        await asyncio.to_thread(self._write, self._path(digest), jpeg)
        return digest

    async def read(self, digest: str) -> bytes | None:
        """The still, or None if it is not here any more."""
        try:
            return await asyncio.to_thread(self._path(digest).read_bytes)
        except FileNotFoundError:
            return None

    async def forget(self, digest: str) -> None:
        """The hubs have it."""
        await asyncio.to_thread(self._path(digest).unlink, missing_ok=True)

    def keep_only(self, digests: Collection[str]) -> None:
        """Delete what a crash left behind: stills that no waiting outcome names. Blocks."""
        if self._directory.is_dir():
            wanted = {self._path(digest) for digest in digests}
            for path in self._directory.iterdir():
                if path not in wanted:
                    path.unlink()

    def _path(self, digest: str) -> Path:
        return self._directory / f"{digest}.jpg"

    def _write(self, path: Path, jpeg: bytes) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        write_durably(path, jpeg)


def write_durably(path: Path, data: bytes) -> None:
    """Make `path` hold `data`, all of it or what it held before, also after a power cut."""
    draft = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
