"""The built wheel holds what runs: three packages, the unit, the command."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import homechain

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    into = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    built = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return zipfile.ZipFile(into / f"homechain-{homechain.__version__}-py3-none-any.whl")


def test_the_wheel_holds_every_file_of_the_three_packages(wheel: zipfile.ZipFile) -> None:
    expected = {
        str(path.relative_to(root))
        for root, package in (
            (ROOT, "homechain"),
            (ROOT / "tui", "homechain_tui"),
            (ROOT / "devices", "homechain_devices"),
        )
        for path in (root / package).rglob("*")
        if path.is_file() and path.suffix in {".py", ".tcss", ".typed", ".json"}
    }
    assert expected - set(wheel.namelist()) == set()


def test_the_wheel_installs_only_names_that_say_whose_they_are(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {
        "homechain",
        "homechain_tui",
        "homechain_devices",
        f"homechain-{homechain.__version__}.data",
        f"homechain-{homechain.__version__}.dist-info",
    }


def test_the_wheel_brings_the_unit_and_the_command(wheel: zipfile.ZipFile) -> None:
    data = f"homechain-{homechain.__version__}.data/data/share/homechain/systemd"
    unit = wheel.read(f"{data}/homechain-hub.service")
    assert unit == (ROOT / "systemd" / "homechain-hub.service").read_bytes()
    entries = wheel.read(f"homechain-{homechain.__version__}.dist-info/entry_points.txt")
    assert b"homechain = homechain.cli:main" in entries
