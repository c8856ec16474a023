"""A hub as a process of its own, killed as a power cut would kill it."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

HERE: Final = "127.0.0.1"
PATIENCE_S: Final = 30.0

pytestmark = pytest.mark.slow


def settings(path: Path) -> Path:
    ports = []
    for _ in range(4):
        with socket.socket() as probe:
            probe.bind((HERE, 0))
            ports.append(probe.getsockname()[1])
    file = path / "hub.toml"
    file.write_text(
        f'name = "Cellar"\n'
        f'[api]\nhost = "{HERE}"\nport = {ports[0]}\nresidents_port = {ports[1]}\n'
        f'[mesh]\nhost = "{HERE}"\nport = {ports[2]}\npairing_port = {ports[3]}\n'
        f'advertise = ["{HERE}"]\ndiscovery = false\n'
    )
    return file


async def homechain(*words: str | Path) -> Any:
    """One command; its JSON."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "homechain",
        *map(str, words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0, err.decode()
    return json.loads(out) if out else None


@asynccontextmanager
async def running(directory: Path, config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "homechain",
        "hub",
        "run",
        "--state-dir",
        str(directory),
        "--config",
        str(config),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    reader = process.stderr
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b"ready:" not in await reader.readline():
                assert process.returncode is None
        draining = asyncio.create_task(reader.read())
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) in (0, -signal.SIGKILL)
    await draining


async def test_a_killed_hub_holds_every_record_that_it_acknowledged(tmp_path: Path) -> None:
    directory, profile = tmp_path / "hub", tmp_path / "anna"
    config = settings(tmp_path)
    await homechain(
        *("hub", "init", "--state-dir", directory, "--config", config, "--profile", profile),
        *("--home-name", "Linden Street", "--owner-name", "Anna", "--time-zone", "UTC"),
        *("--unlocked", "--json"),
    )
    async with running(directory, config) as hub:
        status = await homechain("hub", "status", "--profile", profile, "--json")
        assert status["height"] == 0
        await add_guest("Ben", profile, tmp_path)
        hub.kill()
    async with running(directory, config):
        await add_guest("Cem", profile, tmp_path)
        status = await homechain("hub", "status", "--profile", profile, "--json")
        assert status["height"] == 2
    verified = await homechain("ledger", "verify", directory, "--json")
    assert verified
    assert not verified.get("broken")


async def add_guest(name: str, profile: Path, path: Path) -> None:
    own = path / name
    made = await homechain("person", "create", "--unlocked", "--profile", own, "--json")
    await homechain("person", "add", made["did"], "--name", name, "--profile", profile, "--json")
