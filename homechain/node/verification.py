"""Signatures, checked off the event loop, many at a time.

libsodium releases the interpreter's lock, so a thread that checks a batch costs the loop two
switches and not one signature. What arrives while the threads are busy shares the next batch: one
command alone goes at once, a thousand sensors cost as many switches as there are batches.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from homechain.ledger.records import SignedRecord, verify_record

Result = TypeVar("Result")

BATCH_RECORDS: Final = 256
"""Most records that one thread call checks, so that a flood cannot delay a single command."""
THREADS: Final = 2


class VerifierClosed(Exception):
    """The hub stops: nothing is checked any more."""


class Verifier:
    """Checks records' signatures; coalesces what arrives while a batch is being checked."""

    def __init__(self, *, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="verify")
        self._idle_threads = threads
        self._is_closed = False
        self._waiting: deque[tuple[SignedRecord, asyncio.Future[bool]]] = deque()

    async def records(self, records: Sequence[SignedRecord]) -> list[bool]:
        """One verdict a record, in order. Raises `VerifierClosed`."""
        if self._is_closed:
            raise VerifierClosed
        loop = asyncio.get_running_loop()
        verdicts: list[asyncio.Future[bool]] = [loop.create_future() for _ in records]
        self._waiting.extend(zip(records, verdicts, strict=True))
        self._start()
        return [await verdict for verdict in verdicts]

    async def call(self, check: Callable[[], Result]) -> Result:
        """Runs a pure check in a thread; its exception is the caller's."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, check)

    def close(self) -> None:
        """Ends the threads; checks under way are finished first, those that wait are refused."""
        self._is_closed = True
        _refuse(self._waiting)
        self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        while self._waiting and self._idle_threads:
            self._idle_threads -= 1
            count = min(BATCH_RECORDS, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            checked = asyncio.get_running_loop().run_in_executor(
                self._pool, _verify_all, [record for record, _ in batch]
            )
            checked.add_done_callback(partial(self._finish, batch))

    def _finish(
        self,
        batch: Sequence[tuple[SignedRecord, asyncio.Future[bool]]],
        checked: asyncio.Future[list[bool]],
    ) -> None:
        self._idle_threads += 1
        if checked.cancelled():
            _refuse(batch)
            return
        for (_, verdict), genuine in zip(batch, checked.result(), strict=True):
            if not verdict.done():  # whoever asked may be gone
                verdict.set_result(genuine)
        self._start()


def _refuse(batch: Iterable[tuple[SignedRecord, asyncio.Future[bool]]]) -> None:
    for _, verdict in batch:
        if not verdict.done():
            verdict.set_exception(VerifierClosed())
            verdict.exception()  # whoever asked may be gone; then nobody has to be told


def _verify_all(records: Sequence[SignedRecord]) -> list[bool]:
    return [verify_record(record) for record in records]
