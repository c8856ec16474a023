"""`/v1/records`, `/v1/counter`, `/v1/blocks`: what persons hand in, and the final ledger."""

import asyncio
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from homechain.api.schema.fields import Request
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import (
    BlockPage,
    Counter,
    InclusionProof,
    Receipt,
    ReceiptStatus,
    RecordDetail,
    RecordPage,
    RecordView,
)
from homechain.api.server.answers import json_answer
from homechain.api.server.bodies import JOSE
from homechain.api.server.intake import final_deadline_s, receipt_of
from homechain.api.server.limits import PAGE_ITEMS
from homechain.api.server.refusals import Refused
from homechain.api.server.resources.events import RECORD_PROBLEMS
from homechain.api.server.resources.home import sight_of
from homechain.api.server.routes import Access, Call, Route
from homechain.api.server.views import block_view, command_view, record_view
from homechain.ledger.records import read_record
from homechain.model.blocks import read_header
from homechain.model.ids import Did, digest_from_text, digest_text
from homechain.model.limits import COUNTER_MAX, MESSAGE_BYTES
from homechain.model.records import RECORD_TYPES, EventRecord, Genesis, OutcomeRecord
from homechain.node.queries import CommandRow, RecordRow

_KINDS: Final = frozenset(kind.KIND for kind in RECORD_TYPES)
BLOCKS_PER_PAGE: Final = 200


class RecordsQuery(Request, frozen=True, kw_only=True):
    """Which records, newest first."""

    kind: Annotated[str, Meta(max_length=128)] = ""
    """Kinds with commas between; all, if it is not given."""
    signer: Did | None = None
    device: Did | None = None
    """Also commands for it."""
    before: Annotated[int, Meta(ge=0, le=COUNTER_MAX)] | None = None
    """`index` of the last record of the page before."""
    limit: Annotated[int, Meta(ge=1, le=PAGE_ITEMS)] = 100


class BlocksQuery(Request, frozen=True, kw_only=True, rename={"from_height": "from"}):
    """Which blocks, ascending."""

    from_height: Annotated[int, Meta(ge=0, le=COUNTER_MAX)] = 0
    limit: Annotated[int, Meta(ge=1, le=BLOCKS_PER_PAGE)] = 50


async def hand_in(call: Call) -> web.StreamResponse:
    """A person's own signed record; answered once final, a command with its decision."""
    raw = await call.jose()
    record = read_record(raw)
    if isinstance(record.payload, EventRecord | OutcomeRecord | Genesis):
        raise Refused(ProblemCode.WRONG_KIND, f"A person hands in no {record.kind} record.")
    if record.signer != call.person.did:
        raise Refused(ProblemCode.FORBIDDEN, "Hand in only what the key of this session signed.")
    deadline_s = final_deadline_s(call.context)
    submission = await call.hub.submit(raw)
    receipt = await receipt_of(
        call.context, submission, wait=not call.respond_async, deadline_s=deadline_s
    )
    return json_answer(receipt, status=200 if receipt.status is ReceiptStatus.FINAL else 202)


async def counter(call: Call) -> web.StreamResponse:
    """The next free counter, as far as final records tell."""
    highest = call.hub.state.counter(call.person.did).highest
    return json_answer(Counter(next=highest + 1))


async def record_page(call: Call) -> web.StreamResponse:
    """Final records, newest first; a guest sees those that they signed."""
    query = call.query(RecordsQuery)
    kinds = tuple(word for word in query.kind.split(",") if word)
    if not _KINDS.issuperset(kinds):
        raise Refused(
            ProblemCode.INVALID_PARAMETER, f"kind is made of {', '.join(sorted(_KINDS))}."
        )
    signer = query.signer if sight_of(call).sees_everything else call.person.did
    rows = await call.hub.queries.recent_records(
        kinds=kinds,
        signer=signer,
        device=query.device,
        before_index=query.before,
        limit=query.limit + 1,
    )
    views = await asyncio.gather(*(_view(call, row) for row in rows[: query.limit]))
    return json_answer(RecordPage(records=views, more=len(rows) > query.limit))


