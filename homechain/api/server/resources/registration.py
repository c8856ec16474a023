"""`/v1/devices`: a device introduces itself, reveals its nonce, and asks where it stands."""

from functools import partial

from aiohttp import web

from homechain.api.schema.pairing import (
    Checkpoint,
    DeviceState,
    DeviceStatus,
    NonceReveal,
    PairingDigits,
    RegistrationAccepted,
    TrustBundle,
)
from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import json_answer
from homechain.api.server.authentication import device_of_key, signed_claims
from homechain.api.server.bodies import JOSE, JSON
from homechain.api.server.bulletin import RequestsChanged
from homechain.api.server.context import verified
from homechain.api.server.desk import Introduction, described
from homechain.api.server.ports import Hub
from homechain.api.server.refusals import Refused, refusal_of
from homechain.api.server.routes import Access, Call, Route
from homechain.crypto.errors import InvalidEncoding
from homechain.crypto.hashing import unb64u
from homechain.ledger.pairing import check_commitment, pairing_digits
from homechain.ledger.records import SignedDescription, read_description, verify_description
from homechain.model.ids import digest_text
from homechain.model.messages import PendingDevice


async def introduce(call: Call) -> web.StreamResponse:
    """Takes a signed self-description; the answer holds the hub's nonce."""
    if not call.context.registration_rates.take(call.source):
        raise Refused(
            ProblemCode.RATE_LIMITED,
            "Too many introductions from this address: wait.",
            retry_after_s=call.context.registration_rates.retry_after_s(call.source),
        )
    description = read_description(await call.jose())
    _check_addressee(call.hub, description)
    if not await verified(partial(verify_description, description)):
        raise Refused(
            ProblemCode.BAD_SIGNATURE, "The description has to be signed by the key that iss names."
        )
    entry = call.context.desk.introduce(description, source=call.source)
    device = description.signer
    return json_answer(
        RegistrationAccepted(
            device=device,
            poll=f"/v1/devices/{device}",
            reveal=f"/v1/devices/{device}/pairing",
            hub=call.hub.did,
            hub_nonce=digest_text(entry.hub_nonce),
        ),
        status=202,
    )


def _check_addressee(hub: Hub, description: SignedDescription) -> None:
    payload = description.payload
    if payload.home != digest_text(hub.home):
        raise Refused(
            ProblemCode.WRONG_HOME,
            f"This home is {digest_text(hub.home)}: describe yourself to it.",
        )
    if payload.hub != hub.did:
        raise Refused(ProblemCode.WRONG_HUB, f"This hub is {hub.did}: describe yourself to it.")
    device = hub.state.device(description.signer)
    if device is not None and device.retired:
        raise Refused(ProblemCode.RETIRED, "This key was in service before: make a new one.")
    if device is not None:
        raise Refused(
            ProblemCode.PAIRING_REFUSED,
            f"This key belongs to the home already: ask /v1/devices/{description.signer}.",
        )
    if hub.state.person(description.signer) or hub.state.hub(description.signer):
        raise Refused(ProblemCode.KEY_REFUSED, "This is a person's or a hub's key: make a new one.")


async def reveal(call: Call) -> web.StreamResponse:
    """Takes the nonce behind the commitment; the answer holds the six digits."""
    device = call.did()
    given = (await call.json(NonceReveal)).device_nonce
    entry = call.context.desk.find(device)
    if entry is None:
        raise Refused(
            ProblemCode.UNKNOWN_DEVICE, "Introduce yourself first: POST /v1/devices at this hub."
        )
    try:
        nonce = unb64u(given)
    except InvalidEncoding as error:
        raise refusal_of(error) from error
    description = entry.description
    if not check_commitment(description.payload.commitment, device_nonce=nonce):
        raise Refused(
            ProblemCode.NONCE_MISMATCH,
            "This is not the nonce of the commitment: introduce yourself again with a new one.",
        )
    if entry.revealed is None:
        _announce(call, entry, nonce)
    digits = pairing_digits(
        home=call.hub.home,
        hub=call.hub.did,
        description_id=description.id,
        hub_nonce=entry.hub_nonce,
        device_nonce=nonce,
    )
    return json_answer(PairingDigits(digits=digits))


