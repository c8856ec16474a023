"""Next steps that work as printed, wherever homechain was installed."""

import argparse
import shlex
import sys
import sysconfig
from pathlib import Path

import pytest

from homechain.cli import CommandFailed
from homechain.cli.hub.place import DEFAULT_STATE_DIR, next_steps
from homechain.cli.profile import add_profile, profile_of
from homechain.cli.program import installed_command, program


def place(state_dir: Path, config: Path | None = None) -> argparse.Namespace:
    return argparse.Namespace(state_dir=state_dir, config=config)


def profile_argument(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_profile(parser)
    return parser.parse_args(words)


def test_a_program_that_is_not_on_the_path_is_named_by_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "bin" / "homechain"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(script.parent))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (program(), installed_command()) == (str(script), (str(script),))
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "homechain"
    script.unlink()
    assert program() == f"{sys.executable} -m homechain"


def test_the_next_steps_name_the_place_that_was_chosen(tmp_path: Path) -> None:
    service, foreground = next_steps(place(DEFAULT_STATE_DIR))
    assert service.startswith("sudo /")
    assert service.endswith(" service install")
    assert foreground.startswith("sudo /")  # only root reads the default place
    odd = tmp_path / "the hub"
    service, foreground = next_steps(place(odd, config=odd / "hub.toml"))
    said = ["--state-dir", str(odd), "--config", str(odd / "hub.toml")]
    assert shlex.split(service)[-6:] == ["service", "install", *said]
    assert "sudo" not in foreground


def test_a_user_without_a_home_directory_is_no_error_until_a_profile_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    arguments = profile_argument()
    with pytest.raises(CommandFailed, match="--profile"):
        profile_of(arguments)
    assert profile_of(profile_argument("--profile", "/elsewhere")).path == Path("/elsewhere")
