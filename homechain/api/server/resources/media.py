"""`/v1/media/{sha256}`: stills. Outside the ledger; the ledger holds their hash."""

from aiohttp import web

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.answers import bytes_answer, no_content
from homechain.api.server.bodies import JPEG, media_type
from homechain.api.server.refusals import Refused
from homechain.api.server.routes import Access, Call, Route
from homechain.api.server.sight import Sight
from homechain.crypto.hashing import sha256
from homechain.model.ids import digest_text

_JPEG_BEGIN = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_OWN_COMMANDS = 1_000


async def put(call: Call) -> web.StreamResponse:
    """Keeps a still whose hash is what the path says."""
    digest = call.digest("sha256")
    media_type(call.request, JPEG)
    data = await call.body(max_bytes=call.context.limits.media_bytes)
    if sha256(data) != digest:
        raise Refused(ProblemCode.WRONG_HASH, "The path has to be the SHA-256 of the body.")
    if not (data.startswith(_JPEG_BEGIN) and data.endswith(_JPEG_END)):
        raise Refused(ProblemCode.NOT_A_JPEG, "Stills are JPEG, from first byte to last.")
    await call.hub.media.put(digest, data)
    return no_content()


async def get(call: Call) -> web.StreamResponse:
    """A still; for a guest, one that they took themselves with a camera they still hold."""
    digest = call.digest("sha256")
    data = await call.hub.media.get(digest) if await _may_see(call, digest) else None
    if data is None:
        raise Refused(
            ProblemCode.NOT_FOUND,
            "This hub has no such still, or it is not for you. Another hub may have it.",
        )
    return bytes_answer(data, content_type=JPEG)


async def _may_see(call: Call, digest: bytes) -> bool:
    sight = Sight(call.hub.state, call.person, time_ms=call.context.time_ms())
    if sight.sees_everything:
        return True
    mine = await call.hub.queries.commands(person=call.person.did, limit=_OWN_COMMANDS)
    text = digest_text(digest)
    return any(row.media == text and sight.device(row.device) for row in mine)


DEVICE_ROUTES = (
    Route(
        method="PUT",
        path="/v1/media/{sha256}",
        handler=put,
        access=Access.DEVICE,
        summary="Store a still (JPEG) under its SHA-256. Repeating it changes nothing.",
        body={JPEG: None},
        status=204,
        problems=(ProblemCode.WRONG_HASH, ProblemCode.NOT_A_JPEG),
    ),
)
RESIDENT_ROUTES = (
    Route(
        method="GET",
        path="/v1/media/{sha256}",
        handler=get,
        access=Access.PERSON,
        summary="A still, JPEG. Guests: only what their own commands produced.",
        answer_media=JPEG,
        problems=(ProblemCode.NOT_FOUND,),
    ),
)
