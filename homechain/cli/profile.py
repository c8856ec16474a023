"""A person's own side of the home: the key, and how to reach and recognise the hubs.

    home.json    the home's id and its hubs with their certificates: no secret
    person.key   the private key, locked by a passphrase

It stays with the person: beside the dashboard, never on a hub. Under sudo it is the profile of who
called sudo, and is read and written as that user: root would leave files that they cannot open, and
could be led astray by links in a directory that is theirs.
"""

import argparse
import getpass
import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from homechain.cli import CommandFailed
from homechain.model.records import HubDescription

if TYPE_CHECKING:  # what opens keys takes long to load; `--help` shall not wait for it
    from homechain.api.client.endpoints import HubEndpoint
    from homechain.crypto.keys import PrivateKey

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
            with as_caller():
                return read_home_file(self.home_path)
        except FileNotFoundError as error:
            raise CommandFailed(
                f"{self.path} knows no home yet. Found one (`homechain hub init`), or import the "
                "file that an owner exported (`homechain person home --import FILE`)"
            ) from error

    def write_home(self, home: HomeFile) -> None:
        """Keeps the home."""
        temporary = self.home_path.with_suffix(".new")
        try:
            with as_caller():
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
                temporary.write_bytes(home_file_bytes(home))
                temporary.rename(self.home_path)
        except OSError as error:
            raise CommandFailed(f"the profile cannot be written: {error}") from error

    def has_home(self) -> bool:
        """Whether this profile belongs to a home."""
        with as_caller():
            return self.home_path.exists()

    def has_key(self) -> bool:
        """Whether there is a key."""
        with as_caller():
            return self.key_path.exists()

    def create_key(self, *, passphrase: str | None) -> "PrivateKey":
        """A new key, locked unless `passphrase` is None. `CommandFailed` if there is one."""
        from homechain.crypto.errors import CryptoError
        from homechain.keyfiles import KeyFileError, create_key_file, generate_seed

        try:
            with as_caller():
                return create_key_file(self.key_path, generate_seed(), passphrase=passphrase)
        except (KeyFileError, CryptoError, OSError) as error:
            raise CommandFailed(f"no key was made: {error}") from error

    def key(self, arguments: argparse.Namespace) -> "PrivateKey":
        """The person's key, unlocked. Asks for the passphrase where there is a terminal."""
        from homechain.crypto.errors import WrongPassphrase
        from homechain.keyfiles import KeyFileError, is_locked, load_key_file

        try:
            with as_caller():
                locked = is_locked(self.key_path)
            passphrase = read_passphrase(arguments) if locked else None
            with as_caller():
                return load_key_file(self.key_path, passphrase=passphrase)
        except FileNotFoundError as error:
            raise CommandFailed(
                f"{self.path} holds no key yet: `homechain person create`"
            ) from error
        except (KeyFileError, WrongPassphrase, OSError) as error:
            raise CommandFailed(str(error)) from error

    def did(self) -> str:
        """The person's `did:key`, without unlocking it. `CommandFailed` where there is no key."""
        from homechain.keyfiles import KeyFileError, key_file_did

        try:
            with as_caller():
                return key_file_did(self.key_path)
        except FileNotFoundError as error:
            raise CommandFailed(
                f"{self.path} holds no key yet: `homechain person create`"
            ) from error
        except (KeyFileError, OSError) as error:
            raise CommandFailed(str(error)) from error

    def endpoints(self) -> "list[HubEndpoint]":
        """How to reach the home's hubs, each pinned to its key."""
        from homechain.api.client.endpoints import endpoints_of

        endpoints = endpoints_of(self.home().hubs)
        if not endpoints:
            raise CommandFailed(f"{self.home_path} gives no hub's address: import the home again")
        return endpoints


def home_file_bytes(home: HomeFile) -> bytes:
    """What stands in `home.json`."""
    return msgspec.json.format(msgspec.json.encode(home), indent=2) + b"\n"


@contextmanager
def as_caller() -> Iterator[None]:
    """Under sudo, the block runs with the rights of who called it; else nothing changes."""
    caller = sudo_caller(os.environ) if os.geteuid() == 0 else None
    if caller is None:
        yield
        return
    group = os.getegid()
    os.setegid(caller.pw_gid)
    os.seteuid(caller.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def sudo_caller(environment: Mapping[str, str]) -> pwd.struct_passwd | None:
    """The user who called sudo; None if nobody did, or root did."""
    uid = environment.get("SUDO_UID", "")
    if not uid.isdecimal() or int(uid) == 0:
        return None
    try:
        return pwd.getpwuid(int(uid))
    except KeyError:
        return None


def default_profile() -> Path:
    """`~/.config/homechain` of the person who asks (XDG Base Directory Specification).

    `CommandFailed` for a user without a home directory, as a service's may be.
    """
    caller = sudo_caller(os.environ) if os.geteuid() == 0 else None
    if caller is not None:
        return Path(caller.pw_dir, ".config", "homechain")
    config = os.environ.get("XDG_CONFIG_HOME")
    try:
        return Path(config) / "homechain" if config else Path.home() / ".config" / "homechain"
    except RuntimeError as error:
        raise CommandFailed("you have no home directory: give --profile DIR") from error


def read_home_file(path: Path) -> HomeFile:
    """The home that `path` describes. `FileNotFoundError`, or `CommandFailed` if it is no home."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=HomeFile)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} is not a homechain home file: {error}") from error


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Adds `--profile` and `--passphrase-file`."""
    # The default is looked up when it is needed: `hub run` as a service needs none, and has none.
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="DIR",
        help="your key and your home (default: ~/.config/homechain)",
    )
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help=f"read the passphrase from FILE (or ${PASSPHRASE_FILE_VARIABLE}) instead of asking",
    )


def profile_of(arguments: argparse.Namespace) -> Profile:
    """The profile that `--profile` names."""
    path: Path | None = arguments.profile
    return Profile(default_profile() if path is None else path.expanduser())


def read_passphrase(arguments: argparse.Namespace, *, twice: bool = False) -> str:
    """The passphrase: from a file, or typed. Never from the command line, where others see it."""
    file = arguments.passphrase_file or os.environ.get(PASSPHRASE_FILE_VARIABLE)
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise CommandFailed(f"the passphrase file cannot be read: {error}") from error
    if not sys.stdin.isatty():
        raise CommandFailed(
            "there is no terminal to ask for the passphrase: give --passphrase-file FILE"
        )
    try:
        typed = getpass.getpass("New passphrase: " if twice else "Passphrase: ")
        if twice and typed != getpass.getpass("Once more: "):
            raise CommandFailed("the two passphrases differ; nothing was created")
    except EOFError as error:
        raise CommandFailed("no passphrase was given") from error
    return typed
