"""A person's own side of the home: the key, and how to reach and recognise the hubs.

    home.json    the home's id and its hubs with their certificates: no secret
    person.key   the private key, locked by a passphrase

It stays with the person: beside the dashboard, never on a hub.
"""

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from homechain.api.client.endpoints import HubEndpoint, endpoints_of
from homechain.cli import CommandFailed
from homechain.crypto.errors import WrongPassphrase
from homechain.crypto.keys import PrivateKey
from homechain.keyfiles import (
    KeyFileError,
    create_key_file,
    generate_seed,
    is_locked,
    load_key_file,
)
from homechain.model.records import HubDescription

PASSPHRASE_FILE_VARIABLE: Final = "HOMECHAIN_PASSPHRASE_FILE"  # noqa: S105 - a name, no secret


class HomeFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a home is, and which keys its hubs have. Safe to hand on."""

    home: str
    name: str
    hubs: list[HubDescription]


class Profile:
    """One directory with a key and a home."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def key_path(self) -> Path:
        """The private key."""
        return self.path / "person.key"

    @property
    def home_path(self) -> Path:
        """The home."""
        return self.path / "home.json"

    def home(self) -> HomeFile:
        """The home of this profile. `CommandFailed` where there is none."""
        try:
            return read_home_file(self.home_path)
        except FileNotFoundError as error:
            raise CommandFailed(
                f"{self.path} knows no home yet. Found one (`homechain hub init`), or import the "
                "file that an owner exported (`homechain person home --import FILE`)"
            ) from error

    def write_home(self, home: HomeFile) -> None:
        """Keeps the home."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.home_path.with_suffix(".new")
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(home), indent=2))
        temporary.rename(self.home_path)

    def create_key(self, *, passphrase: str | None) -> PrivateKey:
        """A new key, locked unless `passphrase` is None. `CommandFailed` if there is one."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            create_key_file(self.key_path, generate_seed(), passphrase=passphrase)
            return load_key_file(self.key_path, passphrase=passphrase)
        except KeyFileError as error:
            raise CommandFailed(str(error)) from error

    def key(self, arguments: argparse.Namespace) -> PrivateKey:
        """The person's key, unlocked. Asks for the passphrase where there is a terminal."""
        try:
            passphrase = read_passphrase(arguments) if is_locked(self.key_path) else None
            return load_key_file(self.key_path, passphrase=passphrase)
        except FileNotFoundError as error:
            raise CommandFailed(
                f"{self.path} holds no key yet: `homechain person create`"
            ) from error
        except (KeyFileError, WrongPassphrase) as error:
            raise CommandFailed(str(error)) from error

    def endpoints(self) -> list[HubEndpoint]:
        """How to reach the home's hubs, each pinned to its key."""
        return endpoints_of(self.home().hubs)


def read_home_file(path: Path) -> HomeFile:
    """The home that `path` describes. `CommandFailed` if it is something else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=HomeFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} is not a homechain home file: {error}") from error


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Adds `--profile` and `--passphrase-file`."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    parser.add_argument(
        "--profile",
        type=Path,
        default=config / "homechain",
        metavar="DIR",
        help="your key and your home (default: %(default)s)",
    )
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help=f"read the passphrase from FILE (or ${PASSPHRASE_FILE_VARIABLE}) instead of asking",
    )


def profile_of(arguments: argparse.Namespace) -> Profile:
    """The profile that `--profile` names."""
    path: Path = arguments.profile
    return Profile(path.expanduser())


def read_passphrase(arguments: argparse.Namespace, *, twice: bool = False) -> str:
    """The passphrase: from a file, or typed. Never from the command line, where others see it."""
    file = arguments.passphrase_file or os.environ.get(PASSPHRASE_FILE_VARIABLE)
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise CommandFailed(f"the passphrase file cannot be read: {error}") from error
    if not sys.stdin.isatty():
        raise CommandFailed("the key is locked: give --passphrase-file FILE")
    typed = getpass.getpass("Passphrase: ")
    if twice and typed != getpass.getpass("Once more: "):
        raise CommandFailed("the two passphrases differ; nothing was created")
    return typed
