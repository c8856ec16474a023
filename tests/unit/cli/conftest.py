"""A real home of one hub and one lock, in a thread of its own, for the commands that ask it.

The hub runs as a service runs it (sockets, TLS, SQLite); commands run in the test's own thread
through `cli.main`, as a shell would run them.
"""

import asyncio
import json
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import pytest

from homechain import cli
from homechain.cli.demo.processes import free_ports
from homechain.hub.directory import HubDirectory
from homechain.hub.running import Hub
from homechain.settings import read_settings
from homechain_devices.sdk import DeviceEvent
from homechain_devices.sdk.events import DigitsShown
from homechain_devices.simulators import SimulatorOptions, run_simulator

HERE: Final = "127.0.0.1"
PATIENCE_S: Final = 30.0


class Said:
    """What one command said, and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def facts(self) -> Any:
        """The one JSON document that it printed."""
        assert len(self.out.splitlines()) == 1, self.out
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command; wrong usage, for which argparse leaves, is an exit code like any other."""

    def command(*words: str | Path) -> Said:
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return command


class Loop:
    """An event loop in a thread, with tasks that end when the block is left."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def spawn(self, work: Callable[[], Awaitable[object]]) -> None:
        async def begin() -> None:
            self._tasks.append(asyncio.ensure_future(self._one(work)))

        asyncio.run_coroutine_threadsafe(begin(), self._loop).result(PATIENCE_S)

    @staticmethod
    async def _one(work: Callable[[], Awaitable[object]]) -> None:
        await work()

    async def _end(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._loop.shutdown_default_executor()


class Home:
    """Where the hub, the owner and the lock of the home are."""

    def __init__(self, place: Path, *, name: str = "Hall") -> None:
        self.place = place
        self.hub = place / "hub"
        self.owner = place / "anna"
        self.config = place / "hub.toml"
        self.lock = ""
        self.ports = api, residents, mesh, pairing = free_ports(4)
        self.config.write_text(
            f'name = "{name}"\n[api]\nhost = "{HERE}"\nport = {api}\nresidents_port = {residents}\n'
            f'[mesh]\nhost = "{HERE}"\nport = {mesh}\npairing_port = {pairing}\n'
            f'advertise = ["{HERE}"]\ndiscovery = false\n',
            encoding="utf-8",
        )

    def found(self) -> None:
        names = ["--home-name", "Linden Street", "--owner-name", "Anna", "--time-zone", "UTC"]
        place = ["--state-dir", str(self.hub), "--config", str(self.config)]
        assert cli.main(["hub", "init", *names, *place, *self.as_owner, "--unlocked"]) == cli.DONE

    @property
    def as_owner(self) -> list[str]:
        return ["--profile", str(self.owner)]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A founded home whose hub runs and whose lock `Front door`, in the Hall, was approved."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.found()
    ready = threading.Event()
    shown: queue.Queue[DigitsShown] = queue.Queue()

    def hear(event: DeviceEvent) -> None:
        if isinstance(event, DigitsShown):
            shown.put(event)

    hub = Hub(HubDirectory(home.hub), read_settings(home.config))
    lock = SimulatorOptions(
        name="A lock",
        state_dir=home.place / "lock",
        hubs=[f"{HERE}:{home.ports[0]}"],
        on_event=hear,
        visits_per_hour=0,
    )
    with Loop() as loop:
        loop.spawn(lambda: hub.run(on_ready=lambda _: ready.set()))
        assert ready.wait(PATIENCE_S)
        loop.spawn(lambda: run_simulator("lock", lock))
        digits = shown.get(timeout=PATIENCE_S)
        home.lock = digits.device
        words = ["device", "approve", digits.digits, "--name", "Front door", "--area", "Hall"]
        assert cli.main([*words, *home.as_owner]) == cli.DONE
        yield home
