import stat
from pathlib import Path

import pytest

from homechain.hub.directory import CREDENTIAL_NAME, HubDirectory, HubWasRemoved, Introduction
from homechain.hub.founding import (
    AlreadyHome,
    describe_hub,
    install_genesis,
    machine_addresses,
    sign_genesis,
)
from homechain.keyfiles import KeyFileError
from homechain.settings import MeshSettings, Settings
from homechain.storage.store import SqliteStore
from tests.fakes.home import MadeHome, hub_description, made_key


def test_a_key_is_made_once_and_seen_by_nobody_else(tmp_path: Path) -> None:
    directory = HubDirectory(tmp_path / "hub")
    assert not directory.has_key()
    key = directory.create_key()
    assert directory.has_key()
    assert directory.key().public == key.public
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(directory.key_path.stat().st_mode) == 0o600
    with pytest.raises((KeyFileError, FileExistsError)):
        directory.create_key()
    directory.erase_key()
    directory.erase_key()
    assert not directory.has_key()


def test_a_key_that_systemd_hands_over_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over = HubDirectory(tmp_path / "credstore")
    key = handed_over.create_key()
    handed_over.key_path.rename(tmp_path / "credstore" / CREDENTIAL_NAME)
    directory = HubDirectory(tmp_path / "hub")
    directory.create_key()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed_over.path))
    assert directory.has_key()
    assert directory.key().public == key.public
    # The one in the directory is erased, the credential cannot be: it is never used again.
    directory.erase_key()
    with pytest.raises(HubWasRemoved):
        directory.key()


def test_a_unit_without_the_credential_uses_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = HubDirectory(tmp_path / "hub")
    key = directory.create_key()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert directory.key().public == key.public


def test_an_introduction_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    directory = HubDirectory(tmp_path)
    assert directory.read_introduction() is None
    introduction = Introduction(
        genesis="a.b.c", hubs=[hub_description(made_key("hub 0"), name="Hub 0")]
    )
    directory.write_introduction(introduction)
    assert directory.read_introduction() == introduction


async def test_a_directory_is_home_to_one_home_only(tmp_path: Path) -> None:
    directory = HubDirectory(tmp_path / "hub")
    directory.create_key()
    await install_genesis(directory, MadeHome().genesis)
    another = Introduction(genesis="a.b.c", hubs=[])
    with pytest.raises(AlreadyHome):
        await install_genesis(directory, MadeHome(name="Elm").genesis, introduction=another)
    assert directory.read_introduction() is None
    async with await SqliteStore.open(directory.path) as store:
        loaded = await store.load()
    assert loaded is not None
    assert loaded.head_hash == MadeHome().head.hash


def test_a_hub_is_described_with_every_address_it_may_be_reached_at() -> None:
    key = made_key("hub 0")
    settings = Settings(mesh=MeshSettings(port=7))
    described = describe_hub(key, name="Cellar", settings=settings, hosts=["192.0.2.1", "[::2]"])
    assert described.hub == key.public.did
    assert described.mesh == ["192.0.2.1:7", "[::2]:7"]
    genesis = sign_genesis(
        made_key("owner"),
        name="Linden Street",
        owner_name="Anna",
        time_zone="UTC",
        hubs=[described],
        now_s=1,
        nonce=bytes(32),
    )
    assert genesis.home == genesis.id
    assert machine_addresses()
