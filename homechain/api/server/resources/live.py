"""`/v1/stream`: the live feed of a dashboard, one JSON object a line."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from homechain.api.schema.commands import CommandView
from homechain.api.schema.devices import PropertyView
from homechain.api.schema.fields import Request
from homechain.api.schema.live import (
    LiveBlock,
    LiveCommand,
    LiveHello,
    LiveHome,
    LiveItem,
    LiveKeepAlive,
    LiveMesh,
    LiveProperty,
    LiveRequests,
    LiveResync,
)
from homechain.api.schema.mesh import MeshView, RequestList
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import RecordView
from homechain.api.server.answers import NDJSON, LineStream, open_lines
from homechain.api.server.bulletin import Delivered, RequestsChanged
from homechain.api.server.merging import News, Tick, merged
from homechain.api.server.resources.home import home_view, sight_of
from homechain.api.server.resources.mesh import mesh_of, requests_of
from homechain.api.server.routes import Access, Call, Route
from homechain.api.server.views import command_view, record_view
from homechain.ledger.decisions import Decision
from homechain.ledger.records import SignedRecord, read_record
from homechain.model.blocks import block_hash, read_header
from homechain.model.ids import digest_from_text, digest_text
from homechain.model.limits import COUNTER_MAX
from homechain.model.records import CommandRecord, EventRecord, OutcomeRecord, Role
from homechain.node.feed import FinalNotice, MeshNotice, Resync
from homechain.node.queries import CommandRow, DecisionRow, RecordRow

_CHANGES_HOME: Final = frozenset({"person", "hub", "device", "retire", "grant", "revoke"})


class StreamQuery(Request, frozen=True, kw_only=True):
    """Where to resume."""

    after: Annotated[int, Meta(ge=0, le=COUNTER_MAX)] | None = None
    """Height up to which everything was read; from now on, if it is not given."""


async def stream(call: Call) -> web.StreamResponse:
    """What changes, as it changes, for as long as the reader listens and belongs to the home."""
    query = call.query(StreamQuery)
    context = call.context
    with (
        context.stream_of(call.person.did),
        call.hub.subscribe() as listener,
        context.bulletin.subscribe() as local,
    ):
        lines = await open_lines(call.request, write_wait_s=context.limits.write_wait_s)
        feed = _LiveFeed(call, lines)
        await feed.begin(query.after)
        keep_alive_s = context.limits.keep_alive_s
        async with aclosing(merged(listener, local, keep_alive_s=keep_alive_s)) as changes:
            async for news in changes:
                if not await feed.tell(news):
                    break
    return lines.response


class _LiveFeed:
    """One reader's feed: what was told, and who listens."""

    def __init__(self, call: Call, lines: LineStream) -> None:
        self._call = call
        self._lines = lines
        self._height = call.hub.head.height
        self._mesh: MeshView | None = None
        self._requests: RequestList | None = None

    async def begin(self, after: int | None) -> None:
        """Hello, and what happened since `after`."""
        call = self._call
        await self._lines.send(
            LiveHello(hub=call.hub.did, height=self._height, clock_ms=call.context.clock_ms())
        )
        if after is None or after == self._height:
            return
        if not 0 <= self._height - after <= call.context.limits.resume_blocks:
            await self._lines.send(LiveResync(height=self._height))
            return
        for height in range(after + 1, self._height + 1):
            await self._lines.send(*await _past_block(call, height))

    async def tell(self, news: News) -> bool:
        """Passes on what this person may see; False once they no longer belong to the home."""
        person = self._call.hub.state.person(self._call.person.did)
        if person is None or person.removed:
            return False
        # Roles and grants may have changed with the very block that is told now.
        self._call = replace(self._call, asker=person)
        items = await self._items(news)
        if items:
            await self._lines.send(*items)
        return True

    async def _items(self, news: News) -> list[LiveItem]:
        call, height = self._call, self._call.hub.head.height
        match news:
            case FinalNotice() if news.height > self._height:
                self._height = news.height
                return await _block(call, news)
            case Resync():
                self._height = height
                return [LiveResync(height=height)]
            case MeshNotice():
                return [LiveHome(home=home_view(call)), *self._news_of_mesh()]
            case RequestsChanged():
                return self._news_of_mesh()
            case Delivered():
                row = await call.hub.queries.command(news.command)
                if row is None or not sight_of(call).command(row):
                    return []
                return [LiveCommand(command=_command(call, row))]
            case Tick():
                alive = LiveKeepAlive(height=height, clock_ms=call.context.clock_ms())
                return [alive, *self._news_of_mesh()]
            case _:
                return []

    def _news_of_mesh(self) -> list[LiveItem]:
        """The mesh and what waits, where they changed; guests are not told."""
        if self._call.person.role is Role.GUEST:
            return []
        items: list[LiveItem] = []
        mesh, requests = mesh_of(self._call.hub), requests_of(self._call.hub)
        if mesh != self._mesh:
            self._mesh = mesh
            items.append(LiveMesh(mesh=mesh))
        if requests != self._requests:
            self._requests = requests
            items.append(LiveRequests(requests=requests))
        return items


