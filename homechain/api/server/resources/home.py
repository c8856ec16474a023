"""`/v1/home`, `/v1/persons`, `/v1/grants`, `/v1/explain`: the home and who may do what in it."""

from aiohttp import web

from homechain.api.schema.fields import Request
from homechain.api.schema.home import (
    Explanation,
    GrantList,
    HomeCounts,
    HomeView,
    Me,
    PersonList,
    QuorumView,
)
from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import json_answer
from homechain.api.server.refusals import Refused
from homechain.api.server.routes import Access, Call, Route
from homechain.api.server.sight import Sight
from homechain.api.server.views import grant_view, person_view, quorum_words
from homechain.ledger.policy import explain as explain_policy
from homechain.model.ids import Did, digest_text
from homechain.model.records import Milliseconds, Role, Word


class GrantsQuery(Request, frozen=True, kw_only=True):
    """Which grants."""

    person: Did | None = None
    device: Did | None = None


class ExplainQuery(Request, frozen=True, kw_only=True):
    """May this person do that on this device at that time?"""

    person: Did
    device: Did
    action: Word
    at: Milliseconds | None = None
    """Milliseconds since 1970; now, if it is not given."""


def sight_of(call: Call) -> Sight:
    """What the asking person may see now."""
    return Sight(call.hub.state, call.person, time_ms=call.context.time_ms())


def home_view(call: Call) -> HomeView:
    """The home as the asking person may see it."""
    hub, state, person = call.hub, call.hub.state, call.person
    sight = sight_of(call)
    report = hub.mesh_report()
    devices = [
        device for device in state.devices() if not device.retired and sight.device(device.did)
    ]
    may_approve = person.role is not Role.GUEST
    return HomeView(
        home=digest_text(hub.home),
        name=state.home.name,
        time_zone=state.home.time_zone,
        hub=hub.did,
        hub_name=hub.name,
        me=Me(did=person.did, name=person.name, role=person.role),
        height=hub.head.height,
        head=digest_text(hub.head.hash),
        head_time_ms=hub.head.time_ms,
        clock_ms=call.context.clock_ms(),
        quorum=QuorumView(
            hubs=sum(each.member for each in report.hubs),
            quorum=report.quorum,
            lying=report.lying,
            silent=report.silent,
            linked=sum(
                each.member and (each.linked or each.did == hub.did) for each in report.hubs
            ),
            fresh=report.fresh,
            words=quorum_words(lying=report.lying, silent=report.silent),
        ),
        counts=HomeCounts(
            devices=len(devices),
            persons=sum(not each.removed and sight.person(each.did) for each in state.persons()),
            grants=sum(not each.revoked and sight.grant(each) for each in state.grants()),
            records=hub.head.tree_size if may_approve else 0,
            device_requests=len(hub.device_requests()) if may_approve else 0,
            hub_requests=len(hub.hub_requests()) if may_approve else 0,
        ),
        pairing_open=hub.pairing is not None,
        areas=sorted({device.area for device in devices}),
    )


async def home(call: Call) -> web.StreamResponse:
    """The home at a glance, and who is asking."""
    return json_answer(home_view(call))


async def persons(call: Call) -> web.StreamResponse:
    """Everybody, by name; a guest sees only themselves."""
    sight = sight_of(call)
    shown = [person for person in call.hub.state.persons() if sight.person(person.did)]
    shown.sort(key=lambda person: (person.removed, person.name.casefold(), person.did))
    return json_answer(PersonList(persons=[person_view(person) for person in shown]))


async def grants(call: Call) -> web.StreamResponse:
    """Grants, newest first; a guest sees only their own."""
    query = call.query(GrantsQuery)
    state, sight = call.hub.state, sight_of(call)
    device = state.device(query.device) if query.device is not None else None
    shown = [
        grant
        for grant in state.grants()
        if sight.grant(grant)
        and query.person in (None, grant.subject)
        and (
            query.device is None
            or (
                device is not None
                and any(
                    device.did in allowance.devices or device.area in allowance.areas
                    for allowance in grant.allowances
                )
            )
        )
    ]
    shown.sort(key=lambda grant: (-grant.given_ms, grant.jti))
    time_ms = call.context.time_ms()
    return json_answer(
        GrantList(grants=[grant_view(grant, state, time_ms=time_ms) for grant in shown])
    )


async def explain(call: Call) -> web.StreamResponse:
    """The same function that decides commands, asked in advance."""
    query = call.query(ExplainQuery)
    sight = sight_of(call)
    if not sight.person(query.person) or not sight.device(query.device):
        raise Refused(
            ProblemCode.FORBIDDEN, "A guest asks only about themselves and what they hold."
        )
    at_ms = call.context.time_ms() if query.at is None else query.at
    verdict = explain_policy(
        call.hub.state, person=query.person, device=query.device, action=query.action, at_ms=at_ms
    )
    return json_answer(
        Explanation(
            person=query.person,
            device=query.device,
            action=query.action,
            at_ms=at_ms,
            allowed=verdict.allowed,
            code=verdict.code,
            reason=verdict.reason,
            grant=verdict.grant,
        )
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/home",
        handler=home,
        access=Access.PERSON,
        summary="The home at a glance, and who is asking.",
        answer=HomeView,
    ),
    Route(
        method="GET",
        path="/v1/persons",
        handler=persons,
        access=Access.PERSON,
        summary="Everybody, by name.",
        answer=PersonList,
    ),
    Route(
        method="GET",
        path="/v1/grants",
        handler=grants,
        access=Access.PERSON,
        summary="Grants, newest first, ended ones included.",
        query=GrantsQuery,
        answer=GrantList,
    ),
    Route(
        method="GET",
        path="/v1/explain",
        handler=explain,
        access=Access.PERSON,
        summary="May this person do that on this device at that time, and why?",
        query=ExplainQuery,
        answer=Explanation,
        problems=(ProblemCode.FORBIDDEN,),
    ),
)
