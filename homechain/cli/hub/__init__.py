"""`homechain hub …`: found a home, run this hub, let one join, see how it is."""

import argparse
from pathlib import Path

from homechain.cli.hub.beginning import init, join
from homechain.cli.hub.membership import approve, pair, remove, requests, status
from homechain.cli.hub.place import add_place
from homechain.cli.hub.process import run
from homechain.cli.output import add_json
from homechain.cli.profile import add_profile


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of `homechain hub`."""
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")

    found = commands.add_parser("init", help="found a home on this hub, and become its owner")
    add_place(found)
    found.add_argument("--home-name", required=True, help="what the home is called")
    found.add_argument("--owner-name", required=True, help="your name")
    found.add_argument(
        "--time-zone",
        type=_time_zone,
        default=_machine_zone(),
        metavar="ZONE",
        help="default: this machine's, %(default)s",
    )
    add_profile(found)
    found.add_argument("--unlocked", action="store_true", help="no passphrase (for trying out)")
    add_json(found)
    found.set_defaults(handler=init)

    run_ = commands.add_parser("run", help="run this hub until it is told to stop")
    add_place(run_)
    run_.add_argument("--verbose", action="store_true", help="log every step")
    run_.set_defaults(handler=run)

    join_ = commands.add_parser("join", help="bring this hub into a home by its code")
    add_place(join_)
    join_.add_argument("--code", help="the code that `homechain hub pair` shows; asked if left out")
    join_.add_argument("--address", metavar="HOST:PORT", help="skip mDNS and ask there")
    join_.add_argument(
        "--wait",
        type=float,
        default=5.0,
        metavar="S",
        help="how long to look (default: %(default)g s)",
    )
    add_json(join_)
    join_.set_defaults(handler=join)

    for name, what, handler in (
        ("status", "the hubs, the leader, who lags", status),
        ("pair", "open the window in which another hub may join, and show its code", pair),
        ("requests", "hubs and devices that wait for approval", requests),
    ):
        command = commands.add_parser(name, help=what)
        add_profile(command)
        add_json(command)
        command.set_defaults(handler=handler)

    for name, what, handler in (
        ("approve", "take in a hub that was paired (owners)", approve),
        ("remove", "remove a hub from the home for good (owners)", remove),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("hub", metavar="HUB", help="its name or did:key")
        add_profile(command)
        add_json(command)
        command.set_defaults(handler=handler)


def _machine_zone() -> str:
    """This machine's time zone (localtime(5)); Debian has its name in /etc/timezone as well."""
    place = str(Path("/etc/localtime").resolve())
    _, found, name = place.partition("/zoneinfo/")
    return name if found else "UTC"


def _time_zone(text: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text).key
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError, below
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone") from error
    except KeyError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time zone that this machine knows: write Europe/Berlin"
        ) from error
