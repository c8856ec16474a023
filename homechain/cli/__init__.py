"""The command line: `homechain GROUP COMMAND`.

The only floor that prints. Each group is one module, imported only when it is asked for, so that
`homechain --help` costs no more than argparse. A group's `configure` adds its commands; each
command's `handler` returns the exit code.

Exit codes: 0 done · 1 refused or failed, and the message says why · 2 wrong usage · 3 no hub could
be reached · 4 the home denied it · 5 this hub's disk cannot be trusted · 6 this hub belongs to no
home (any more) · 130 interrupted.
"""

import argparse
import importlib
import os
import re
import sys
from collections.abc import Sequence
from typing import Final

from homechain import __version__

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
DENIED: Final = 4
DAMAGED: Final = 5
"""Trying again does not mend a disk: systemd does not restart a hub that ended so."""
HOMELESS: Final = 6
"""Nor is a hub that was removed, or that never joined."""
INTERRUPTED: Final = 130

GROUPS: Final = {
    "demo": "a whole home on this machine: three hubs, six devices, the dashboard",
    "tui": "the dashboard",
    "hub": "found a home, run this hub, let it join a home, see how it is",
    "person": "keys of people, and who belongs to the home",
    "device": "list, approve, retire and command devices; simulate them",
    "grant": "give and take back access, and ask who may do what",
    "ledger": "verify, show and export the ledger",
    "service": "run this hub as a systemd service",
    "bench": "measure this machine",
}


# No option of ours begins with one dash, but for -h, or is as long as a digest is in base64url.
_DASHED_ID: Final = re.compile(r"-[A-Za-z0-9_][A-Za-z0-9_-]{6,41}|-[A-Za-z0-9_-]{42}")

EPILOG: Final = """\
start here:   homechain demo
then:         README.md, "A home of your own"

exit codes:   0  done
              1  refused or failed; the message says why and what to do
              2  wrong usage
              3  no hub could be reached, or none runs here
              4  the home denied it
              5  this hub's disk cannot be trusted
              6  this hub belongs to no home (any more)
            130  interrupted
"""


class CommandFailed(Exception):
    """A command cannot be done. The message says why and what to do next."""

    def __init__(self, message: str, *, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    words = [_as_typed(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    parser = _parser(wanted=_group_in(words))
    parsed = parser.parse_args(words)
    handler = getattr(parsed, "handler", None)
    if handler is None:
        parsed.unfinished.print_help(sys.stderr)
        return USAGE
    try:
        code = int(handler(parsed))
        sys.stdout.flush()
        return code
    except CommandFailed as failure:
        from homechain.cli.output import warn

        warn(f"homechain: {failure}")
        return failure.code
    except BrokenPipeError:
        # Whoever read us has enough. What is still buffered must not complain on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except PermissionError as error:
        print(
            f"homechain: {error.filename!r} is not yours to read. What belongs to a hub is for "
            "root: begin with sudo",
            file=sys.stderr,
        )
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _as_typed(word: str) -> str:
    """`word`, with a space in front of an id that begins with a dash, as one in 64 does.

    Else argparse takes it for an option; `identifier` takes the space away again.
    """
    return f" {word}" if _DASHED_ID.fullmatch(word) else word


def identifier(text: str) -> str:
    """The id of a record, grant or home, as the type of an argument."""
    return text.strip()


def _group_in(words: Sequence[str]) -> str | None:
    return next((word for word in words if not word.startswith("-")), None)


def _parser(*, wanted: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="homechain",
        description="A ledger for the home: what devices did, who may do what, on your own hubs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(unfinished=parser)
    parser.add_argument("--version", action="version", version=f"homechain {__version__}")
    groups = parser.add_subparsers(metavar="GROUP", title="groups")
    for name, what in GROUPS.items():
        group = groups.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
        group.set_defaults(unfinished=group)
        if name == wanted:
            importlib.import_module(f"homechain.cli.{name}").configure(group)
    return parser
