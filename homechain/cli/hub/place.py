"""Where this machine's hub is, and what its owner set."""

import argparse
import shlex
from pathlib import Path
from typing import Final

from homechain.cli import CommandFailed
from homechain.cli.program import program, program_with_sudo
from homechain.settings import Settings, SettingsError, read_settings

DEFAULT_STATE_DIR: Final = Path("/var/lib/homechain")


def add_place(parser: argparse.ArgumentParser) -> None:
    """Adds `--state-dir` and `--config`."""
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=DEFAULT_STATE_DIR,
        metavar="DIR",
        help="this hub's key and ledger (default: %(default)s)",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML)")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """What `--config` says. `CommandFailed` names the key that is wrong."""
    try:
        return read_settings(arguments.config)
    except SettingsError as error:
        raise CommandFailed(str(error)) from error


def next_steps(arguments: argparse.Namespace) -> tuple[str, str]:
    """How to let this hub run: as a service, and in the foreground."""
    place = _spelled_out(arguments)
    # What lies below /var/lib was made with sudo, and is run with it.
    owns = arguments.state_dir != DEFAULT_STATE_DIR
    return (
        f"{program_with_sudo()} service install{place}",
        f"{program() if owns else program_with_sudo()} hub run{place}",
    )


def _spelled_out(arguments: argparse.Namespace) -> str:
    words = []
    if arguments.state_dir != DEFAULT_STATE_DIR:
        words += ["--state-dir", str(arguments.state_dir.absolute())]
    if arguments.config is not None:
        words += ["--config", str(arguments.config.absolute())]
    return "".join(f" {shlex.quote(word)}" for word in words)
