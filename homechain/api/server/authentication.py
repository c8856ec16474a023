"""Who sends a request: a device by its signature, a person by a session."""

from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.session import RequestClaims
from homechain.api.server.refusals import Refused
from homechain.api.server.routes import Access, Call
from homechain.api.server.signed_requests import read_authorization
from homechain.ledger.entries import Device, Person
from homechain.model.records import Role


async def signed_claims(call: Call) -> RequestClaims:
    """The claims of this signed request; its signature is good, its age and addressee are right."""
    header = call.request.headers.get("Authorization")
    if header is None:
        raise Refused(
            ProblemCode.UNAUTHENTICATED, "Sign this request: Authorization: Homechain <JWS>."
        )
    return await read_authorization(
        header,
        hub=call.hub.did,
        method=call.request.method,
        path=call.request.raw_path,
        clock_ms=call.context.clock_ms(),
        window_s=call.context.limits.request_clock_window_s,
    )


def device_of_key(call: Call, claims: RequestClaims) -> Device | None:
    """The device that signed, retired ones included; None for a stranger.

    Only devices of the home are remembered and counted: a stranger with a million keys fills
    nothing. Refuses a request that was seen before, and too many of them.
    """
    device = call.hub.state.device(claims.iss)
    if device is None:
        return None
    rates = call.context.request_rates
    if not rates.take(device.did):
        raise Refused(
            ProblemCode.RATE_LIMITED,
            "Too many signed requests from this device: wait.",
            retry_after_s=rates.retry_after_s(device.did),
        )
    window_s = call.context.limits.request_clock_window_s
    call.context.seen_requests.remember(device.did, claims.jti, lifetime_s=2 * window_s + 1)
    return device


async def asking_device(call: Call) -> str:
    """The device in service that signed this request."""
    claims = await signed_claims(call)
    device = device_of_key(call, claims)
    if device is None:
        raise Refused(
            ProblemCode.UNKNOWN_DEVICE, "This home has no such device: let a resident take it in."
        )
    if device.retired:
        raise Refused(ProblemCode.RETIRED, "This device is no longer in service.")
    return device.did


def asking_person(call: Call, access: Access) -> Person:
    """The person whose session this is, as the ledger knows them now."""
    scheme, _, token = call.request.headers.get("Authorization", "").partition(" ")
    did = call.context.sessions.person_of(token.strip()) if scheme == "Bearer" else None
    person = call.hub.state.person(did) if did is not None else None
    if person is None or person.removed:
        raise Refused(
            ProblemCode.UNAUTHENTICATED, "Open a session first: POST /v1/session/challenge."
        )
    if access is Access.RESIDENT and person.role is Role.GUEST:
        raise Refused(ProblemCode.FORBIDDEN, "This is for owners and residents of the home.")
    return person
