"""`/v1/devices/{did}/commands`: the stream that a device opens to be told what to do."""

from contextlib import aclosing

from aiohttp import web

from homechain.api.schema.commands import CommandKeepAlive, CommandLine, CommandOrder
from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import NDJSON, LineStream, open_lines
from homechain.api.server.bulletin import Delivered
from homechain.api.server.merging import News, Tick, merged
from homechain.api.server.refusals import Refused
from homechain.api.server.routes import Access, Call, Route
from homechain.ledger.errors import ProofRefused
from homechain.model.ids import digest_text
from homechain.model.limits import COMMAND_LIFETIME_S
from homechain.model.records import CommandRecord
from homechain.node.feed import FinalNotice, Resync

WAITING_COMMANDS = 256
"""Most commands that a device is handed when it comes back; none is older than a minute."""


async def commands(call: Call) -> web.StreamResponse:
    """First the allowed commands that wait, then each as it becomes final."""
    device = call.did()
    if device != call.signer:
        raise Refused(ProblemCode.FORBIDDEN, "A device hears only its own commands.")
    context = call.context
    with (
        call.hub.subscribe() as listener,
        context.bulletin.subscribe() as local,
        context.device_streams.held(device) as ticket,
    ):
        lines = await open_lines(call.request, write_wait_s=context.limits.write_wait_s)
        sent: dict[bytes, int] = {}
        await lines.send(CommandKeepAlive(clock_ms=context.clock_ms()))
        await _hand_over(call, lines, await _waiting(call, device), sent)
        keep_alive_s = context.limits.keep_alive_s
        async with aclosing(merged(listener, local, keep_alive_s=keep_alive_s)) as stream:
            async for news in stream:
                replaced = not context.device_streams.is_newest(device, ticket)
                if replaced or not _in_service(call, device):
                    break
                await _hand_over(call, lines, await _due(call, device, news), sent)
                if isinstance(news, Tick):
                    await lines.send(CommandKeepAlive(clock_ms=context.clock_ms()))
    return lines.response


def _in_service(call: Call, device: str) -> bool:
    known = call.hub.state.device(device)
    return known is not None and not known.retired


async def _due(call: Call, device: str, news: News) -> list[bytes]:
    """Ids of commands that this news asks to hand over."""
    match news:
        case FinalNotice():
            allowed = {decision.command for decision in news.decisions if decision.allowed}
            return [
                record.id
                for record in news.records
                if isinstance(record.payload, CommandRecord)
                and record.payload.device == device
                and record.id in allowed
            ]
        case Resync():
            return await _waiting(call, device)
        case _:
            return []


async def _waiting(call: Call, device: str) -> list[bytes]:
    """Allowed commands without an outcome whose time is not over, oldest first."""
    rows = await call.hub.queries.commands(device=device, waiting_only=True, limit=WAITING_COMMANDS)
    time_ms = call.context.time_ms()
    return [row.id for row in reversed(rows) if row.expires_s * 1000 > time_ms]


async def _hand_over(
    call: Call, lines: LineStream, due: list[bytes], sent: dict[bytes, int]
) -> None:
    """Each command once a stream, with its proof. `sent` forgets what cannot come again."""
    now_ms = call.context.clock_ms()
    for command in due:
        if command in sent:
            continue
        try:
            proof = await call.hub.command_proof(command)
        except ProofRefused:
            continue  # denied, or its time is over: nothing that a device could believe
        await lines.send(CommandOrder(id=digest_text(command), proof=proof))
        sent[command] = now_ms
        call.context.deliveries.note(command, at_ms=now_ms)
        call.context.bulletin.publish(Delivered(command))
    for command in [
        command for command, at_ms in sent.items() if now_ms - at_ms > 2 * COMMAND_LIFETIME_S * 1000
    ]:
        del sent[command]


ROUTES = (
    Route(
        method="GET",
        path="/v1/devices/{did}/commands",
        handler=commands,
        access=Access.DEVICE,
        summary=(
            "The device's command stream: one JSON object a line, each command with its proof, "
            "keep-alives between. A newer stream of the same device ends the older one."
        ),
        answer=CommandLine,
        answer_media=NDJSON,
        problems=(ProblemCode.FORBIDDEN, ProblemCode.BUSY),
    ),
)
