"""`homechain bench` on real hub processes, as short as it can be."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from homechain.cli import INTERRUPTED
from tests.e2e.foreground import hear_interrupts, processes_in

pytestmark = pytest.mark.slow

PATIENCE_S = 240.0
SHORT = ("--runs", "1", "--seconds", "0.3", "--idle-seconds", "0.3", "--commands", "2", "--json")


async def started(place: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "homechain", "bench", "--dir", str(place), *SHORT, *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=hear_interrupts,
    )


def left_in(place: Path) -> list[Path]:
    return list(place.iterdir())


async def test_every_figure_is_measured_and_nothing_is_left_behind(tmp_path: Path) -> None:
    process = await started(tmp_path)
    async with asyncio.timeout(PATIENCE_S):
        output, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    figures = {each["name"]: each for each in map(json.loads, output.splitlines())}
    assert {
        "verify",
        "fsync",
        "idle_cpu",
        "idle_memory",
        "memory_after_load",
        "command_p50",
        "command_p99",
        "records_1_device",
        "records_16_devices",
        "records_64_devices",
        "readings_50_a_record",
        "records_100_a_post",
        "failover",
        "records_64_devices_stored",
        "records_64_devices_hub_cpu_worth",
    } <= figures.keys()
    assert all(each["median"] > 0 for name, each in figures.items() if name != "idle_cpu")
    assert left_in(tmp_path) == []
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_bench_stops_its_hubs(tmp_path: Path, how: signal.Signals) -> None:
    process = await started(tmp_path, "--only", "commands")
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        async for line in process.stderr:
            if b"Ready after" in line:
                break
        process.send_signal(how)
        await process.communicate()
    assert process.returncode == INTERRUPTED
    assert processes_in(tmp_path) == []
    assert left_in(tmp_path) == []
