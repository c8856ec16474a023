"""`homechain person …`: keys of people, and who belongs to the home."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from homechain.cli import DONE, CommandFailed
from homechain.cli.asking import ask, report
from homechain.cli.output import add_json, emit, say, table
from homechain.cli.profile import (
    HomeFile,
    add_profile,
    home_file_bytes,
    profile_of,
    read_home_file,
    read_passphrase,
)
from homechain.model.records import Role

if TYPE_CHECKING:
    from homechain.api.schema.home import PersonView


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of `homechain person`."""
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")

    create_ = commands.add_parser("create", help="make a key of your own on this machine")
    create_.add_argument("--home-file", type=Path, metavar="FILE", help="what an owner exported")
    create_.add_argument("--unlocked", action="store_true", help="no passphrase (for trying out)")
    create_.set_defaults(handler=create)

    show = commands.add_parser("show", help="show your did:key, for an owner to add")
    show.set_defaults(handler=show_)

    home = commands.add_parser("home", help="export or import where the home is")
    way = home.add_mutually_exclusive_group(required=True)
    way.add_argument("--export", type=Path, metavar="FILE")
    way.add_argument("--import", dest="import_", type=Path, metavar="FILE")
    home.set_defaults(handler=home_)

    list_ = commands.add_parser("list", help="who belongs to the home")
    list_.set_defaults(handler=list_persons)

    add = commands.add_parser("add", help="take a person in, or change name or role (owners)")
    add.add_argument("did", help="their did:key, from `homechain person show`")
    add.add_argument("--name", required=True)
    add.add_argument("--role", choices=[role.value for role in Role], default=Role.GUEST.value)
    add.set_defaults(handler=add_person)

    remove = commands.add_parser("remove", help="remove a person and void their grants (owners)")
    remove.add_argument("person", help="their name or did:key")
    remove.set_defaults(handler=remove_person)

    for command in (create_, show, home, list_, add, remove):
        add_profile(command)
        add_json(command)


def create(arguments: argparse.Namespace) -> int:
    """Makes a key."""
    profile = profile_of(arguments)
    home = _given_home(arguments.home_file) if arguments.home_file else None
    if profile.has_key():
        raise CommandFailed(
            f"{profile.path} holds a key already: `homechain person show`. A key is never "
            "overwritten; another person needs another --profile DIR"
        )
    passphrase = None if arguments.unlocked else read_passphrase(arguments, twice=True)
    key = profile.create_key(passphrase=passphrase)
    if home is not None:
        profile.write_home(home)
    if arguments.json:
        emit({"did": key.public.did, "profile": str(profile.path)})
        return DONE
    say(f"Your name for machines is {key.public.did}")
    say("Give it to an owner: homechain person add DID --name YOU --role resident|guest")
    return DONE


def show_(arguments: argparse.Namespace) -> int:
    """Shows the profile's did."""
    profile = profile_of(arguments)
    did = profile.did()
    if arguments.json:
        emit({"did": did, "profile": str(profile.path)})
    else:
        say(did)
    return DONE


def home_(arguments: argparse.Namespace) -> int:
    """Hands the home's addresses and keys on, or takes them in."""
    profile = profile_of(arguments)
    if arguments.import_ is not None:
        home = _given_home(arguments.import_)
        profile.write_home(home)
        sentence = f"This profile belongs to {home.name} now."
    else:
        home = profile.home()
        try:
            arguments.export.write_bytes(home_file_bytes(home))
        except OSError as error:
            raise CommandFailed(f"{arguments.export} cannot be written: {error}") from error
        sentence = f"{arguments.export} says where {home.name} is. There is no secret in it."
    if arguments.json:
        emit(home)
    else:
        say(sentence)
    return DONE


def _given_home(file: Path) -> HomeFile:
    try:
        return read_home_file(file)
    except FileNotFoundError as error:
        raise CommandFailed(
            f"there is no file {file}: an owner makes it with `homechain person home --export FILE`"
        ) from error


def list_persons(arguments: argparse.Namespace) -> int:
    """Lists everybody."""
    persons = ask(arguments, lambda client: client.persons())
    if arguments.json:
        emit({"persons": persons})
        return DONE
    table(
        ("name", "role", "did"),
        ((p.name, "removed" if p.removed else p.role.value, p.did) for p in persons),
    )
    return DONE


def add_person(arguments: argparse.Namespace) -> int:
    """Takes a person in."""
    receipt = ask(
        arguments,
        lambda client: client.put_person(
            arguments.did, name=arguments.name, role=Role(arguments.role)
        ),
    )
    return report(arguments, receipt, f"{arguments.name} is {arguments.role} of the home")


def remove_person(arguments: argparse.Namespace) -> int:
    """Removes a person."""
    person = find_person(arguments, arguments.person)
    receipt = ask(
        arguments,
        lambda client: client.put_person(
            person.did, name=person.name, role=person.role, removed=True
        ),
    )
    return report(arguments, receipt, f"{person.name} is removed; their grants are void")


def find_person(arguments: argparse.Namespace, wanted: str) -> "PersonView":
    """The one person with this name or did. `CommandFailed` for none or several."""
    persons = [p for p in ask(arguments, lambda client: client.persons()) if not p.removed]
    chosen = [p for p in persons if wanted in (p.did, p.name)]
    if len(chosen) != 1:
        raise CommandFailed(f"{len(chosen)} persons are called {wanted!r}: `homechain person list`")
    return chosen[0]
