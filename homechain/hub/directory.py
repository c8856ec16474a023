"""What a hub keeps on its disk, and where: one directory, readable by nobody else.

hub.key          this hub's private key, unless systemd hands it over as a credential
ledger.sqlite    the ledger, the safety record, what waits
media/           camera stills
introduced.json  hubs that vouched for this one when it joined, until the ledger names them
removed          there if an owner removed this hub and its key could not be erased from here
"""

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from homechain.crypto.keys import PrivateKey
from homechain.keyfiles import KeyFileError, create_key_file, generate_seed, load_key_file
from homechain.model.records import HubDescription

CREDENTIAL_NAME: Final = "homechain-hub-key"
"""As the unit's LoadCredential= names it: systemd.exec(5), CREDENTIALS."""


class Introduction(Struct, frozen=True, kw_only=True):
    """What the home hands to a hub that joins."""

    genesis: str
    """The genesis record: a compact JWS."""
    hubs: list[HubDescription]


class HubWasRemoved(KeyFileError):
    """An owner removed this hub: its key may still be there, and must not be used."""


class HubDirectory:
    """The files of one hub."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def key_path(self) -> Path:
        """The private key."""
        return self.path / "hub.key"

    @property
    def media_path(self) -> Path:
        """Camera stills."""
        return self.path / "media"

    @property
    def introduction_path(self) -> Path:
        """Who vouched for this hub."""
        return self.path / "introduced.json"

    @property
    def _removed_path(self) -> Path:
        return self.path / "removed"

    def prepare(self) -> None:
        """Makes the directory, for this user alone, if it is not there."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def has_key(self) -> bool:
        """Whether this hub has a key already."""
        return _credential() is not None or self.key_path.exists()

    def key(self) -> PrivateKey:
        """This hub's key: systemd's credential if there is one, else the file in this directory.

        `KeyFileError` says what is wrong with the file, and how to mend it; `HubWasRemoved` if it
        must not be used any more.
        """
        if self._removed_path.exists():
            raise HubWasRemoved(
                f"an owner removed this hub: delete its key (/etc/credstore/{CREDENTIAL_NAME}); "
                "with a new key and an empty directory it can join again"
            )
        return load_key_file(_credential() or self.key_path, passphrase=None)

    def create_key(self) -> PrivateKey:
        """A new key, on disk before it is used."""
        self.prepare()
        create_key_file(self.key_path, generate_seed(), passphrase=None)
        return self.key()

    def erase_key(self) -> None:
        """A hub that was removed from the home can never sign or return (R11)."""
        self.key_path.unlink(missing_ok=True)
        if _credential() is not None:  # what systemd handed over cannot be erased from here
            self._removed_path.touch(mode=0o600)

    def write_introduction(self, introduction: Introduction) -> None:
        """Keeps what the home handed over."""
        temporary = self.introduction_path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode(introduction))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.introduction_path)

    def read_introduction(self) -> Introduction | None:
        """What the home handed over, if this hub joined one."""
        try:
            data = self.introduction_path.read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(data, type=Introduction)


def _credential() -> Path | None:
    """The key that systemd handed over, if it did."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(directory, CREDENTIAL_NAME) if directory else None
    return path if path is not None and path.exists() else None
