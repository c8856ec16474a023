"""Where this machine's hub is, and what its owner set."""

import argparse
from pathlib import Path
from typing import Final

from homechain.cli import CommandFailed
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