def _announce(call: Call, entry: Introduction, nonce: bytes) -> None:
    """Only now do the residents see it, here and at the other hubs."""
    call.context.desk.reveal(entry, nonce)
    call.hub.add_device_request(
        PendingDevice(
            description=entry.description.raw,
            hub_nonce=entry.hub_nonce,
            device_nonce=nonce,
            hub=call.hub.did,
            seen_ms=call.context.clock_ms(),
        )
    )
    call.context.bulletin.publish(RequestsChanged())


async def status(call: Call) -> web.StreamResponse:
    """Where a device's key stands; with the trust bundle, if that key signed the request."""
    device = call.did()
    if "Authorization" in call.request.headers:
        claims = await signed_claims(call)
        if claims.iss != device:
            raise Refused(ProblemCode.FORBIDDEN, "A device asks only about itself.")
        known = device_of_key(call, claims)
        if known is not None and not known.retired:
            return json_answer(
                DeviceStatus(
                    device=device,
                    state=DeviceState.APPROVED,
                    clock_ms=call.context.clock_ms(),
                    name=known.name,
                    area=known.area,
                    bundle=await _bundle(call.hub),
                )
            )
    entry = call.context.desk.find(device)
    return json_answer(
        DeviceStatus(
            device=device,
            state=_state(call, device),
            clock_ms=call.context.clock_ms(),
            revealed=entry is not None and entry.revealed is not None,
        )
    )


def _state(call: Call, device: str) -> DeviceState:
    known = call.hub.state.device(device)
    if known is not None:
        return DeviceState.RETIRED if known.retired else DeviceState.APPROVED
    if call.context.desk.find(device) is not None:
        return DeviceState.PENDING
    waits = any(
        described(request.description).signer == device for request in call.hub.device_requests()
    )
    return DeviceState.PENDING if waits else DeviceState.UNKNOWN


async def _bundle(hub: Hub) -> TrustBundle:
    material = await hub.trust_material()
    return TrustBundle(
        home=digest_text(hub.home),
        genesis=material.genesis.decode("ascii"),
        configuration_steps=list(material.configuration_steps),
        checkpoint=Checkpoint(header=material.checkpoint_header, commit=material.checkpoint_commit),
        hubs=[each.description for each in hub.state.hubs() if not each.removed],
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/devices",
        handler=introduce,
        access=Access.OPEN,
        summary="Introduce a device by its signed description (homechain-description+jws).",
        body={JOSE: None},
        answer=RegistrationAccepted,
        status=202,
        problems=(
            ProblemCode.MALFORMED_RECORD,
            ProblemCode.WRONG_HOME,
            ProblemCode.WRONG_HUB,
            ProblemCode.BAD_SIGNATURE,
            ProblemCode.KEY_REFUSED,
            ProblemCode.RETIRED,
            ProblemCode.PAIRING_REFUSED,
            ProblemCode.TOO_MANY_REQUESTS_PENDING,
        ),
    ),
    Route(
        method="PUT",
        path="/v1/devices/{did}/pairing",
        handler=reveal,
        access=Access.OPEN,
        summary="Reveal the nonce that the description committed to; receive the six digits.",
        body={JSON: NonceReveal},
        answer=PairingDigits,
        problems=(ProblemCode.UNKNOWN_DEVICE, ProblemCode.NONCE_MISMATCH),
    ),
    Route(
        method="GET",
        path="/v1/devices/{did}",
        handler=status,
        access=Access.OPEN,
        summary="Where a device stands. Signed by that device, also its trust bundle.",
        answer=DeviceStatus,
        problems=(
            ProblemCode.UNAUTHENTICATED,
            ProblemCode.REPLAYED_REQUEST,
            ProblemCode.CLOCK_DIFFERS,
            ProblemCode.FORBIDDEN,
        ),
    ),
)
