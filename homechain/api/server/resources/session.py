"""`/v1/session`: a resident proves their key and receives a bearer token."""

from functools import partial

from aiohttp import web

from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.session import Challenge, ChallengeRequest, Session
from homechain.api.server.answers import json_answer
from homechain.api.server.bodies import JOSE, JSON
from homechain.api.server.context import verified
from homechain.api.server.limits import AUTHORIZATION_CHARACTERS
from homechain.api.server.refusals import Refused
from homechain.api.server.routes import Access, Call, Route
from homechain.api.server.sessions import read_session_proof
from homechain.crypto.jws import verify_compact
from homechain.crypto.keys import PublicKey
from homechain.model.ids import digest_text


async def challenge(call: Call) -> web.StreamResponse:
    """A challenge for anybody who asks: whether a key belongs to the home is not told here."""
    asked = await call.json(ChallengeRequest)
    context = call.context
    return json_answer(
        Challenge(
            challenge=context.sessions.challenge(asked.person),
            home=digest_text(call.hub.home),
            hub=call.hub.did,
            expires_ms=context.clock_ms() + int(context.limits.challenge_lifetime_s * 1000),
        )
    )


async def begin(call: Call) -> web.StreamResponse:
    """A token for whoever signed this hub's challenge and belongs to the home."""
    jws, claims = read_session_proof(await call.jose(), max_bytes=AUTHORIZATION_CHARACTERS)
    if claims.home != digest_text(call.hub.home):
        raise Refused(ProblemCode.WRONG_HOME, f"This home is {digest_text(call.hub.home)}.")
    if claims.aud != call.hub.did:
        raise Refused(ProblemCode.WRONG_HUB, f"This hub is {call.hub.did}: that has to be aud.")
    person = call.hub.state.person(claims.iss)
    genuine = await verified(partial(verify_compact, jws, PublicKey.from_did(claims.iss)))
    if person is None or person.removed or not genuine:
        raise Refused(
            ProblemCode.UNAUTHENTICATED,
            "Nobody of this home signed this: ask an owner to take your key in.",
        )
    token, session = call.context.sessions.open(claims)
    remaining_ms = int((session.ends_s - call.context.now_s()) * 1000)
    return json_answer(
        Session(
            token=token,
            expires_ms=call.context.clock_ms() + remaining_ms,
            person=person.did,
            role=person.role,
        )
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/session/challenge",
        handler=challenge,
        access=Access.OPEN,
        summary="Ask for something to sign.",
        body={JSON: ChallengeRequest},
        answer=Challenge,
    ),
    Route(
        method="POST",
        path="/v1/session",
        handler=begin,
        access=Access.OPEN,
        summary="Open a session with a signed challenge (homechain-session+jws).",
        body={JOSE: None},
        answer=Session,
        problems=(
            ProblemCode.UNAUTHENTICATED,
            ProblemCode.WRONG_HOME,
            ProblemCode.WRONG_HUB,
            ProblemCode.MALFORMED_JWS,
        ),
    ),
)
