"""`homechain hub …`: found a home, run this hub, let one join, see how it is."""

import argparse
import asyncio
import logging
import secrets
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from homechain import service_notify
from homechain.cli import DONE, FAILED, CommandFailed
from homechain.cli.asking import ask, report
from homechain.cli.output import add_json, emit, say, table, warn
from homechain.cli.profile import HomeFile, add_profile, profile_of, read_passphrase
from homechain.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:  # the hub pulls in every floor; a command that needs it imports it itself
    from homechain.hub.running import Hub
    from homechain.mesh.addresses import Address

DEFAULT_STATE_DIR = Path("/var/lib/homechain")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of `homechain hub`."""
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")

    found = commands.add_parser("init", help="found a home on this hub, and become its owner")
    _add_place(found)
    found.add_argument("--home-name", required=True, help="what the home is called")
    found.add_argument("--owner-name", required=True, help="your name")
    found.add_argument("--time-zone", default=_time_zone(), help="default: %(default)s")
    add_profile(found)
    found.add_argument("--unlocked", action="store_true", help="no passphrase (for trying out)")
    add_json(found)
    found.set_defaults(handler=init)

    run_ = commands.add_parser("run", help="run this hub until it is told to stop")
    _add_place(run_)
    run_.add_argument("--verbose", action="store_true", help="log every step")
    run_.set_defaults(handler=run)

    join = commands.add_parser("join", help="bring this hub into a home, with the code shown there")
    _add_place(join)
    join.add_argument("--code", help="the code that `homechain hub pair` shows; asked if left out")
    join.add_argument("--address", metavar="HOST:PORT", help="skip mDNS and ask there")
    join.add_argument(
        "--wait", type=float, default=5.0, metavar="S", help="how long to look around"
    )
    add_json(join)
    join.set_defaults(handler=join_)

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


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=DEFAULT_STATE_DIR,
        metavar="DIR",
        help="this hub's key and ledger (default: %(default)s)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML)")


def _time_zone() -> str:
    try:
        return Path("/etc/timezone").read_text(encoding="ascii").strip() or "UTC"
    except OSError:
        return "UTC"


def _settings(arguments: argparse.Namespace) -> Settings:
    try:
        return read_settings(arguments.config)
    except SettingsError as error:
        raise CommandFailed(str(error)) from error


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

    settings = _settings(arguments)
    directory = HubDirectory(arguments.state_dir)
    profile = profile_of(arguments)
    passphrase = None if arguments.unlocked else read_passphrase(arguments, twice=True)
    try:
        key = directory.key() if directory.has_key() else directory.create_key()
        owner = profile.create_key(passphrase=passphrase)
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
    say("Next: `homechain hub run` here (or `homechain service install`), then `homechain tui`.")
    return DONE


def run(arguments: argparse.Namespace) -> int:
    """Runs this hub in the foreground."""
    from homechain.hub.directory import HubDirectory
    from homechain.hub.running import Hub, RemovedFromHome
    from homechain.keyfiles import KeyFileError
    from homechain.mesh.errors import MeshError
    from homechain.node.node import NotFounded
    from homechain.node.starting import DamagedLedger
    from homechain.storage.errors import DirectoryRefused, StorageFailed

    settings = _settings(arguments)
    _log_to_stderr(verbose=arguments.verbose)
    directory = HubDirectory(arguments.state_dir)
    if not directory.has_key():
        raise CommandFailed(
            f"{directory.path} holds no hub yet: `homechain hub init` founds a home, "
            "`homechain hub join` brings this hub into one"
        )
    try:
        asyncio.run(_run_until_stopped(Hub(directory, settings)))
    except (NotFounded, RemovedFromHome, KeyFileError, DirectoryRefused, MeshError) as error:
        raise CommandFailed(str(error)) from error
    except (DamagedLedger, StorageFailed) as error:
        raise CommandFailed(
            f"this hub stopped, because its disk cannot be trusted: {error}. The other hubs go on. "
            f"See `homechain ledger verify {directory.path}`"
        ) from error
    except ExceptionGroup as group:
        raise CommandFailed(_first_sentence(group)) from group
    except OSError as error:
        raise CommandFailed(str(error)) from error
    return DONE


def _first_sentence(group: BaseExceptionGroup[BaseException]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"this hub stopped: {type(error).__name__}: {error}"


async def _run_until_stopped(hub: "Hub") -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        service_notify.stopping()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    feeder: asyncio.Task[None] | None = None

    def ready(running: "Hub") -> None:
        nonlocal feeder
        service_notify.ready(status=running.status())
        logging.getLogger("homechain").info("ready: %s", running.status())
        feeder = loop.create_task(_feed_watchdog(running))

    try:
        await hub.run(on_ready=ready)
    except asyncio.CancelledError:
        if not stopped:
            raise
    finally:
        if feeder is not None:
            feeder.cancel()


async def _feed_watchdog(hub: "Hub") -> None:
    """Only while the hub really makes progress; systemd restarts one that stands still."""
    period_s = service_notify.watchdog_period_seconds() or 10.0
    while True:
        if hub.is_well():
            service_notify.feed_watchdog()
            service_notify.report_status(hub.status())
        await asyncio.sleep(period_s)


def _log_to_stderr(*, verbose: bool) -> None:
    """One event, one line, control characters escaped; journald reads the priority prefix."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalFormatter())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    logging.getLogger("zeroconf").setLevel(logging.WARNING)


