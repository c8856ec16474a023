"""The parts of the demo that need no home: its report, its processes, its plans."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from homechain import __version__, cli
from homechain.api.schema.records import Receipt, ReceiptStatus
from homechain.cli.demo.household import DEVICES, DemoFailed, Household, _as_toml, _digits_in
from homechain.cli.demo.processes import Child, free_ports
from homechain.cli.demo.script import Report, Witness
from homechain.settings import ApiSettings, MeshSettings, Settings, read_settings
from tests.unit.cli.conftest import Run


def good() -> Report:
    return Report(
        hubs=3,
        height=40,
        records_committed=60,
        guest_unlock="allowed",
        guest_camera="denied",
        unlock_after_kill="allowed",
        recovery_seconds=0.75,
        latencies_ms=[float(mark) for mark in range(100, 0, -1)],
        verified=[True, True, True],
    )


def test_a_home_that_held_its_promises_has_no_complaints() -> None:
    assert good().complaints() == []
    facts = good().facts()
    assert list(facts) == [
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
    ]
    assert facts["command_ms"] == {"p50": 50.5, "p99": 99.0, "count": 100}
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("records_lost", 1, "missing"),
        ("guest_unlock", "denied", "unlock"),
        ("guest_camera", "allowed", "camera"),
        ("unlock_after_kill", "failed", "did not open"),
        ("recovery_seconds", None, "final"),
        ("verified", [True, True], "verify"),
        ("verified", [True, False, True], "verify"),
    ],
)
def test_every_promise_that_breaks_is_complained_about(
    field: str, value: object, word: str
) -> None:
    report = good()
    setattr(report, field, value)
    (complaint,) = report.complaints()
    assert word in complaint


def test_a_script_that_got_nowhere_reports_nothing_as_a_success() -> None:
    report = Report(hubs=3)
    assert len(report.complaints()) == 5
    assert report.facts()["command_ms"] == {"p50": None, "p99": None, "count": 0}


def test_a_witness_remembers_what_was_acknowledged() -> None:
    witness = Witness()
    receipt = Receipt(id="r" * 43, status=ReceiptStatus.FINAL)
    assert witness.saw(receipt) is receipt
    assert witness.acknowledged == {"r" * 43}


# ---------------------------------------------------------------- processes


async def test_a_child_is_this_very_program(tmp_path: Path) -> None:
    child = Child("version", ["--version"], directory=tmp_path)
    assert not child.is_running()
    assert await child.run() == 0
    assert not child.is_running()
    assert child.last_words() == f"homechain {__version__}"
    await child.stop()


async def test_a_child_that_fails_leaves_its_last_words(tmp_path: Path) -> None:
    child = Child("nothing", ["hub", "run", "--state-dir", str(tmp_path)], directory=tmp_path)
    assert await child.run() == cli.HOMELESS
    assert "holds no hub yet" in child.last_words()


SLEEPER = (
    "import asyncio, sys; sys.path[:0] = {path!r}\n"
    "from pathlib import Path\n"
    "from homechain.cli.demo.processes import Child\n"
    "async def main():\n"
    "    child = Child('lock', {words!r}, directory=Path({place!r}))\n"
    "    await child.start()\n"
    "    print(child.process.pid, flush=True)\n"
    "    await child.process.wait()\n"
    "asyncio.run(main())\n"
)


def simulated_lock(place: Path) -> list[str]:
    """Words for a process that runs until it is stopped: a lock that nobody takes in."""
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    return ["device", "simulate", "lock", "--state-dir", str(place / "lock"), "--hub", nobody]


async def ended(pid: int) -> None:
    """Waits for the end of a process that is not ours (pidfd_open(2))."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(descriptor, over.set)
    try:
        async with asyncio.timeout(20):
            await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_children_are_stopped_or_killed(tmp_path: Path) -> None:
    child = Child("lock", simulated_lock(tmp_path), directory=tmp_path)
    await child.start()
    assert child.is_running()
    await child.kill()
    assert child.process.returncode == -signal.SIGKILL
    await child.start()
    await child.stop()
    assert child.process.returncode is not None


async def test_no_child_outlives_a_demo_that_is_killed(tmp_path: Path) -> None:
    script = SLEEPER.format(path=sys.path, words=simulated_lock(tmp_path), place=str(tmp_path))
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert demo.stdout is not None
    child = int(await demo.stdout.readline())
    demo.kill()
    await demo.communicate()
    await ended(child)


def test_free_ports_are_free_and_different() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


# ---------------------------------------------------------------- the household


def test_a_hubs_settings_come_back_from_its_file(tmp_path: Path) -> None:
    settings = Settings(
        name='The "hall"',
        api=ApiSettings(host="127.0.0.1", port=1, residents_port=2),
        mesh=MeshSettings(host="127.0.0.1", port=3, peers=("127.0.0.1:4",), discovery=False),
    )
    file = tmp_path / "hub.toml"
    file.write_text(_as_toml(settings), encoding="utf-8")
    assert read_settings(file) == settings


def test_the_digits_are_those_that_a_device_showed_last(tmp_path: Path) -> None:
    log = tmp_path / "lock.log"
    log.write_text("no digits here\n", encoding="utf-8")
    assert _digits_in(log) is None
    log.write_text('{"digits": "111111"}\nx\n{"digits": "222222"}\n', encoding="utf-8")
    assert _digits_in(log) == "222222"


def test_the_household_has_two_of_each_kind() -> None:
    kinds = [plan.kind for plan in DEVICES]
    assert sorted(kinds) == ["camera", "camera", "lock", "lock", "thermostat", "thermostat"]
    assert len({plan.name for plan in DEVICES}) == len(DEVICES)


async def test_a_household_that_was_never_built_has_nothing_to_stop(tmp_path: Path) -> None:
    async with Household(tmp_path, hubs=3, on_step=print) as household:
        assert household.hubs == []


def test_a_demo_that_fails_says_why(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def build(_: object) -> None:
        raise DemoFailed("the hall is on fire")

    monkeypatch.setattr(Household, "build", build)
    told = run("demo", "--headless", "--json")
    assert (told.code, told.out) == (cli.FAILED, "")
    assert told.err == "homechain: the demo came to an end: the hall is on fire\n"


@pytest.mark.parametrize("words", [["--hubs", "0"], ["--hubs", "8"], ["--seconds", "soon"]])
def test_a_demo_that_cannot_be_is_wrong_usage(run: Run, words: list[str]) -> None:
    assert run("demo", *words).code == cli.USAGE
