"""`homechain demo --headless` as a real process: the promises of the README, on this machine."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from homechain.cli import DONE, INTERRUPTED
from tests.e2e.foreground import hear_interrupts, processes_in

pytestmark = pytest.mark.slow

PATIENCE_S = 240.0


async def started(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "homechain", "demo", "--headless", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=hear_interrupts,
    )


async def test_the_demo_holds_every_promise(tmp_path: Path) -> None:
    demo = await started("--seconds", "15", "--json", "--dir", str(tmp_path))
    async with asyncio.timeout(PATIENCE_S):
        out, err = await demo.communicate()
    assert demo.returncode == DONE, err.decode()
    (line,) = out.decode().splitlines()
    facts = json.loads(line)
    assert set(facts) == {
        "hubs",
        "height",
        "records_committed",
        "records_lost",
        "guest_unlock",
        "guest_camera",
        "unlock_after_kill",
        "recovery_seconds",
        "command_ms",
        "verified",
    }
    assert facts["hubs"] == 3
    assert facts["height"] > 10
    assert facts["records_committed"] >= facts["height"]
    assert facts["records_lost"] == 0
    assert facts["guest_unlock"] == "allowed"
    assert facts["guest_camera"] == "denied"
    assert facts["unlock_after_kill"] == "allowed"
    assert 0 < facts["recovery_seconds"] < 60
    assert facts["command_ms"]["count"] >= 10
    assert 0 < facts["command_ms"]["p50"] <= facts["command_ms"]["p99"]
    assert facts["verified"] == [True, True, True]
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_demo_takes_its_home_along(
    tmp_path: Path, how: signal.Signals
) -> None:
    demo = await started("--hubs", "1", "--dir", str(tmp_path), "--json")
    assert demo.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        async for line in demo.stderr:
            if b"devices register" in line:
                break
        demo.send_signal(how)
        out, err = await demo.communicate()
    assert (demo.returncode, out) == (INTERRUPTED, b"")
    assert b"Traceback" not in err
    assert processes_in(tmp_path) == []