async def _view(call: Call, row: RecordRow) -> RecordView:
    command = await call.hub.queries.command(row.id) if row.kind == "command" else None
    decision = command.decision if command is not None else None
    return record_view(row, call.hub.state, decision=decision)


async def one_record(call: Call) -> web.StreamResponse:
    """One record down to its signature, with its proof and, for commands, its life."""
    row = await call.hub.queries.record(call.digest("id"))
    command = await _command_of(call, row) if row is not None else None
    if row is None or not _may_see(call, row, command):
        raise Refused(
            ProblemCode.NOT_FOUND, "No final record has this id, or it is not for you to see."
        )
    decision = command.decision if command is not None and command.id == row.id else None
    return json_answer(
        RecordDetail(
            record=record_view(row, call.hub.state, decision=decision),
            raw=row.raw.decode("ascii"),
            proof=await _proof(call, row),
            command=None
            if command is None
            else command_view(
                command,
                call.hub.state,
                delivered_ms=call.context.deliveries.at_ms(command.id),
                time_ms=call.context.time_ms(),
            ),
        )
    )


async def _command_of(call: Call, row: RecordRow) -> CommandRow | None:
    if row.kind == "command":
        return await call.hub.queries.command(row.id)
    payload = read_record(row.raw).payload
    if isinstance(payload, OutcomeRecord):
        return await call.hub.queries.command(digest_from_text(payload.command))
    return None


def _may_see(call: Call, row: RecordRow, command: CommandRow | None) -> bool:
    sight = sight_of(call)
    if command is not None:
        return sight.command(command)
    return sight.record(read_record(row.raw).payload)


async def _proof(call: Call, row: RecordRow) -> InclusionProof | None:
    covering = await call.hub.queries.covering_commit(row.height)
    if covering is None:
        return None
    header, commit = covering
    size = read_header(header).tree_size
    path = await call.hub.queries.inclusion_path(index=row.index, size=size)
    return InclusionProof(
        index=row.index,
        tree_size=size,
        path=[digest_text(node) for node in path],
        header=header,
        commit=commit,
    )


async def blocks(call: Call) -> web.StreamResponse:
    """Final blocks, ascending."""
    query = call.query(BlocksQuery)
    found = await call.hub.queries.blocks(
        query.from_height, limit=query.limit, at_most_bytes=MESSAGE_BYTES
    )
    configuration = call.hub.state.configuration
    return json_answer(
        BlockPage(
            blocks=[block_view(block, {configuration.epoch: configuration}) for block in found],
            head_height=call.hub.head.height,
        )
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/records",
        handler=hand_in,
        access=Access.PERSON,
        summary=(
            "Hand in a record that the session's person signed. Repeating the same bytes is safe "
            "and answers the same, here or at another hub."
        ),
        body={JOSE: None},
        answer=Receipt,
        also={202: "Durable on this hub, not final yet (`Prefer: respond-async`)."},
        problems=(
            *RECORD_PROBLEMS,
            ProblemCode.FORBIDDEN,
            ProblemCode.NOT_ALLOWED,
            ProblemCode.EXPIRED,
            ProblemCode.UNKNOWN_DEVICE,
        ),
    ),
    Route(
        method="GET",
        path="/v1/records",
        handler=record_page,
        access=Access.PERSON,
        summary="Final records, newest first.",
        query=RecordsQuery,
        answer=RecordPage,
    ),
    Route(
        method="GET",
        path="/v1/records/{id}",
        handler=one_record,
        access=Access.PERSON,
        summary="One record down to its signature, with its proof.",
        answer=RecordDetail,
        problems=(ProblemCode.NOT_FOUND,),
    ),
    Route(
        method="GET",
        path="/v1/counter",
        handler=counter,
        access=Access.PERSON,
        summary="The next free counter of the session's person.",
        answer=Counter,
    ),
    Route(
        method="GET",
        path="/v1/blocks",
        handler=blocks,
        access=Access.RESIDENT,
        summary="Final blocks, ascending.",
        query=BlocksQuery,
        answer=BlockPage,
    ),
)
