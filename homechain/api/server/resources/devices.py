"""`/v1/devices`, as residents see them: present values, the past, and who may."""

import asyncio
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from homechain.api.schema.devices import (
    ActionAccess,
    DeviceAccess,
    DeviceHistory,
    DeviceList,
    DeviceView,
    PersonAccess,
    PropertyView,
    ReadingList,
)
from homechain.api.schema.fields import Request
from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import json_answer
from homechain.api.server.limits import PAGE_ITEMS
from homechain.api.server.refusals import Refused
from homechain.api.server.resources.home import sight_of
from homechain.api.server.routes import Access, Call, Route
from homechain.api.server.views import command_view, reading_view
from homechain.ledger.entries import Device, Person
from homechain.ledger.policy import explain
from homechain.model.records import DeviceKind, Milliseconds, Word
from homechain.node.queries import ReadingRow

Limit = Annotated[int, Meta(ge=1, le=PAGE_ITEMS)]


class DevicesQuery(Request, frozen=True, kw_only=True):
    """Which devices."""

    kind: DeviceKind | None = None
    area: Annotated[str, Meta(max_length=256)] | None = None
    retired: bool = False
    """Also those out of service."""


class HistoryQuery(Request, frozen=True, kw_only=True):
    """How much."""

    limit: Limit = 50


class ReadingsQuery(Request, frozen=True, kw_only=True):
    """Which values, newest first."""

    name: Word | None = None
    since: Milliseconds = 0
    """Milliseconds since 1970, on the device's clock."""
    limit: Limit = PAGE_ITEMS


def _shown_device(call: Call) -> Device:
    """The path's device. What a guest may not see is not there for them."""
    device = call.hub.state.device(call.did())
    if device is None or not sight_of(call).device(device.did):
        raise Refused(ProblemCode.UNKNOWN_DEVICE, "This home has no such device for you.")
    return device


async def _device_view(call: Call, device: Device, properties: list[PropertyView]) -> DeviceView:
    thing, newest = await asyncio.gather(
        call.context.thing(device.did),
        call.hub.queries.recent_records(signer=device.did, limit=1),
    )
    at_ms = call.context.time_ms()
    return DeviceView(
        did=device.did,
        kind=device.kind,
        name=device.name,
        area=device.area,
        title=thing.title,
        thing=thing,
        properties={value.name: value for value in properties},
        my_actions=[
            action
            for action in device.actions
            if explain(
                call.hub.state,
                person=call.person.did,
                device=device.did,
                action=action,
                at_ms=at_ms,
            ).allowed
        ],
        last_seen_ms=newest[0].time_ms if newest else None,
        connected=device.did in call.context.device_streams,
        retired=device.retired,
    )


async def device_list(call: Call) -> web.StreamResponse:
    """Devices by area and name, with their newest values."""
    query = call.query(DevicesQuery)
    sight = sight_of(call)
    chosen = [
        device
        for device in call.hub.state.devices()
        if sight.device(device.did)
        and (query.retired or not device.retired)
        and query.kind in (None, device.kind)
        and query.area in (None, device.area)
    ]
    chosen.sort(key=lambda device: (device.area.casefold(), device.name.casefold(), device.did))
    values: dict[str, list[PropertyView]] = {}
    for row in await call.hub.queries.properties():
        values.setdefault(row.device, []).append(
            PropertyView(name=row.name, value=row.value, at_ms=row.at_ms, height=row.height)
        )
    views = await asyncio.gather(
        *(_device_view(call, device, values.get(device.did, [])) for device in chosen)
    )
    return json_answer(DeviceList(devices=views))


async def one_device(call: Call) -> web.StreamResponse:
    """One device with its newest values."""
    device = _shown_device(call)
    rows = await call.hub.queries.properties(device.did)
    values = [
        PropertyView(name=row.name, value=row.value, at_ms=row.at_ms, height=row.height)
        for row in rows
    ]
    return json_answer(await _device_view(call, device, values))