def _command(call: Call, row: CommandRow) -> CommandView:
    return command_view(
        row,
        call.hub.state,
        delivered_ms=call.context.deliveries.at_ms(row.id),
        time_ms=call.context.time_ms(),
    )


async def _block(call: Call, notice: FinalNotice) -> list[LiveItem]:
    rows = [
        (
            RecordRow(
                id=record.id,
                raw=record.raw,
                kind=record.kind,
                signer=record.signer,
                height=notice.height,
                index=notice.first_index + offset,
                time_ms=notice.time_ms,
            ),
            record,
        )
        for offset, record in enumerate(notice.records)
    ]
    return await _items_of_block(
        call,
        rows,
        height=notice.height,
        block=notice.hash,
        time_ms=notice.time_ms,
        decisions={decision.command: decision for decision in notice.decisions},
    )


async def _past_block(call: Call, height: int) -> list[LiveItem]:
    certified = await call.hub.queries.block(height)
    if certified is None:
        return [LiveResync(height=call.hub.head.height)]
    rows = await call.hub.queries.records_of_block(height)
    return await _items_of_block(
        call,
        [(row, read_record(row.raw)) for row in rows],
        height=height,
        block=block_hash(certified.block.header),
        time_ms=read_header(certified.block.header).time_ms,
        decisions={},
    )


async def _items_of_block(
    call: Call,
    rows: Sequence[tuple[RecordRow, SignedRecord]],
    *,
    height: int,
    block: bytes,
    time_ms: int,
    decisions: dict[bytes, Decision],
) -> list[LiveItem]:
    """New values, then commands a step further, then the block, then the home if it changed."""
    sight = sight_of(call)
    views: list[RecordView] = []
    commands: dict[bytes, CommandView] = {}
    devices: dict[str, None] = {}
    for row, record in rows:
        if isinstance(record.payload, EventRecord | OutcomeRecord):
            devices[record.signer] = None
        command = await _command_of(call, record)
        decision: Decision | DecisionRow | None = decisions.get(row.id)
        if command is not None:
            if not sight.command(command):
                continue
            commands[command.id] = _command(call, command)
            if command.id == row.id:
                decision = command.decision
        elif not sight.record(record.payload):
            continue
        views.append(record_view(row, call.hub.state, decision=decision))
    items: list[LiveItem] = []
    for device in devices:
        if sight.device(device):
            items += await _new_values(call, device, height)
    items += [LiveCommand(command=command) for command in commands.values()]
    items.append(LiveBlock(height=height, hash=digest_text(block), time_ms=time_ms, records=views))
    if any(row.kind in _CHANGES_HOME for row, _ in rows):
        items.append(LiveHome(home=home_view(call)))
    return items


async def _command_of(call: Call, record: SignedRecord) -> CommandRow | None:
    match record.payload:
        case CommandRecord():
            return await call.hub.queries.command(record.id)
        case OutcomeRecord() as outcome:
            return await call.hub.queries.command(digest_from_text(outcome.command))
        case _:
            return None


async def _new_values(call: Call, device: str, height: int) -> list[LiveItem]:
    return [
        LiveProperty(
            device=device,
            property=PropertyView(
                name=row.name, value=row.value, at_ms=row.at_ms, height=row.height
            ),
        )
        for row in await call.hub.queries.properties(device)
        if row.height == height
    ]


ROUTES = (
    Route(
        method="GET",
        path="/v1/stream",
        handler=stream,
        access=Access.PERSON,
        summary="The live feed: one JSON object a line.",
        query=StreamQuery,
        answer=LiveItem,
        answer_media=NDJSON,
        problems=(ProblemCode.BUSY,),
    ),
)