class _JournalFormatter(logging.Formatter):
    """`<priority>name: message` (sd-daemon(3)), on one line."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        printable = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
        priority = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4}.get(record.levelno, 3)
        return f"<{priority}>{record.name}: {printable}"


def join_(arguments: argparse.Namespace) -> int:
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

    settings = _settings(arguments)
    directory = HubDirectory(arguments.state_dir)
    try:
        addresses = (
            [parse_address(arguments.address)]
            if arguments.address
            else asyncio.run(_waiting_hubs(arguments.wait, settings))
        )
        code = arguments.code or input("Code shown by the other hub: ")
        key = directory.key() if directory.has_key() else directory.create_key()
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
    say("  here:      homechain hub run   (or: homechain service install)")
    say(f"  an owner:  approves it in the dashboard, or: homechain hub approve {description.hub}")
    return DONE


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


def status(arguments: argparse.Namespace) -> int:
    """Shows the mesh as the hub that answers sees it."""
    mesh = ask(arguments, lambda client: client.mesh())
    if arguments.json:
        emit(mesh)
        return DONE
    say(f"{mesh.words}; epoch {mesh.epoch}, term {mesh.term}, final to #{mesh.height}")
    table(
        ("hub", "role", "link", "height", "lag", "rtt ms", "clock ms", "did"),
        (
            (
                hub.name,
                "leader" if hub.leader else "member" if hub.member else "waiting",
                "this hub" if hub.this_hub else "up" if hub.linked else "down",
                "-" if hub.height is None else hub.height,
                "-" if hub.lag is None else hub.lag,
                "-" if hub.rtt_ms is None else f"{hub.rtt_ms:.1f}",
                "-" if hub.clock_skew_ms is None else hub.clock_skew_ms,
                hub.did,
            )
            for hub in mesh.hubs
        ),
    )
    return DONE if mesh.fresh else FAILED


def pair(arguments: argparse.Namespace) -> int:
    """Opens the pairing window and shows its code."""
    window = ask(arguments, lambda client: client.open_pairing())
    if arguments.json:
        emit(window)
        return DONE
    say(f"Code: {window.code}")
    say("On the new hub, within ten minutes: homechain hub join")
    return DONE


def requests(arguments: argparse.Namespace) -> int:
    """Lists who waits."""
    waiting = ask(arguments, lambda client: client.requests())
    if arguments.json:
        emit(waiting)
        return DONE
    table(
        ("what", "name", "digits", "did"),
        [
            *(("hub", hub.name, "", hub.did) for hub in waiting.hubs),
            *((d.kind.value, d.title, d.digits or "…", d.did) for d in waiting.devices),
        ],
    )
    return DONE


def approve(arguments: argparse.Namespace) -> int:
    """Takes a paired hub in: one owner's signature, one change of membership."""
    waiting = ask(arguments, lambda client: client.requests())
    chosen = [hub for hub in waiting.hubs if arguments.hub in (hub.did, hub.name)]
    if len(chosen) != 1:
        raise CommandFailed(
            f"{len(chosen)} waiting hubs are called {arguments.hub!r}: see `homechain hub requests`"
        )
    receipt = ask(arguments, lambda client: client.put_hub(chosen[0].description))
    profile = profile_of(arguments)
    home = profile.home()
    profile.write_home(
        HomeFile(home=home.home, name=home.name, hubs=[*home.hubs, chosen[0].description])
    )
    return report(arguments, receipt, f"{chosen[0].name} belongs to the home")


def remove(arguments: argparse.Namespace) -> int:
    """Removes a hub from the home."""
    profile = profile_of(arguments)
    home = profile.home()
    chosen = [hub for hub in home.hubs if arguments.hub in (hub.hub, hub.name)]
    if len(chosen) != 1:
        raise CommandFailed(f"{len(chosen)} hubs are called {arguments.hub!r}")
    receipt = ask(arguments, lambda client: client.put_hub(chosen[0], removed=True))
    profile.write_home(
        HomeFile(
            home=home.home,
            name=home.name,
            hubs=[hub for hub in home.hubs if hub.hub != chosen[0].hub],
        )
    )
    warn("Wipe the removed hub's disk: it still holds what the home recorded until now.")
    return report(arguments, receipt, f"{chosen[0].name} is removed")
