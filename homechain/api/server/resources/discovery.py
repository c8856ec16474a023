"""`/.well-known/homechain`: which home and hub answer here."""

from aiohttp import web

from homechain.api.schema.discovery import WellKnown
from homechain.api.server.answers import json_answer
from homechain.api.server.routes import Access, Call, Route
from homechain.model.configuration import PROTOCOL_VERSION
from homechain.model.ids import digest_text


async def well_known(call: Call) -> web.StreamResponse:
    """What anybody on the network may know."""
    hub = call.hub
    return json_answer(
        WellKnown(
            protocol=PROTOCOL_VERSION,
            home=digest_text(hub.home),
            home_name=hub.state.home.name,
            hub=hub.did,
            hub_name=hub.name,
            pairing_open=hub.pairing is not None,
            clock_ms=call.context.clock_ms(),
            residents_port=call.context.residents_port,
        )
    )


ROUTES = (
    Route(
        method="GET",
        path="/.well-known/homechain",
        handler=well_known,
        access=Access.OPEN,
        summary="Which home and hub answer here, and the hub's clock. A hint, never trust.",
        answer=WellKnown,
    ),
)
