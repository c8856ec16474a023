"""`/v1/mesh`, `/v1/requests`, `/v1/pairing`: the hubs, and what waits to be taken in."""

import logging

import msgspec
from aiohttp import web

from homechain.api.schema.mesh import DeviceRequest, HubRequest, MeshView, Pairing, RequestList
from homechain.api.server.answers import json_answer
from homechain.api.server.desk import described
from homechain.api.server.ports import Hub
from homechain.api.server.routes import Access, Call, Route
from homechain.api.server.views import mesh_view
from homechain.ledger.errors import Inadmissible
from homechain.ledger.names import forbidden_character
from homechain.ledger.pairing import pairing_digits
from homechain.model.messages import PendingDevice, PendingHub
from homechain.model.records import HubDescription

logger = logging.getLogger(__name__)


async def mesh(call: Call) -> web.StreamResponse:
    """The hubs, as this hub sees them."""
    return json_answer(mesh_of(call.hub))


def mesh_of(hub: Hub) -> MeshView:
    """The mesh as it is now."""
    return mesh_view(hub.mesh_report(), hub=hub.did, height=hub.head.height)


async def requests(call: Call) -> web.StreamResponse:
    """Devices with their digits, and hubs, that wait for approval."""
    return json_answer(requests_of(call.hub))


def requests_of(hub: Hub) -> RequestList:
    """What waits now. Requests that other hubs sent are strangers' words: bad ones are left out."""
    devices = [_device_request(hub, request) for request in hub.device_requests()]
    hubs = [_hub_request(request) for request in hub.hub_requests()]
    return RequestList(
        devices=[request for request in devices if request is not None],
        hubs=[request for request in hubs if request is not None],
        pairing=_pairing(hub),
    )


def _device_request(hub: Hub, request: PendingDevice) -> DeviceRequest | None:
    try:
        description = described(request.description)
        digits = pairing_digits(
            home=hub.home,
            hub=request.hub,
            description_id=description.id,
            hub_nonce=request.hub_nonce,
            device_nonce=request.device_nonce,
        )
    except (Inadmissible, ValueError) as error:
        logger.info("a device's request from another hub is unreadable: %s", error)
        return None
    thing = description.payload.thing
    return DeviceRequest(
        did=description.signer,
        title=thing.title,
        kind=thing.at_type,
        manufacturer=thing.manufacturer if isinstance(thing.manufacturer, str) else "",
        model=thing.model if isinstance(thing.model, str) else "",
        digits=digits,
        hub=request.hub,
        seen_ms=request.seen_ms,
        description=description.raw.decode("ascii"),
        thing=thing,
    )


def _hub_request(request: PendingHub) -> HubRequest | None:
    try:
        description = msgspec.json.decode(request.description, type=HubDescription)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        logger.info("a hub's request is unreadable: %s", error)
        return None
    if forbidden_character(description.name) is not None:
        return None
    return HubRequest(
        did=description.hub,
        name=description.name,
        description=description,
        via=request.via,
        seen_ms=request.seen_ms,
    )


def _pairing(hub: Hub) -> Pairing:
    """The window without its code: that is told once, to whoever opened it."""
    window = hub.pairing
    return Pairing(open=window is not None, closes_ms=window.closes_ms if window else None)


async def open_pairing(call: Call) -> web.StreamResponse:
    """Opens the window in which another hub may join; the answer holds the code."""
    window = call.hub.open_pairing()
    return json_answer(Pairing(open=True, code=window.code, closes_ms=window.closes_ms))


async def close_pairing(call: Call) -> web.StreamResponse:
    """Closes the window."""
    call.hub.close_pairing()
    return json_answer(_pairing(call.hub))


ROUTES = (
    Route(
        method="GET",
        path="/v1/mesh",
        handler=mesh,
        access=Access.RESIDENT,
        summary="The hubs, as this hub sees them.",
        answer=MeshView,
    ),
    Route(
        method="GET",
        path="/v1/requests",
        handler=requests,
        access=Access.RESIDENT,
        summary="Devices with their digits, and hubs, that wait for approval.",
        answer=RequestList,
    ),
    Route(
        method="POST",
        path="/v1/pairing",
        handler=open_pairing,
        access=Access.RESIDENT,
        summary="Open the window in which another hub may join; the answer holds the code.",
        answer=Pairing,
    ),
    Route(
        method="DELETE",
        path="/v1/pairing",
        handler=close_pairing,
        access=Access.RESIDENT,
        summary="Close the window.",
        answer=Pairing,
    ),
)
