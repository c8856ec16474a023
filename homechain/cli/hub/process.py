"""`homechain hub run`: the hub as a process, with its log, its signals and its watchdog."""

import argparse
import asyncio
import logging
import resource
import signal
import sys
from typing import TYPE_CHECKING, Final

from homechain import service_notify
from homechain.cli import DAMAGED, DONE, FAILED, HOMELESS, CommandFailed
from homechain.cli.hub.place import settings_of

if TYPE_CHECKING:  # the hub pulls in every floor; a command that needs it imports it itself
    from homechain.hub.running import Hub

DESCRIPTORS: Final = 4_096
"""Most files and connections of one hub, as its systemd unit says; shells begin with a thousand."""


def run(arguments: argparse.Namespace) -> int:
    """Runs this hub in the foreground."""
    from homechain.hub.directory import HubDirectory, HubWasRemoved
    from homechain.hub.running import Hub, RemovedFromHome
    from homechain.keyfiles import KeyFileError
    from homechain.mesh.errors import MeshError
    from homechain.node.node import NotFounded
    from homechain.node.starting import DamagedLedger
    from homechain.storage.errors import DirectoryRefused, DiskFull, StorageFailed

    settings = settings_of(arguments)
    _limit_resources()
    _log_to_stderr(verbose=arguments.verbose)
    directory = HubDirectory(arguments.state_dir)
    if not directory.has_key():
        raise CommandFailed(
            f"{directory.path} holds no hub yet: `homechain hub init` founds a home, "
            "`homechain hub join` brings this hub into one",
            code=HOMELESS,
        )
    try:
        asyncio.run(_run_until_stopped(Hub(directory, settings)))
    except (NotFounded, RemovedFromHome, HubWasRemoved) as error:
        raise CommandFailed(str(error), code=HOMELESS) from error
    except (KeyFileError, DirectoryRefused, MeshError) as error:
        raise CommandFailed(str(error)) from error
    except DiskFull as error:  # room can come back: trying again is right
        raise CommandFailed(str(error)) from error
    except (DamagedLedger, StorageFailed) as error:
        raise CommandFailed(
            f"this hub stopped, because its disk cannot be trusted: {error}. The other hubs go on. "
            f"See `homechain ledger verify {directory.path}`",
            code=DAMAGED,
        ) from error
    except ExceptionGroup as group:
        # A disk that fails while the hub runs ends its task group.
        damaged = group.subgroup((DamagedLedger, StorageFailed)) is not None
        full = group.subgroup(DiskFull) is not None
        raise CommandFailed(
            _first_sentence(group), code=DAMAGED if damaged and not full else FAILED
        ) from group
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


def _limit_resources() -> None:
    """Room for every connection that the doors let in, and no secret in a core dump."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _log_to_stderr(*, verbose: bool) -> None:
    """One event, one line, control characters escaped; journald reads the priority prefix."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalFormatter())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    # It warns, with a stack trace, of each interface without a route; discovery says what matters.
    logging.getLogger("zeroconf").setLevel(logging.ERROR)


class _JournalFormatter(logging.Formatter):
    """`<priority>name: message` (sd-daemon(3)), on one line."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        printable = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
        priority = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4}.get(record.levelno, 3)
        return f"<{priority}>{record.name}: {printable}"
