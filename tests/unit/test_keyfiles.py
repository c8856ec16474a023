import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from homechain.crypto.errors import CryptoError, WrongPassphrase
from homechain.crypto.hashing import b64u
from homechain.crypto.keys import PrivateKey
from homechain.crypto.sealing import MIN_MEM_LIMIT
from homechain.keyfiles import (
    KeyFileExists,
    MalformedKeyFile,
    PassphraseNeeded,
    UnsafeKeyFile,
    create_key_file,
    generate_seed,
    is_locked,
    key_file_did,
    load_key_file,
)

SEED = bytes(range(32))
KEY = PrivateKey.from_seed(SEED)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "hub.key"


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    previous = os.umask(request.param)
    yield request.param
    os.umask(previous)


def _create(path: Path, *, passphrase: str | None = None) -> PrivateKey:
    return create_key_file(path, SEED, passphrase=passphrase, ops_limit=1, mem_limit=MIN_MEM_LIMIT)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _names(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()]


def _replace(path: Path, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)


def test_a_key_comes_back_from_its_file(path: Path) -> None:
    assert _create(path).public == KEY.public
    assert not is_locked(path)
    assert key_file_did(path) == KEY.public.did
    assert load_key_file(path, passphrase=None).seed == SEED
    assert load_key_file(path, passphrase="not needed").seed == SEED


def test_a_locked_key_needs_its_passphrase(path: Path) -> None:
    _create(path, passphrase="correct horse")
    assert is_locked(path)
    assert key_file_did(path) == KEY.public.did
    assert load_key_file(path, passphrase="correct horse").seed == SEED
    with pytest.raises(PassphraseNeeded, match="passphrase"):
        load_key_file(path, passphrase=None)
    for wrong in ("correct horsE", ""):
        with pytest.raises(WrongPassphrase):
            load_key_file(path, passphrase=wrong)


def test_a_locked_key_is_not_in_its_file(path: Path) -> None:
    _create(path, passphrase="correct horse")
    data = path.read_bytes()
    for secret in (SEED, SEED.hex().encode(), b64u(SEED).encode(), b"correct horse"):
        assert secret not in data


@pytest.mark.usefixtures("umask")
def test_file_and_directory_are_private_whatever_the_umask(path: Path) -> None:
    _create(path)
    assert (_mode(path), _mode(path.parent)) == (0o600, 0o700)
    assert _names(path.parent) == [path.name]


def test_a_key_is_never_overwritten(path: Path) -> None:
    _create(path)
    before = path.read_bytes()
    with pytest.raises(KeyFileExists, match="not overwritten"):
        create_key_file(path, bytes(32), passphrase=None)
    assert path.read_bytes() == before
    assert _names(path.parent) == [path.name]


def test_a_dangling_link_is_not_followed_when_creating(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileExists):
        _create(path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_leaves_nothing_half_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    path.parent.mkdir(mode=0o700)
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        _create(path)
    assert _names(path.parent) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o622])
def test_a_file_that_others_can_read_or_write_is_refused(path: Path, mode: int) -> None:
    _create(path)
    path.chmod(mode)
    for attempt in (lambda: load_key_file(path, passphrase=None), lambda: is_locked(path)):
        with pytest.raises(UnsafeKeyFile, match=f"chmod 600 {path}"):
            attempt()


@pytest.mark.parametrize("which", ["file", "directory"])
def test_what_belongs_to_another_user_is_refused(
    path: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _create(path)
    if os.geteuid() == 0:
        os.chown(path if which == "file" else path.parent, 12345, -1)
    else:  # who may not give files away looks at them as another user would
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(UnsafeKeyFile, match="belongs to another user"):
        load_key_file(path, passphrase=None)


def test_a_read_only_file_is_fine(path: Path) -> None:
    _create(path)
    path.chmod(0o400)
    assert load_key_file(path, passphrase=None).seed == SEED


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o707])
def test_a_directory_that_others_can_enter_is_refused(path: Path, mode: int) -> None:
    _create(path)
    path.parent.chmod(mode)
    with pytest.raises(UnsafeKeyFile, match=f"chmod 700 {path.parent}"):
        load_key_file(path, passphrase=None)
    with pytest.raises(UnsafeKeyFile, match=f"chmod 700 {path.parent}"):
        _create(path.with_name("second.key"))


def test_a_credential_of_the_service_manager_may_carry_its_access_list(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _create(path)
    path.chmod(0o440)  # how an access list for the service's user shows in the mode
    path.parent.chmod(0o750)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(UnsafeKeyFile):
        load_key_file(path, passphrase=None)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(path.parent))
    assert load_key_file(path, passphrase=None).seed == SEED


def test_a_missing_file_is_said_to_be_missing(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_key_file(path, passphrase=None)


def test_a_pipe_or_directory_is_refused_without_waiting(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    os.mkfifo(path, 0o600)
    with pytest.raises(MalformedKeyFile, match="regular file"):
        load_key_file(path, passphrase=None)
    with pytest.raises((MalformedKeyFile, IsADirectoryError)):
        load_key_file(path.parent, passphrase=None)


DID = KEY.public.did


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        b"\xff\xfe",
        "[]",
        "{}",
        "x" * 20_000,
        json.dumps({"did": DID, "seed": b64u(SEED)}),
        json.dumps({"homechain-key": 2, "did": DID, "seed": b64u(SEED)}),
        json.dumps({"homechain-key": 1, "seed": b64u(SEED)}),
        json.dumps({"homechain-key": 1, "did": DID}),
        json.dumps({"homechain-key": 1, "did": DID, "seed": 1}),
        json.dumps({"homechain-key": 1, "did": DID, "seed": b64u(SEED), "more": 1}),
        json.dumps({"homechain-key": 1, "did": DID, "seed": b64u(SEED), "sealed": {}}),
        json.dumps({"homechain-key": 1, "did": DID, "seed": b64u(SEED) + "="}),
        json.dumps({"homechain-key": 1, "did": DID, "seed": b64u(SEED[:31])}),
        json.dumps({"homechain-key": 1, "did": DID, "seed": b64u(bytes(32))}),
        json.dumps({"homechain-key": 1, "did": DID, "sealed": {}}),
        json.dumps({"homechain-key": 1, "did": DID, "sealed": "text"}),
        f'{{"homechain-key":1,"did":"{DID}","seed":"AA","seed":"{b64u(SEED)}"}}',
    ],
)
def test_a_file_of_another_or_damaged_format_is_refused(path: Path, text: str | bytes) -> None:
    _replace(path, text)
    with pytest.raises(MalformedKeyFile, match=str(path)) as refusal:
        load_key_file(path, passphrase="any")
    assert b64u(SEED) not in str(refusal.value)


@pytest.mark.parametrize(("seed", "passphrase"), [(bytes(31), None), (SEED, "")])
def test_what_cannot_be_a_key_or_passphrase_makes_no_file(
    path: Path, seed: bytes, passphrase: str | None
) -> None:
    with pytest.raises(CryptoError):
        create_key_file(path, seed, passphrase=passphrase)
    assert not path.exists()


def test_seeds_are_fresh() -> None:
    seeds = {generate_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert {len(seed) for seed in seeds} == {32}
