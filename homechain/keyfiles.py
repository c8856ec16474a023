"""Private keys on disk: a hub's or device's in the clear, a person's under a passphrase.

May live here: the file, its permissions and its format. May not: what a key is used for, or any
prompt. A key file is created exclusively, 0600, in a directory that is 0700, complete or not at
all; it is refused when anybody else could have read or replaced it.

The file is a JSON object with exactly three members: the marker `"homechain-key": 1`, the public
`"did"`, and either `"seed"` (32 bytes, base64url) or `"sealed"` (see `homechain.crypto.sealing`).
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from homechain.crypto import sealing
from homechain.crypto.errors import CryptoError, WrongPassphrase
from homechain.crypto.hashing import b64u, unb64u
from homechain.crypto.keys import SEED_BYTES, PrivateKey
from homechain.crypto.strict_json import decode_strict

FORMAT_VERSION: Final = 1
MAX_KEY_FILE_BYTES: Final = 16 * 1024
_READABLE_BY_OTHERS: Final = 0o077


class KeyFileError(Exception):
    """A key file cannot be used; the message says what to do."""


class UnsafeKeyFile(KeyFileError):
    """Somebody else can read or replace the key: it may not be secret any more."""


class MalformedKeyFile(KeyFileError):
    """The file is not a key file of a version that this program reads."""


class KeyFileExists(KeyFileError):
    """There is a file already, and keys are never overwritten."""


class PassphraseNeeded(KeyFileError):
    """The key is locked, and no passphrase was given."""


def load_key_file(path: Path, *, passphrase: str | None) -> PrivateKey:
    """Return the private key in the file; `passphrase` is used if the file is locked.

    Raises `UnsafeKeyFile`, `MalformedKeyFile`, `PassphraseNeeded`, `WrongPassphrase` of
    `homechain.crypto.errors`, or `OSError` (`FileNotFoundError` if there is none). Unlocking takes
    a good part of a second and 64 MiB: do it off the event loop.
    """
    contents = _read(path)
    try:
        if contents.seed is not None:
            seed = unb64u(contents.seed)
        elif passphrase is None:
            raise PassphraseNeeded(f"{path} is locked: a passphrase is needed")
        else:
            seed = sealing.unlock_secret(contents.sealed or b"", passphrase)
        key = PrivateKey.from_seed(seed)
    except WrongPassphrase:
        raise
    except CryptoError as error:
        raise MalformedKeyFile(f"{path} is damaged: {error}") from error
    if key.public.did != contents.did:
        raise MalformedKeyFile(f"{path} is damaged: its secret belongs to another key")
    return key


def create_key_file(
    path: Path,
    seed: bytes,
    *,
    passphrase: str | None,
    ops_limit: int = sealing.OPS_LIMIT,
    mem_limit: int = sealing.MEM_LIMIT,
) -> PrivateKey:
    """Write a new key file, durable on return, and return its key.

    With a passphrase the seed is locked under it (`ops_limit`, `mem_limit` in bytes: the work
    that this takes). The directory is made if there is none. Raises `KeyFileExists` rather than
    overwrite, `UnsafeKeyFile` if others can enter the directory, `CryptoError` for a bad seed or
    passphrase, `OSError` from the disk (look whether the file is there before trying again).
    """
    key = PrivateKey.from_seed(seed)
    members: dict[str, object] = {"homechain-key": FORMAT_VERSION, "did": key.public.did}
    if passphrase is None:
        members["seed"] = b64u(seed)
    else:
        blob = sealing.lock_secret(
            seed,
            passphrase=passphrase,
            salt=os.urandom(sealing.SALT_BYTES),
            nonce=os.urandom(sealing.NONCE_BYTES),
            ops_limit=ops_limit,
            mem_limit=mem_limit,
        )
        members["sealed"] = msgspec.Raw(blob)
    new_directories = [d for d in path.absolute().parents if not d.exists()]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for directory in new_directories:
        _sync_directory(directory.parent)
    _refuse_open_directory(path.parent)
    _write_exclusively(path, msgspec.json.encode(members) + b"\n")
    return key


def is_locked(path: Path) -> bool:
    """Say whether `load_key_file` needs a passphrase; refuses like it does."""
    return _read(path).seed is None


def key_file_did(path: Path) -> str:
    """Return the did:key that the file says it holds, without unlocking it."""
    return _read(path).did


def generate_seed() -> bytes:
    """Return 32 bytes from the operating system's generator: the seed of a new key."""
    return os.urandom(SEED_BYTES)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What the file says; exactly one of `seed` (text) and `sealed` (JSON) is there."""

    did: str
    seed: str | None
    sealed: bytes | None


def _read(path: Path) -> _Contents:
    data = _read_guarded(path)
    not_a_key_file = MalformedKeyFile(f"{path} is not a homechain key file")
    try:
        members = decode_strict(data)
    except CryptoError as error:
        raise not_a_key_file from error
    if not isinstance(members, dict) or "homechain-key" not in members:
        raise not_a_key_file
    if members["homechain-key"] != FORMAT_VERSION:
        raise MalformedKeyFile(f"{path} has a format that this version of homechain cannot read")
    match members:
        case {"did": str(did), "seed": str(seed), **rest} if set(rest) == {"homechain-key"}:
            return _Contents(did, seed, None)
        case {"did": str(did), "sealed": dict(sealed), **rest} if set(rest) == {"homechain-key"}:
            return _Contents(did, None, msgspec.json.encode(sealed))
        case _:
            raise not_a_key_file


def _read_guarded(path: Path) -> bytes:
    """Read the file through one descriptor, so that what was checked is what is read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise MalformedKeyFile(f"{path} is not a regular file")
        # systemd hands out credentials in a private directory, readable through an access list
        # that shows as group permission.
        if not _is_service_credential(path):
            if status.st_uid not in (os.geteuid(), 0):
                raise UnsafeKeyFile(f"{path} belongs to another user: chown {os.geteuid()} {path}")
            if status.st_mode & _READABLE_BY_OTHERS:
                raise UnsafeKeyFile(f"{path} can be read by others: chmod 600 {path}")
            _refuse_open_directory(path.parent)
        data = file.read(MAX_KEY_FILE_BYTES + 1)
    if len(data) > MAX_KEY_FILE_BYTES:
        raise MalformedKeyFile(f"{path} is too long for a homechain key file")
    return data


def _is_service_credential(path: Path) -> bool:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return directory is not None and path.resolve().parent == Path(directory).resolve()


def _refuse_open_directory(directory: Path) -> None:
    status = directory.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise UnsafeKeyFile(
            f"{directory} belongs to another user: chown {os.geteuid()} {directory}"
        )
    if status.st_mode & _READABLE_BY_OTHERS:
        raise UnsafeKeyFile(f"{directory} is open to others: chmod 700 {directory}")


def _write_exclusively(path: Path, data: bytes) -> None:
    """Make the complete file appear under a name that was free, and survive a power cut."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails if the name is taken.
        os.link(draft, path)
    except FileExistsError as error:
        raise KeyFileExists(f"{path} exists already and is not overwritten") from error
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make the names in the directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
