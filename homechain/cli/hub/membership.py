"""Which hubs belong to the home: see them, let one in, send one away."""

import argparse

from homechain.cli import DONE, FAILED, CommandFailed
from homechain.cli.asking import ask, report
from homechain.cli.output import emit, say, table, warn
from homechain.cli.profile import profile_of


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
    return report(arguments, receipt, f"{chosen[0].name} belongs to the home")


def remove(arguments: argparse.Namespace) -> int:
    """Removes a hub from the home."""
    ask(arguments, lambda client: client.home())  # and the profile learns which hubs there are
    home = profile_of(arguments).home()
    chosen = [hub for hub in home.hubs if arguments.hub in (hub.hub, hub.name)]
    if len(chosen) != 1:
        raise CommandFailed(
            f"{len(chosen)} hubs are called {arguments.hub!r}: see `homechain hub status`"
        )
    receipt = ask(arguments, lambda client: client.put_hub(chosen[0], removed=True))
    warn("Wipe the removed hub's disk: it still holds what the home recorded until now.")
    return report(arguments, receipt, f"{chosen[0].name} is removed")
