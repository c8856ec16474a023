"""A LAN of network namespaces on one bridge: hubs with addresses, ports and mDNS of their own.

Needs root and Linux' network namespaces. All namespaces of one `Lan` begin with its tag, and
nothing is made in the machine's own namespace, so leaving the block removes every trace.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pytest

MULTICAST: Final = "224.0.0.0/4"
COMMAND_S: Final = 60.0
STOP_S: Final = 15.0
POLL_S: Final = 0.1
LEAST_NEEDED: Final = (
    "tests of a LAN need root, iproute2 and network namespaces (run them with `sudo make lan`)"
)


class Running:
    """A `homechain` process that runs on one host."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """As if the plug were pulled."""
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        if not self.is_running:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
            raise

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


class Host:
    """One machine on the LAN: a namespace, an address, a directory for its files."""

    def __init__(self, lan: "Lan", number: int, place: Path) -> None:
        self.number = number
        self.namespace = f"{lan.tag}-{number}"
        self.port = f"p{number}"
        self.place = place / f"host-{number}"
        self.place.mkdir(mode=0o700)
        self.state_dir = self.place / "hub"
        self._runs: list[Running] = []

    async def start(self, *words: str, name: str = "hub") -> Running:
        """Starts `homechain …`; what it says goes to a file."""
        log = self.place / f"{name}.log"
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *self._command(words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=self._environment(),
                start_new_session=True,
            )
        running = Running(process, log)
        self._runs.append(running)
        return running

    async def run(self, *words: str, code: int = 0) -> str:
        """Runs `homechain …` to its end; what it printed. Fails on another exit code."""
        process = await asyncio.create_subprocess_exec(
            *self._command(words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
        )
        try:
            async with asyncio.timeout(COMMAND_S):
                output, complaints = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            pytest.fail(f"homechain {' '.join(words)} took longer than {COMMAND_S:g} s")
        if process.returncode != code:
            said = f"{output.decode()}{complaints.decode()}"
            pytest.fail(f"homechain {' '.join(words)}: {process.returncode}, not {code}: {said}")
        return output.decode()

    async def ask(self, *words: str, code: int = 0) -> Any:
        """Runs `homechain … --json`; its answer."""
        return json.loads(await self.run(*words, "--json", code=code))

    def ip(self, *lines: str) -> None:
        """Commands of `ip` inside this host."""
        _batch(self.namespace, lines)

    async def stop(self) -> None:
        for running in self._runs:
            await running.stop()

    def _command(self, words: tuple[str, ...]) -> list[str]:
        # `ip netns exec` becomes the program: its process id is the program's.
        inside = ["ip", "netns", "exec", self.namespace]
        return [*inside, sys.executable, "-m", "homechain", *words]

    def _environment(self) -> dict[str, str]:
        return os.environ | {"HOME": str(self.place), "XDG_CONFIG_HOME": str(self.place)}


class Lan:
    """`hosts[0]`, `hosts[1]`, … on one bridge, each with an IPv4 address unless `ipv4` is False."""

    def __init__(self, place: Path, *, hosts: int, ipv4: bool = True) -> None:
        self.tag = f"hc{os.getpid()}"
        self._switch = f"{self.tag}-switch"
        self._ipv4 = ipv4
        self.hosts = [Host(self, number, place) for number in range(1, hosts + 1)]

    async def __aenter__(self) -> Self:
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError) as error:
            self._remove()
            said = getattr(error, "stderr", None) or error
            pytest.fail(f"{LEAST_NEEDED}: {said}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await asyncio.gather(*(host.stop() for host in self.hosts))
        finally:
            self._remove()

    def cut(self, host: Host) -> None:
        """Pulls the host's cable out of the switch."""
        _batch(self._switch, [f"link set {host.port} down"])

    def mend(self, host: Host) -> None:
        """Puts the cable back."""
        _batch(self._switch, [f"link set {host.port} up"])

    @staticmethod
    def address(number: int) -> str:
        return f"10.77.0.{number}"

    def move(self, host: Host, number: int) -> None:
        """Gives the host another address, as a DHCP server may at any time."""
        # The kernel drops the routes with the last address.
        host.ip(
            f"addr del {self.address(host.number)}/24 dev eth0",
            f"addr add {self.address(number)}/24 dev eth0",
            f"route add {MULTICAST} dev eth0",
        )

    def _build(self) -> None:
        _ip("netns", "add", self._switch)
        # Multicast snooping without a querier drops what nobody asked a router for.
        _batch(
            self._switch,
            ["link set lo up", "link add br0 type bridge mcast_snooping 0", "link set br0 up"],
        )
        for host in self.hosts:
            _ip("netns", "add", host.namespace)
            # A link-local address is of use at once, not after a second of asking for others.
            for scope in ("default", "all"):
                _sysctl(host.namespace, f"net.ipv6.conf.{scope}.accept_dad=0")
            name = f"{host.port} type veth peer name eth0 netns {host.namespace}"
            _batch(self._switch, [f"link add {name}", f"link set {host.port} master br0 up"])
            host.ip("link set lo up")
            if self._ipv4:
                host.ip(f"addr add {self.address(host.number)}/24 dev eth0")
            host.ip("link set eth0 up")
            if self._ipv4:
                host.ip(f"route add {MULTICAST} dev eth0")

    def _remove(self) -> None:
        for namespace in (*(host.namespace for host in self.hosts), self._switch):
            with suppress(subprocess.CalledProcessError, OSError):
                _ip("netns", "del", namespace)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)


def _batch(namespace: str, lines: tuple[str, ...] | list[str]) -> None:
    subprocess.run(
        ["ip", "-n", namespace, "-batch", "-"],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
        input="".join(f"{line}\n" for line in lines),
    )


def _sysctl(namespace: str, setting: str) -> None:
    name, _, value = setting.partition("=")
    # Written by path: the program `sysctl` is not on every machine.
    path = "/proc/sys/" + name.replace(".", "/")
    command = ["ip", "netns", "exec", namespace, "sh", "-c", f"echo {value} > {path}"]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
