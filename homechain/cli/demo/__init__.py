"""`homechain demo`: a whole home on this machine, from real processes.

Three hubs and six devices, each a process of its own; the hubs find one another by mDNS on
loopback, pair by code, and agree over mutual TLS; the devices register over HTTP, and their digits
are compared. On top of it the dashboard, or, with `--headless`, a script that tries the promises.
"""

import argparse
import asyncio
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from homechain.cli import DONE, FAILED, INTERRUPTED, CommandFailed
from homechain.cli.output import emit, say, warn

if TYPE_CHECKING:  # pulls in the whole hub; only a demo that runs needs it
    from homechain.cli.demo.household import Household

STOP_S = 20
"""Seconds that stopping everything may take after SIGTERM or SIGHUP."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `homechain demo`."""
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="keep everything here (default: a temporary place)"
    )
    parser.add_argument("--headless", action="store_true", help="no dashboard: try the promises")
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        metavar="N",
        help="how long the script runs, about (default: %(default)g)",
    )
    parser.add_argument(
        "--json", action="store_true", help="with --headless: print one JSON object"
    )
    parser.add_argument("--hubs", type=int, default=3, choices=range(1, 8), help="default: 3")
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Builds the home and shows it."""
    from homechain.cli.demo.household import DemoFailed

    with ExitStack() as stack:
        if arguments.dir is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="homechain-demo-")))
        else:
            place = arguments.dir.absolute()
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return asyncio.run(_run(arguments, place))
        except DemoFailed as error:
            raise CommandFailed(f"the demo came to an end: {error}") from error


async def _run(arguments: argparse.Namespace, place: Path) -> int:
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        # A terminal that is gone can hold the dashboard up for ever; the default of SIGALRM ends
        # this process then, and the kernel tells its children.
        signal.alarm(STOP_S)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        return await _live(arguments, place)
    except asyncio.CancelledError:
        return INTERRUPTED


async def _live(arguments: argparse.Namespace, place: Path) -> int:
    from homechain.cli.demo.household import Household
    from homechain.cli.demo.script import try_promises

    say_step = warn if arguments.json else say
    async with Household(place, hubs=arguments.hubs, on_step=say_step) as household:
        await household.build()
        if not arguments.headless:
            await _show(household)
            return DONE
        report = await try_promises(household, seconds=arguments.seconds, on_step=say_step)
    if arguments.json:
        emit(report.facts())
    else:
        for name, value in report.facts().items():
            say(f"{name:20} {value}")
    for complaint in report.complaints():
        warn(f"homechain demo: {complaint}")
    return FAILED if report.complaints() else DONE


async def _show(household: "Household") -> None:
    from homechain_tui import run_dashboard

    async with household.owner() as client:
        await run_dashboard(client)
    say("The dashboard is closed; hubs and devices are being stopped.")
