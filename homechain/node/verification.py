"""Signatures, checked off the event loop, many at a time.

libsodium releases the interpreter's lock, so a thread that checks a batch costs the loop two
switches and not one signature.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from homechain.ledger.records import SignedRecord, verify_record

Result = TypeVar("Result")

BATCH_RECORDS: Final = 256
"""Most records that one thread call checks, so that a flood cannot delay a single command."""
INLINE_RECORDS: Final = 2
"""So few are checked at once: a thread switch would cost more than the signatures."""


class Verifier:
    """Checks records' signatures; coalesces what arrives while a batch is being checked."""

    def __init__(self, *, threads: int = 2) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="verify")

    async def records(self, records: Sequence[SignedRecord]) -> list[bool]:
        """One verdict a record, in order."""
        if len(records) <= INLINE_RECORDS:
            return [verify_record(record) for record in records]
        loop = asyncio.get_running_loop()
        parts = [
            records[start : start + BATCH_RECORDS]
            for start in range(0, len(records), BATCH_RECORDS)
        ]
        verdicts = await asyncio.gather(
            *(loop.run_in_executor(self._pool, _verify_all, part) for part in parts)
        )
        return [verdict for part in verdicts for verdict in part]

    async def call(self, check: Callable[[], Result]) -> Result:
        """Runs a pure check in a thread; its exception is the caller's."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, check)

    def close(self) -> None:
        """Ends the threads; checks under way are finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _verify_all(records: Sequence[SignedRecord]) -> list[bool]:
    return [verify_record(record) for record in records]
