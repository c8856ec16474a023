"""`homechain bench`: what three real hubs on this machine do, and what it costs.

Hubs are processes of their own with their ledgers on this disk, linked by mutual TLS; the load
comes over their HTTP interface, signed, and counts when it is final. Figures of different machines,
or of one machine at different times, compare best as ratios to `verify`.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homechain.cli import DONE, INTERRUPTED, CommandFailed
from homechain.cli.output import add_json, emit, say, table, warn

if TYPE_CHECKING:  # pulls in the whole hub; only a bench that runs needs it
    from homechain.cli.bench.figures import Figure
    from homechain.cli.bench.home import BenchHome, Plan

BARE: Final = ("verify", "fsync")
LOADS: Final = (
    "records_1_device",
    "records_16_devices",
    "records_64_devices",
    "readings_50_a_record",
    "records_100_a_post",
)
AT_HOME: Final = ("idle", "commands", *LOADS, "failover")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `homechain bench`."""
    parser.add_argument("--runs", type=_positive_int, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--seconds", type=_positive, default=3.0, metavar="N", help="of load in a run; default: 3"
    )
    parser.add_argument(
        "--idle-seconds", type=_positive, default=10.0, metavar="N", help="default: 10"
    )
    parser.add_argument(
        "--commands", type=_positive_int, default=100, metavar="N", help="in a run; default: 100"
    )
    parser.add_argument(
        "--only",
        type=_figure_names,
        default=(*BARE, *AT_HOME),
        metavar="FIGURE,…",
        help=f"some of: {', '.join((*BARE, *AT_HOME))}",
    )
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="where the hubs' disks are (default: temporary)"
    )
    add_json(parser)
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures; prints each figure as JSON once it is known, or a table at the end."""
    from homechain.api.client.errors import ClientError
    from homechain.cli.bench.home import BenchFailed
    from homechain.cli.demo.household import DemoFailed

    with ExitStack() as stack:
        parent = arguments.dir.absolute() if arguments.dir is not None else None
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="homechain-bench-", dir=parent)
        )
        try:
            asyncio.run(_run(arguments, Path(place)))
        except asyncio.CancelledError:  # asked to end: the hubs were stopped in order
            return INTERRUPTED
        except (BenchFailed, DemoFailed, ClientError, TimeoutError) as error:
            reason = str(error) or "a hub took too long"
            raise CommandFailed(f"the bench came to an end: {reason}") from error
    return DONE


async def _run(arguments: argparse.Namespace, place: Path) -> None:
    from homechain.cli.bench.figures import rows
    from homechain.cli.bench.home import Plan
    from homechain.cli.bench.machine import describe_machine

    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    plan = Plan(
        runs=arguments.runs,
        seconds=arguments.seconds,
        idle_seconds=arguments.idle_seconds,
        commands=arguments.commands,
        words=arguments_given(),
    )
    tell = warn if arguments.json else say
    for sentence in describe_machine(place):
        tell(sentence)
    measured: list[Figure] = []
    async for figure in _measure(plan, place, wanted=arguments.only):
        measured.append(figure)
        if arguments.json:
            emit(figure.facts())
    tell(f"load average after: {os.getloadavg()[0]:.2f}")
    if not arguments.json:
        table(("figure", "median", "unit", "min", "max", "runs"), rows(measured))


async def _measure(
    plan: "Plan", place: Path, *, wanted: tuple[str, ...]
) -> "AsyncIterator[Figure]":
    from homechain.cli.bench.bare import measure_syncs, measure_verifications

    measured: list[Figure] = []
    if "verify" in wanted:
        measured += measure_verifications(plan)
    if "fsync" in wanted:
        measured += measure_syncs(plan, place, name="fsync")
    for figure in measured:
        yield figure
    if set(wanted) & set(AT_HOME):
        async for figure in _measure_at_home(plan, place, wanted=wanted):
            measured.append(figure)
            yield figure
        if "fsync" in wanted:  # others may have come to use the disk meanwhile
            for figure in measure_syncs(plan, place, name="fsync_afterwards"):
                yield figure
    for figure in ratios(measured):
        yield figure


async def _measure_at_home(
    plan: "Plan", place: Path, *, wanted: tuple[str, ...]
) -> "AsyncIterator[Figure]":
    from homechain.cli.bench.home import HUBS, LOCK, BenchHome
    from homechain.cli.demo.household import Household

    async with Household(
        place, hubs=HUBS, on_step=warn, devices=[LOCK], devices_search=False
    ) as household:
        await household.build()
        async with household.owner() as anna:
            home = BenchHome(household, anna, home=(await anna.well_known()).home)
            for name in AT_HOME:
                if name in wanted:
                    for figure in await _figures_of(name, home, plan):
                        yield figure


async def _figures_of(name: str, home: "BenchHome", plan: "Plan") -> "list[Figure]":
    from homechain.cli.bench.commands import measure_commands
    from homechain.cli.bench.failover import measure_failover
    from homechain.cli.bench.load import LOADS as LOADS_BY_NAME
    from homechain.cli.bench.load import measure_load
    from homechain.cli.bench.rest import measure_memory_after_load, measure_rest

    match name:
        case "idle":
            return await measure_rest(home, plan)
        case "commands":
            return await measure_commands(home, plan)
        case "failover":
            return await measure_failover(home, plan)
    load = next(load for load in LOADS_BY_NAME if load.name == name)
    figures = await measure_load(home, plan, load)
    if name == LOADS[-1]:
        figures += measure_memory_after_load(home, plan)
    return figures


def ratios(measured: "list[Figure]") -> "list[Figure]":
    """What compares between machines: a record's work in bare verifications."""
    from homechain.cli.bench.figures import Figure, ratio

    known = {figure.name: figure for figure in measured}
    found: list[Figure | None] = []
    for load in LOADS:
        rate = f"{load}_records" if f"{load}_records" in known else load
        found.append(
            ratio(measured, name=f"{load}_to_verify", of=rate, to="verify", unit="x verify")
        )
        if f"{load}_hub_cpu" in known and "verify" in known:
            cpu = known[f"{load}_hub_cpu"]
            worth = tuple(value * known["verify"].median / 1e6 for value in cpu.values)
            found.append(
                Figure(
                    name=f"{load}_hub_cpu_worth",
                    unit="verifications/record",
                    values=worth,
                    command=cpu.command,
                )
            )
    return [figure for figure in found if figure is not None]


def arguments_given() -> list[str]:
    """The words after `homechain bench`, as this process was started."""
    words = sys.argv[1:]
    return words[words.index("bench") + 1 :] if "bench" in words else []


def _figure_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in BARE and name not in AT_HOME:
            raise argparse.ArgumentTypeError(
                f"there is no figure {name!r}: {', '.join((*BARE, *AT_HOME))}"
            )
    return names


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("more than 0")
    return value


def _positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return value
