"""The demo's processes: started, watched, stopped, each with its output in a file."""

import asyncio
import ctypes
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

STOP_S = 10.0
_PR_SET_PDEATHSIG = 1


class Child:
    """One `homechain …` process."""

    def __init__(self, name: str, words: Sequence[str], *, directory: Path) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._words = words
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The running process."""
        assert self._process is not None, "start() comes first"
        return self._process

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts it; its output goes to `log`."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "homechain",
                *self._words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the demo, which then stops its children in order; and if the demo
                # itself is killed, nobody is left behind.
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    async def run(self) -> int:
        """Starts it and waits for its end."""
        await self.start()
        return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL, as if the plug were pulled."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """Asks it to stop, and insists after a while."""
        if not self.is_running():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await self.process.wait()
        except TimeoutError:
            await self.kill()

    def last_words(self) -> str:
        """The end of its output, for an error message."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " / ".join(lines[-3:])


def _end_with_parent() -> None:
    """Runs in the child before it becomes `homechain`: ask the kernel for SIGTERM (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
