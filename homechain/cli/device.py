"""`homechain device …`: list, approve, retire, command and simulate devices."""

import argparse
import asyncio
import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from homechain.cli import DENIED, DONE, FAILED, USAGE, CommandFailed, identifier
from homechain.cli.asking import ask, report
from homechain.cli.moments import spoken
from homechain.cli.output import add_json, emit, say, table
from homechain.cli.profile import add_profile

if TYPE_CHECKING:  # brings in every floor of a client; `--help` shall not wait for it
    from homechain.api.client.hub import HubClient
    from homechain.api.schema.commands import CommandView
    from homechain.api.schema.devices import DeviceView

POLL_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of `homechain device`."""
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")

    list_ = commands.add_parser("list", help="the devices and what they last said")
    list_.set_defaults(handler=list_devices)

    requests = commands.add_parser("requests", help="devices that wait, with their digits")
    requests.set_defaults(handler=list_requests)

    approve_ = commands.add_parser("approve", help="take a device in whose digits you compared")
    approve_.add_argument("digits", help="the six digits that the device itself shows")
    approve_.add_argument("--name", required=True)
    approve_.add_argument("--area", required=True, help="for example Hall")
    approve_.set_defaults(handler=approve)

    retire_ = commands.add_parser("retire", help="end a device's service for good")
    retire_.add_argument("device", help="its name or did:key")
    retire_.set_defaults(handler=retire)

    command_ = commands.add_parser(
        "command",
        help="ask a device to act, and wait for its word",
        epilog="for example: homechain device command 'Living room' set_setpoint setpoint=21",
    )
    command_.add_argument("device", help="its name or did:key")
    command_.add_argument("action", help="for example unlock")
    command_.add_argument("arguments", nargs="*", metavar="NAME=VALUE", help="values are JSON")
    command_.add_argument(
        "--wait", type=float, default=15.0, metavar="S", help="how long (default: %(default)g s)"
    )
    command_.set_defaults(handler=command)

    history_ = commands.add_parser("history", help="what a device did, newest first")
    history_.add_argument("device", help="its name or did:key")
    history_.add_argument("--limit", type=int, default=20)
    history_.set_defaults(handler=history)

    for each in (list_, requests, approve_, retire_, command_, history_):
        add_profile(each)
        add_json(each)

    simulate_ = commands.add_parser("simulate", help="be a lock, camera or thermostat")
    simulate_.add_argument("kind", choices=("lock", "camera", "thermostat"))
    simulate_.add_argument("--name", help="what it calls itself")
    simulate_.add_argument("--state-dir", type=Path, required=True, metavar="DIR")
    simulate_.add_argument("--hub", action="append", default=[], metavar="HOST:PORT")
    simulate_.add_argument(
        "--interface", action="append", metavar="IP", help="look for hubs by mDNS here only"
    )
    simulate_.add_argument(
        "--home",
        type=identifier,
        default="",
        metavar="ID",
        help="by mDNS, take only hubs of this home",
    )
    simulate_.add_argument("--time-scale", type=float, default=1.0, help="faster than life")
    simulate_.add_argument("--seed", type=int, default=0)
    simulate_.set_defaults(handler=simulate)


def list_devices(arguments: argparse.Namespace) -> int:
    """Lists the devices."""
    devices = ask(arguments, lambda client: client.devices())
    if arguments.json:
        emit({"devices": devices})
        return DONE
    table(
        ("area", "name", "kind", "says", "may"),
        (
            (
                device.area,
                device.name,
                "retired" if device.retired else device.kind.value,
                ", ".join(f"{n} {p.value}" for n, p in sorted(device.properties.items())),
                ", ".join(device.my_actions) or "-",
            )
            for device in devices
        ),
    )
    return DONE


def list_requests(arguments: argparse.Namespace) -> int:
    """Lists devices that wait."""
    waiting = ask(arguments, lambda client: client.requests())
    if arguments.json:
        emit({"devices": waiting.devices})
        return DONE
    table(
        ("digits", "kind", "calls itself", "did"),
        ((d.digits or "…", d.kind.value, d.title, d.did) for d in waiting.devices),
    )
    return DONE


def approve(arguments: argparse.Namespace) -> int:
    """Takes in the one device with these digits."""
    waiting = ask(arguments, lambda client: client.requests())
    digits = arguments.digits.replace(" ", "")
    chosen = [device for device in waiting.devices if device.digits == digits]
    if len(chosen) != 1:
        raise CommandFailed(
            f"{len(chosen)} waiting devices show {digits}: see `homechain device requests`"
        )
    receipt = ask(
        arguments,
        lambda client: client.approve_device(
            chosen[0].description, name=arguments.name, area=arguments.area
        ),
    )
    return report(arguments, receipt, f"{arguments.name} belongs to the home")


def retire(arguments: argparse.Namespace) -> int:
    """Ends a device's service."""
    device = find_device(arguments, arguments.device)
    receipt = ask(arguments, lambda client: client.retire_device(device.did))
    return report(arguments, receipt, f"{device.name} is retired")


