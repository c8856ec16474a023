"""systemd's own tools judge the unit. They come with Debian's package `systemd`."""

import subprocess
from pathlib import Path

import pytest

from homechain.cli.service_unit import ServicePlan, render_unit

UNIT_NAME = "homechain-hub.service"
TEMPLATE = (Path(__file__).parents[3] / "systemd" / UNIT_NAME).read_text()
EXPOSURE_MAX_TENTHS = 15  # `systemd-analyze security` says 1.5


def systemd_analyze(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["systemd-analyze", *words], check=False, capture_output=True, text=True, timeout=60
        )
    except FileNotFoundError:
        pytest.fail("systemd-analyze is missing: sudo apt install systemd")


def unit_for(directory: Path, *, code_dirs: tuple[Path, ...] = ()) -> Path:
    """The unit as `service install` would write it for a homechain that exists."""
    plan = ServicePlan(
        command=("/bin/true",),
        state_dir=Path("/var/lib/homechain"),
        config=None,
        code_dirs=code_dirs,
    )
    path = directory / UNIT_NAME
    path.write_text(render_unit(TEMPLATE, plan))
    return path


@pytest.fixture(params=[(), (Path("/home/pi/homechain"),)], ids=["in /opt", "in a home directory"])
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unit_for(tmp_path, code_dirs=request.param)


def test_systemd_understands_every_line(unit: Path) -> None:
    judged = systemd_analyze("verify", "--man=no", str(unit))
    about_it = [line for line in judged.stderr.splitlines() if UNIT_NAME in line]
    assert (judged.returncode, about_it) == (0, [])


def test_the_sandbox_leaves_little_exposed(unit: Path) -> None:
    judged = systemd_analyze(
        "security", "--offline=true", f"--threshold={EXPOSURE_MAX_TENTHS}", str(unit)
    )
    assert judged.returncode == 0, judged.stdout[-200:] + judged.stderr


def test_the_packaged_unit_promises_what_the_hub_relies_on() -> None:
    for promise in (
        "Type=notify",
        "NotifyAccess=main",
        "WatchdogSec=30",
        "Restart=on-failure",
        "ExecStart=/usr/bin/homechain hub run --state-dir %S/homechain",
        "StateDirectory=homechain",
        "StateDirectoryMode=0700",
        "LimitCORE=0",
    ):
        assert promise in TEMPLATE.splitlines()
    assert "notify-reload" not in TEMPLATE  # newer than Debian 12
