"""How a hub begins: it founds a home, or joins one by code."""

import argparse
import asyncio
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from homechain.cli import DONE, CommandFailed
from homechain.cli.hub.place import next_steps, settings_of
from homechain.cli.output import emit, say
from homechain.cli.profile import HomeFile, Profile, profile_of, read_passphrase
from homechain.cli.program import program, program_with_sudo
from homechain.settings import Settings

if TYPE_CHECKING:  # the hub pulls in every floor; a command that needs it imports it itself
    from homechain.crypto.keys import PrivateKey
    from homechain.mesh.addresses import Address


def init(arguments: argparse.Namespace) -> int:
    """Founds a home with this hub as its first."""
    from homechain.hub.directory import HubDirectory
    from homechain.hub.founding import (
        AlreadyHome,
        describe_hub,
        install_genesis,
        machine_addresses,
        sign_genesis,
    )
    from homechain.keyfiles import KeyFileError
    from homechain.ledger.errors import Inadmissible
    from homechain.model.ids import digest_text

    settings = settings_of(arguments)
    directory = HubDirectory(arguments.state_dir)
    profile = profile_of(arguments)
    if profile.has_home():
        raise CommandFailed(
            f"{profile.path} belongs to {profile.home().name} already; for another home give "
            "--profile DIR"
        )
    try:
        key = directory.key() if directory.has_key() else directory.create_key()
    except (KeyFileError, OSError) as error:
        raise _no_place(directory.path, error) from error
    # Last, and kept if something after it fails: the next try goes on with the same person.
    owner = _owner(profile, arguments)
    try:
        hub = describe_hub(
            key,
            name=settings.name or socket.gethostname(),
            settings=settings,
            hosts=settings.mesh.advertise or machine_addresses(),
        )
        genesis = sign_genesis(
            owner,
            name=arguments.home_name,
            owner_name=arguments.owner_name,
            time_zone=arguments.time_zone,
            hubs=[hub],
            now_s=int(time.time()),
            nonce=secrets.token_bytes(32),
        )
        asyncio.run(install_genesis(directory, genesis))
    except (AlreadyHome, KeyFileError, Inadmissible, OSError) as error:
        raise CommandFailed(f"{error}; nothing was founded") from error
    home = HomeFile(home=digest_text(genesis.id), name=arguments.home_name, hubs=[hub])
    profile.write_home(home)
    if arguments.json:
        emit({"home": home.home, "hub": hub.hub, "owner": owner.public.did})
        return DONE
    say(f"{arguments.home_name} is founded. Its id is {home.home}.")
    say(f"Your key is in {profile.path}: keep a copy, nobody can make it again.")
    service, foreground = next_steps(arguments)
    say(f"Next:  {service}")
    say(f"  or, to try it in this terminal:  {foreground}")
    say(f"Then:  {program()} tui")
    return DONE


def _owner(profile: Profile, arguments: argparse.Namespace) -> "PrivateKey":
    if profile.has_key():
        return profile.key(arguments)
    passphrase = None if arguments.unlocked else read_passphrase(arguments, twice=True)
    return profile.create_key(passphrase=passphrase)


def _no_place(path: Path, error: Exception) -> CommandFailed:
    if isinstance(error, PermissionError):
        return CommandFailed(
            f"{path} is not yours to write: begin with `{program_with_sudo()} hub …`, or keep the "
            "hub in a directory of your own with --state-dir DIR. Nothing was done"
        )
    return CommandFailed(f"{error}; nothing was done")


def join(arguments: argparse.Namespace) -> int:
    """Brings this hub into a home."""
    from homechain.hub.directory import HubDirectory
    from homechain.hub.founding import (
        AlreadyHome,
        FoundingFailed,
        describe_hub,
        join_home,
        machine_addresses,
    )
    from homechain.keyfiles import KeyFileError
    from homechain.mesh.addresses import parse_address
    from homechain.mesh.errors import MeshError
    from homechain.model.ids import digest_text

    settings = settings_of(arguments)
    directory = HubDirectory(arguments.state_dir)
    try:
        key = directory.key() if directory.has_key() else directory.create_key()
    except (KeyFileError, OSError) as error:
        raise _no_place(directory.path, error) from error
    try:
        addresses = (
            [parse_address(arguments.address)]
            if arguments.address
            else asyncio.run(_waiting_hubs(arguments.wait, settings))
        )
        code = arguments.code or _asked_code()
        description = describe_hub(
            key,
            name=settings.name or socket.gethostname(),
            settings=settings,
            hosts=settings.mesh.advertise or machine_addresses(),
        )
        genesis = asyncio.run(join_home(directory, addresses, code=code, description=description))
    except (AlreadyHome, FoundingFailed, KeyFileError, MeshError, OSError, ValueError) as error:
        raise CommandFailed(f"{error}; this hub joined nothing") from error
    if arguments.json:
        emit({"home": digest_text(genesis.id), "hub": description.hub})
        return DONE
    say("The home knows this hub now. Two things are left:")
    service, foreground = next_steps(arguments)
    say(f"  here:      {service}")
    say(f"             or, to try it in this terminal: {foreground}")
    say(f"  an owner:  approves it in the dashboard, or: homechain hub approve {description.hub}")
    return DONE


def _asked_code() -> str:
    if not sys.stdin.isatty():
        raise CommandFailed("there is no terminal to ask for the code: give --code CODE")
    try:
        return input("Code shown by the other hub: ").strip()
    except EOFError as error:
        raise CommandFailed("no code was given; this hub joined nothing") from error


async def _waiting_hubs(wait_s: float, settings: Settings) -> "list[Address]":
    from homechain.mesh.discovery import find_hubs

    found = await find_hubs(timeout_s=wait_s, interfaces=settings.mesh.interfaces or None)
    addresses = [address for hub in found for address in hub.pairing]
    if not addresses:
        raise CommandFailed(
            "no hub in this network waits for a new one. On a hub of the home: "
            "`homechain hub pair`; or give --address HOST:PORT"
        )
    return addresses
