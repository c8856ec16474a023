"""The command line as a whole: help, wrong usage, exit codes, pipes."""

import argparse
import os
import subprocess
import sys

import pytest

from homechain import __version__, cli
from homechain.cli import DONE, FAILED, GROUPS, INTERRUPTED, USAGE, CommandFailed
from tests.unit.cli.conftest import Run

SLOW_TO_LOAD = {"aiohttp", "cryptography", "nacl", "PIL", "sqlite3", "textual", "zeroconf"}
COMMANDS = [
    *(["hub", verb] for verb in ("init", "run", "join", "status", "pair", "requests", "approve")),
    *(["person", verb] for verb in ("create", "show", "home", "list", "add", "remove")),
    *(["device", verb] for verb in ("list", "requests", "approve", "retire", "command", "history")),
    *(["grant", verb] for verb in ("add", "list", "revoke", "explain")),
    *(["ledger", verb] for verb in ("verify", "show", "export")),
    *(["service", verb] for verb in ("install", "uninstall", "status")),
    *([group] for group in GROUPS),
]


def test_help_tells_the_exit_codes(run: Run) -> None:
    told = run("--help")
    assert told.code == DONE
    for code in (cli.DONE, cli.FAILED, cli.USAGE, cli.UNREACHABLE, cli.DENIED, cli.INTERRUPTED):
        assert f" {code}  " in told.out
    assert all(group in told.out for group in GROUPS)


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version").out == f"homechain {__version__}\n"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(run: Run, words: list[str]) -> None:
    told = run(*words, "--help")
    assert told.code == DONE
    assert told.out.startswith(f"usage: homechain {' '.join(words)}")


@pytest.mark.parametrize(
    "words", [[], ["hub"], ["person"], ["device"], ["grant"], ["ledger"], ["service"]]
)
def test_half_a_command_is_wrong_usage_and_shows_the_rest(run: Run, words: list[str]) -> None:
    told = run(*words)
    assert (told.code, told.out) == (USAGE, "")
    assert told.err.startswith(" ".join(["usage: homechain", *words]))


@pytest.mark.parametrize("words", [["house"], ["hub", "ruin"], ["grant", "add"], ["hub", "init"]])
def test_wrong_usage_has_its_own_exit_code(run: Run, words: list[str]) -> None:
    told = run(*words)
    assert told.code == USAGE
    assert "error" in told.err


def test_help_waits_for_nothing_heavy() -> None:
    script = (
        "import sys; from homechain import cli\n"
        "for group in cli.GROUPS:\n"
        "    if group not in ('bench',):\n"
        "        try: cli.main([group, '--help'])\n"
        "        except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert SLOW_TO_LOAD.isdisjoint(done.stderr.split())


@pytest.mark.parametrize("text", ["-" + 42 * "A", "--" + 41 * "A", "-A1-b2_c", "A" * 43])
def test_an_id_that_begins_with_a_dash_is_no_option(
    run: Run, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    seen: list[argparse.Namespace] = []

    def note(arguments: argparse.Namespace) -> int:
        seen.append(arguments)
        return DONE

    monkeypatch.setattr("homechain.cli.grant.revoke", note)
    monkeypatch.setattr("homechain.cli.ledger.show", note)
    monkeypatch.setattr("homechain.cli.ledger.verify", note)
    assert run("grant", "revoke", text).code == DONE
    assert run("ledger", "show", text).code == DONE
    assert run("ledger", "verify", "--home", text, "a directory").code == DONE
    assert (seen[0].grant, seen[1].record, seen[2].home) == (text, text, text)


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (CommandFailed("the door is painted on", code=7), 7, "homechain: the door is painted on\n"),
        (KeyboardInterrupt(), INTERRUPTED, ""),
        (
            PermissionError(13, "Permission denied", "/hub.key"),
            FAILED,
            (
                "homechain: '/hub.key' is not yours to read. "
                "What belongs to a hub is for root: begin with sudo\n"
            ),
        ),
    ],
)
def test_what_ends_a_command_becomes_its_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, words: str
) -> None:
    def fail(*_: object) -> int:
        raise raised

    monkeypatch.setattr("homechain.cli.person.show_", fail)
    told = run("person", "show")
    assert told.code == code
    assert told.err == words


def test_a_reader_that_has_enough_is_no_failure() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed_pipe:
        done = subprocess.run(
            [sys.executable, "-m", "homechain", "service", "status", "--json"],
            check=False,
            stdout=closed_pipe,
            stderr=subprocess.PIPE,
            env=environment,
        )
    assert b"Broken" not in done.stderr
    assert b"Traceback" not in done.stderr
