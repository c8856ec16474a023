"""An event loop whose clock jumps: an hour of time-outs takes as long as the work in it.

Nothing waits for the wall clock. While a thread works, virtual time stands still.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

from homechain.node.ports import Clock

_Ts = TypeVarTuple("_Ts")
_Result = TypeVar("_Result")

START_MS = 1_750_000_000_000
"""When virtual time begins: the moment at which made homes are founded."""


class _JumpingSelector(selectors.DefaultSelector):
    """Where others wait for a time-out, this one moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.threads_at_work = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.threads_at_work or timeout is None:
            return super().select(timeout)
        found = super().select(0)
        if not found:
            self.now_s += max(timeout, 0.0)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual; tasks, callbacks and threads are real."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Ts], _Result], *args: *_Ts
    ) -> asyncio.Future[_Result]:
        self._jumping.threads_at_work += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_is_done)
        return future

    def _thread_is_done(self, _: object) -> None:
        self._jumping.threads_at_work -= 1


class VirtualClock(Clock):
    """This loop's time as both clocks of a hub; the wall clock may be set wrong."""

    def __init__(self, *, wrong_by_ms: int = 0) -> None:
        self.wrong_by_ms = wrong_by_ms

    def wall_ms(self) -> int:
        return START_MS + self.monotonic_ms() + self.wrong_by_ms

    def monotonic_ms(self) -> int:
        return round(asyncio.get_running_loop().time() * 1000)


def on_virtual_time(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Runs an async test on its own virtual loop, and sees that it leaves no task behind."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def and_leave_nothing() -> None:
            await test(*args, **kwargs)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"left behind: {left}"

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(and_leave_nothing())

    return run
