"""Who waits to hear that a record is final, and what they are told.

May not live here: whether a record may enter, or the disk.
"""

import asyncio

from msgspec import Struct

from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.decisions import Decision
from homechain.ledger.records import SignedRecord
from homechain.node.queries import DecisionRow, RecordRow


class Settled(Struct, frozen=True, kw_only=True):
    """Where a final record stands, and what was decided if it is a command."""

    row: RecordRow
    decision: Decision | None


class Submission(Struct, frozen=True, kw_only=True):
    """A record that this hub has durably taken in."""

    record: SignedRecord
    already: RecordRow | None
    """Set where the same record was final before: nothing changed."""
    final: asyncio.Future[Settled]
    """Resolves when the record is final; raises `Inadmissible` if it never can be, `HubStopped` if
    this hub stops before it knows."""


class Receipts:
    """One future a record, shared by all who handed it in."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[Settled]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def of(self, record_id: bytes) -> asyncio.Future[Settled]:
        """The future of a waiting record; a new one where somebody cancelled the old."""
        future = self._waiting.get(record_id)
        if future is None or future.done():
            future = asyncio.get_running_loop().create_future()
            # Whoever asked may have hung up; an answer that nobody waits for is no error.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._waiting[record_id] = future
        return future

    def settle(self, built: BuiltBlock) -> None:
        """The block is final."""
        decisions = {decision.command: decision for decision in built.decisions}
        for offset, record in enumerate(built.records):
            future = self._waiting.pop(record.id, None)
            if future is None or future.done():
                continue
            row = RecordRow(
                id=record.id,
                raw=record.raw,
                kind=record.kind,
                signer=record.signer,
                height=built.height,
                index=built.first_index + offset,
                time_ms=built.header.time_ms,
            )
            future.set_result(Settled(row=row, decision=decisions.get(record.id)))

    def refuse(self, record: SignedRecord, reason: Exception) -> None:
        """The record can never become final."""
        future = self._waiting.pop(record.id, None)
        if future is not None and not future.done():
            future.set_exception(reason)

    def refuse_all(self, reason: Exception) -> None:
        """Nobody hears more from this hub."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(reason)


def settled_before(
    record: SignedRecord, row: RecordRow, *, decision: DecisionRow | None
) -> Submission:
    """The answer to a record that was final already."""
    future: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
    future.set_result(
        Settled(
            row=row,
            decision=None
            if decision is None
            else Decision(
                command=decision.command,
                allowed=decision.allowed,
                code=decision.code,
                reason=decision.reason,
                grant=decision.grant,
            ),
        )
    )
    return Submission(record=record, already=row, final=future)