async def history(call: Call) -> web.StreamResponse:
    """Commands to one device and what it reported, newest first each."""
    query = call.query(HistoryQuery)
    device = _shown_device(call)
    sight = sight_of(call)
    commands, readings = await asyncio.gather(
        call.hub.queries.commands(device=device.did, limit=query.limit),
        call.hub.queries.readings(device=device.did, limit=query.limit),
    )
    time_ms = call.context.time_ms()
    return json_answer(
        DeviceHistory(
            commands=[
                command_view(
                    row,
                    call.hub.state,
                    delivered_ms=call.context.deliveries.at_ms(row.id),
                    time_ms=time_ms,
                )
                for row in commands
                if sight.command(row)
            ],
            readings=[reading_view(row) for row in await _visible(call, readings)],
        )
    )


async def readings(call: Call) -> web.StreamResponse:
    """Past values, for a plot."""
    query = call.query(ReadingsQuery)
    device = _shown_device(call)
    rows = await call.hub.queries.readings(
        device=device.did, name=query.name, since_ms=query.since, limit=query.limit
    )
    return json_answer(
        ReadingList(readings=[reading_view(row) for row in await _visible(call, rows)])
    )


async def _visible(call: Call, rows: list[ReadingRow]) -> list[ReadingRow]:
    sight = sight_of(call)
    if sight.sees_everything:
        return rows
    mine = {
        row.id for row in await call.hub.queries.commands(person=call.person.did, limit=PAGE_ITEMS)
    }
    return [row for row in rows if sight.reading(row, mine=row.command in mine)]


async def access(call: Call) -> web.StreamResponse:
    """Who may do what on one device now, and why."""
    device = _shown_device(call)
    sight = sight_of(call)
    persons = [
        person
        for person in call.hub.state.persons()
        if not person.removed and sight.person(person.did)
    ]
    persons.sort(key=lambda person: (person.name.casefold(), person.did))
    return json_answer(
        DeviceAccess(
            device=device.did,
            persons=[_person_access(call, device, person) for person in persons],
        )
    )


def _person_access(call: Call, device: Device, person: Person) -> PersonAccess:
    at_ms = call.context.time_ms()
    actions = []
    for action in device.actions:
        verdict = explain(
            call.hub.state, person=person.did, device=device.did, action=action, at_ms=at_ms
        )
        actions.append(
            ActionAccess(
                action=action,
                allowed=verdict.allowed,
                code=verdict.code,
                reason=verdict.reason,
                grant=verdict.grant,
            )
        )
    return PersonAccess(person=person.did, name=person.name, role=person.role, actions=actions)


ROUTES = (
    Route(
        method="GET",
        path="/v1/devices",
        handler=device_list,
        access=Access.PERSON,
        summary="Devices by area and name, with their newest values.",
        query=DevicesQuery,
        answer=DeviceList,
    ),
    Route(
        method="GET",
        path="/v1/devices/{did}",
        handler=one_device,
        access=Access.PERSON,
        summary="One device with its newest values.",
        answer=DeviceView,
        problems=(ProblemCode.UNKNOWN_DEVICE,),
    ),
    Route(
        method="GET",
        path="/v1/devices/{did}/history",
        handler=history,
        access=Access.PERSON,
        summary="Commands to one device and what it reported, newest first each.",
        query=HistoryQuery,
        answer=DeviceHistory,
        problems=(ProblemCode.UNKNOWN_DEVICE,),
    ),
    Route(
        method="GET",
        path="/v1/devices/{did}/readings",
        handler=readings,
        access=Access.PERSON,
        summary="Past values of one device, newest first.",
        query=ReadingsQuery,
        answer=ReadingList,
        problems=(ProblemCode.UNKNOWN_DEVICE,),
    ),
    Route(
        method="GET",
        path="/v1/devices/{did}/access",
        handler=access,
        access=Access.PERSON,
        summary="Who may do what on one device now, and why.",
        answer=DeviceAccess,
        problems=(ProblemCode.UNKNOWN_DEVICE,),
    ),
)
