"""`/v1/events`: what devices hand in."""

import asyncio
from typing import Final

from aiohttp import web

from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import (
    BatchResult,
    Receipt,
    ReceiptStatus,
    RecordBatch,
    RecordResult,
)
from homechain.api.server.answers import json_answer
from homechain.api.server.bodies import JOSE, JSON, decoded_json, media_type
from homechain.api.server.intake import final_deadline_s, receipt_of
from homechain.api.server.refusals import KNOWN_ERRORS, Refused, refusal_of
from homechain.api.server.routes import Access, Call, Route
from homechain.ledger.records import read_record
from homechain.model.records import EventRecord, OutcomeRecord

RECORD_PROBLEMS: Final = (
    ProblemCode.MALFORMED_RECORD,
    ProblemCode.WRONG_KIND,
    ProblemCode.WRONG_HOME,
    ProblemCode.UNKNOWN_SIGNER,
    ProblemCode.RETIRED,
    ProblemCode.BAD_SIGNATURE,
    ProblemCode.REPLAYED_COUNTER,
    ProblemCode.INADMISSIBLE,
    ProblemCode.KEY_REFUSED,
    ProblemCode.BUSY,
    ProblemCode.NOT_FINAL_IN_TIME,
)


async def hand_in(call: Call) -> web.StreamResponse:
    """One record or many; answered once final, or at once where the sender prefers that."""
    deadline_s = final_deadline_s(call.context)
    wait = not call.respond_async
    if media_type(call.request, JOSE, JSON) == JOSE:
        receipt = await _one(call, await call.body(), wait=wait, deadline_s=deadline_s)
        return json_answer(receipt, status=200 if receipt.status is ReceiptStatus.FINAL else 202)
    batch = decoded_json(await call.body(), RecordBatch)
    results = await asyncio.gather(
        *(
            _result(call, raw.encode("ascii"), wait=wait, deadline_s=deadline_s)
            for raw in batch.records
        )
    )
    return json_answer(BatchResult(results=results), status=200 if wait else 202)


async def _result(call: Call, raw: bytes, *, wait: bool, deadline_s: float) -> RecordResult:
    """One bad record does not sink the others."""
    try:
        return RecordResult(receipt=await _one(call, raw, wait=wait, deadline_s=deadline_s))
    except Refused as refused:
        return RecordResult(problem=refused.problem())
    except KNOWN_ERRORS as error:
        return RecordResult(problem=refusal_of(error).problem())


async def _one(call: Call, raw: bytes, *, wait: bool, deadline_s: float) -> Receipt:
    record = read_record(raw)
    if not isinstance(record.payload, EventRecord | OutcomeRecord):
        raise Refused(
            ProblemCode.WRONG_KIND, "Devices hand in events and outcomes here, nothing else."
        )
    rates = call.context.record_rates
    # Asked before and charged after: who forges a name spends nothing of its owner's.
    if rates.available(record.signer) < 1:
        raise Refused(
            ProblemCode.RATE_LIMITED,
            "Too many records from this device: wait, or put more readings into one.",
            retry_after_s=rates.retry_after_s(record.signer),
        )
    submission = await call.hub.submit(raw)
    rates.charge(record.signer)
    return await receipt_of(call.context, submission, wait=wait, deadline_s=deadline_s)


ROUTES = (
    Route(
        method="POST",
        path="/v1/events",
        handler=hand_in,
        access=Access.OPEN,
        summary=(
            "Hand in one event or outcome (application/jose), or up to 256 of them "
            "(application/json). Repeating the same bytes is safe and answers the same. With "
            "`Prefer: respond-async` the answer comes as soon as the records are durable here."
        ),
        body={JOSE: None, JSON: RecordBatch},
        answer=(Receipt, BatchResult),
        also={202: "Durable on this hub, not final yet."},
        problems=RECORD_PROBLEMS,
    ),
)