def command(arguments: argparse.Namespace) -> int:
    """Asks a device to act; the exit code says what became of it."""
    from homechain.api.schema.commands import CommandLife

    values = _values(arguments.arguments)
    device = find_device(arguments, arguments.device)
    under_way = (CommandLife.REQUESTED, CommandLife.FINAL, CommandLife.DELIVERED)

    async def act(client: "HubClient") -> "CommandView":
        receipt = await client.command(device.did, arguments.action, values)
        until_s = time.monotonic() + arguments.wait
        while time.monotonic() < until_s:
            seen = (await client.record(receipt.id)).command
            if seen is not None and seen.life not in under_way:
                return seen
            await asyncio.sleep(POLL_S)
        raise TimeoutError

    try:
        seen = ask(arguments, act)
    except TimeoutError as error:
        raise CommandFailed(
            f"{device.name} has not answered within {arguments.wait:g} s; the command is in the "
            "ledger and expires by itself"
        ) from error
    if arguments.json:
        emit(seen)
    elif seen.life is CommandLife.DONE:
        say(f"{device.name}: {arguments.action} done. {seen.decision.reason}")
    elif seen.life is CommandLife.DENIED:
        say(f"Denied: {seen.decision.reason}")
    else:
        say(f"{device.name}: {seen.life.value}. {seen.outcome_reason}")
    return {CommandLife.DONE: DONE, CommandLife.DENIED: DENIED}.get(seen.life, FAILED)


def _values(words: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise CommandFailed(f"{word!r} is not NAME=VALUE", code=USAGE)
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def history(arguments: argparse.Namespace) -> int:
    """Shows what a device did."""
    device = find_device(arguments, arguments.device)
    past = ask(arguments, lambda client: client.history(device.did, limit=arguments.limit))
    if arguments.json:
        emit(past)
        return DONE
    table(
        ("when", "who", "what", "became"),
        (
            (spoken(c.final_ms // 1000), c.person_name, c.action, c.life.value)
            for c in past.commands
        ),
    )
    return DONE


def find_device(arguments: argparse.Namespace, wanted: str) -> "DeviceView":
    """The one device with this name or did. `CommandFailed` for none or several."""
    devices = [d for d in ask(arguments, lambda client: client.devices()) if not d.retired]
    chosen = [device for device in devices if wanted in (device.did, device.name)]
    if len(chosen) != 1:
        raise CommandFailed(f"{len(chosen)} devices are called {wanted!r}: `homechain device list`")
    return chosen[0]


def simulate(arguments: argparse.Namespace) -> int:
    """Runs one simulated device until it is told to stop; prints one JSON line an event."""
    asyncio.run(_simulate(arguments))
    return DONE


async def _simulate(arguments: argparse.Namespace) -> None:
    from homechain_devices.simulators import SimulatorOptions, run_simulator

    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    options = SimulatorOptions(
        name=arguments.name or f"Simulated {arguments.kind}",
        state_dir=arguments.state_dir,
        hubs=arguments.hub,
        interfaces=tuple(arguments.interface) if arguments.interface else None,
        home=arguments.home,
        time_scale=arguments.time_scale,
        seed=arguments.seed,
        on_event=lambda event: emit({"event": type(event).__name__, **msgspec.to_builtins(event)}),
    )
    try:
        await run_simulator(arguments.kind, options)
    except asyncio.CancelledError:
        return
