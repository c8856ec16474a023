"""A record's way in: admitted, durable, and answered with a receipt once it is final."""

import asyncio

from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import Receipt, ReceiptStatus
from homechain.api.server.context import Context
from homechain.api.server.ports import Submission
from homechain.api.server.refusals import Refused
from homechain.api.server.views import decision_view
from homechain.ledger.decisions import Decision
from homechain.model.ids import digest_text
from homechain.node.queries import DecisionRow, RecordRow


async def receipt_of(
    context: Context, submission: Submission, *, wait: bool, deadline_s: float
) -> Receipt:
    """The receipt of an admitted record.

    Without `wait` it says "accepted" unless the record was final already. Raises `Inadmissible` if
    it can never become final, and `not-final-in-time` at `deadline_s` of the event loop's clock.
    """
    if submission.already is not None:
        return await _final(context, submission.already, decision=None)
    if not wait:
        return Receipt(id=digest_text(submission.record.id), status=ReceiptStatus.ACCEPTED)
    try:
        async with asyncio.timeout_at(deadline_s):
            # Others may wait for the same record: giving up here must not give up for them.
            settled = await asyncio.shield(asyncio.ensure_future(submission.final))
    except TimeoutError as error:
        raise Refused(
            ProblemCode.NOT_FINAL_IN_TIME,
            "The record is safe on this hub and waits for the others: send the same bytes again.",
            retry_after_s=1,
        ) from error
    return await _final(context, settled.row, decision=settled.decision)


async def _final(
    context: Context, row: RecordRow, *, decision: Decision | DecisionRow | None
) -> Receipt:
    if decision is None and row.kind == "command":
        command = await context.hub.queries.command(row.id)
        decision = command.decision if command is not None else None
    return Receipt(
        id=digest_text(row.id),
        status=ReceiptStatus.FINAL,
        height=row.height,
        index=row.index,
        time_ms=row.time_ms,
        decision=None if decision is None else decision_view(decision),
    )


def final_deadline_s(context: Context) -> float:
    """When a request that begins now stops waiting."""
    return asyncio.get_running_loop().time() + context.limits.final_wait_s
