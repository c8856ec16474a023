"""`homechain service` against a systemctl that writes down what it was asked."""

import json
import os
import pwd
from pathlib import Path

import pytest

from homechain import cli
from homechain.cli import service

UNIT = "homechain-hub.service"
FAKE_SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$SYSTEMCTL_LOG"
shift  # --no-ask-password
case "$1" in
is-system-running) echo "$SYSTEMCTL_STATE"; exit 1 ;;
"$SYSTEMCTL_REFUSES") echo "$1: no" >&2; exit 1 ;;
show) cat "$SYSTEMCTL_SHOWS" ;;
esac
"""


class Machine:
    """A machine with a fake systemctl, a unit directory and a hub's state directory."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.units = root / "units"
        self.state_dir = root / "state"
        self.log = root / "systemctl.log"
        self.shows = root / "shows"
        self._monkeypatch = monkeypatch
        programs = root / "bin"
        for directory in (self.units, self.state_dir, programs):
            directory.mkdir()
        (self.state_dir / "ledger.db").write_text("precious")
        if os.geteuid() == 0:  # a hub outside /var/lib runs as the directory's owner, never as root
            os.chown(self.state_dir, pwd.getpwnam("nobody").pw_uid, -1)
        (programs / "systemctl").write_text(FAKE_SYSTEMCTL)
        (programs / "systemctl").chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setenv("SYSTEMCTL_LOG", str(self.log))
        monkeypatch.setenv("SYSTEMCTL_SHOWS", str(self.shows))
        self.answers(state="degraded")

    def answers(self, *, state: str = "running", refuses: str = "") -> None:
        self._monkeypatch.setenv("SYSTEMCTL_STATE", state)
        self._monkeypatch.setenv("SYSTEMCTL_REFUSES", refuses)

    def run(self, *words: str) -> int:
        return cli.main(["service", *words, "--unit-dir", str(self.units)])

    def asked(self) -> list[str]:
        return [
            line.removeprefix("--no-ask-password ")
            for line in self.log.read_text().splitlines()
            if "is-system-running" not in line
        ]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_install_writes_the_unit_and_starts_it(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.run("install", "--state-dir", str(machine.state_dir), "--json") == cli.DONE
    assert machine.asked() == [
        "daemon-reload",
        f"enable {UNIT}",
        f"reset-failed {UNIT}",
        f"restart {UNIT}",
    ]
    assert json.loads(capsys.readouterr().out) == {
        "unit": str(machine.units / UNIT),
        "state_dir": str(machine.state_dir),
        "running": True,
    }
    unit = (machine.units / UNIT).read_text()
    assert f"hub run --state-dir {machine.state_dir}\n" in unit
    assert (machine.units / UNIT).stat().st_mode & 0o777 == 0o644


def test_install_passes_the_settings_file_on(machine: Machine, tmp_path: Path) -> None:
    settings = tmp_path / "home.toml"
    words = ("install", "--state-dir", str(machine.state_dir), "--config", str(settings))
    assert machine.run(*words) == cli.FAILED
    settings.write_text("")
    assert machine.run(*words) == cli.DONE
    assert f"--config {settings}\n" in (machine.units / UNIT).read_text()


def test_install_says_where_to_look_when_the_hub_does_not_start(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.answers(refuses="restart")
    assert machine.run("install", "--state-dir", str(machine.state_dir)) == cli.FAILED
    assert f"journalctl -u {UNIT}" in capsys.readouterr().out


def test_install_wants_a_hub_first(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("install", "--state-dir", str(machine.state_dir / "none")) == cli.FAILED
    assert "hub init --home-name" in capsys.readouterr().err
    assert not (machine.units / UNIT).exists()


@pytest.mark.parametrize("command", ["install", "uninstall", "status"])
def test_without_systemd_it_says_how_to_run_the_hub(
    command: str, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.answers(state="offline")
    assert machine.run(command) == cli.FAILED
    assert "homechain hub run" in capsys.readouterr().err


def test_a_machine_that_has_no_systemctl_is_told_apart(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(machine.units))
    assert machine.run("status") == cli.FAILED
    assert "has no systemd" in capsys.readouterr().err


def test_an_ordinary_user_is_told_to_use_sudo(tmp_path: Path) -> None:
    denied = PermissionError(13, "Permission denied")
    failure = service._refused(tmp_path / UNIT, denied, command="install")
    assert str(failure).startswith("This needs root: sudo ")
    assert str(failure).endswith(" service install")


def test_a_unit_directory_that_does_not_exist_is_named(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.units.rmdir()
    assert machine.run("install", "--state-dir", str(machine.state_dir)) == cli.FAILED
    assert f"Cannot write {machine.units / UNIT}: No such file" in capsys.readouterr().err


def test_uninstall_stops_the_hub_and_keeps_its_data(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.run("install", "--state-dir", str(machine.state_dir))
    machine.log.unlink()
    capsys.readouterr()
    assert machine.run("uninstall") == cli.DONE
    assert machine.asked() == [f"disable --now {UNIT}", "daemon-reload"]
    assert not (machine.units / UNIT).exists()
    assert (machine.state_dir / "ledger.db").read_text() == "precious"
    assert str(machine.state_dir) in capsys.readouterr().out


def test_uninstall_keeps_the_unit_when_the_hub_cannot_be_stopped(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.run("install", "--state-dir", str(machine.state_dir))
    machine.answers(refuses="disable")
    assert machine.run("uninstall") == cli.FAILED
    assert "disable: no" in capsys.readouterr().err
    assert (machine.units / UNIT).exists()


def test_uninstalling_twice_changes_nothing(machine: Machine) -> None:
    assert machine.run("uninstall", "--json") == cli.DONE


def test_status_of_a_running_hub(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.run("install", "--state-dir", str(machine.state_dir))
    machine.shows.write_text(
        "ActiveState=active\nSubState=running\nStatusText=3 of 3 hubs, final to #7\n"
        "MainPID=812\nNRestarts=1\nUnitFileState=enabled\n"
    )
    capsys.readouterr()
    assert machine.run("status", "--json") == cli.DONE
    assert json.loads(capsys.readouterr().out) == {
        "installed": True,
        "running": True,
        "state": "active (running)",
        "says": "3 of 3 hubs, final to #7",
        "pid": 812,
        "restarts": 1,
        "enabled": True,
        "state_dir": str(machine.state_dir),
    }
    assert machine.run("status") == cli.DONE
    assert "active (running) - 3 of 3 hubs, final to #7" in capsys.readouterr().out


def test_status_of_a_failed_hub_says_where_to_look(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.run("install", "--state-dir", str(machine.state_dir))
    machine.shows.write_text("ActiveState=failed\nSubState=failed\nUnitFileState=disabled\n")
    assert machine.run("status") == cli.UNREACHABLE
    assert f"journalctl -u {UNIT}" in capsys.readouterr().out


def test_status_without_a_service(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert machine.run("status", "--json") == cli.UNREACHABLE
    assert json.loads(capsys.readouterr().out) == {"installed": False, "running": False}
