"""What was sent, read strictly: bounded in bytes and time, one meaning only, then typed."""

import asyncio
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from aiohttp.web import RequestPayloadError

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.refusals import Refused, refusal_of
from homechain.crypto.errors import MalformedJson
from homechain.crypto.strict_json import decode_strict

JSON: Final = "application/json"
JOSE: Final = "application/jose"
JPEG: Final = "image/jpeg"

T = TypeVar("T")


async def read_body(request: web.Request, *, max_bytes: int, within_s: float) -> bytes:
    """The whole body. Refused as too large before a byte is read, where its length is announced."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(
            ProblemCode.UNSUPPORTED_MEDIA_TYPE, "Send the body as it is, without Content-Encoding."
        )
    too_large = Refused(
        ProblemCode.BODY_TOO_LARGE, f"A body has at most {max_bytes} bytes here: send less at once."
    )
    if (request.content_length or 0) > max_bytes:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(within_s):
            async for part in request.content.iter_any():
                size += len(part)
                if size > max_bytes:
                    raise too_large
                parts.append(part)
    except TimeoutError as error:
        raise Refused(
            ProblemCode.REQUEST_TIMEOUT, f"The body did not arrive within {within_s:g} seconds."
        ) from error
    except RequestPayloadError as error:
        raise Refused(
            ProblemCode.MALFORMED_REQUEST, "The body is not framed as its headers say."
        ) from error
    return b"".join(parts)


def media_type(request: web.Request, *accepted: str) -> str:
    """The body's media type; refused unless it is one of `accepted`."""
    given = request.content_type if "Content-Type" in request.headers else ""
    if given not in accepted:
        raise Refused(
            ProblemCode.UNSUPPORTED_MEDIA_TYPE, f"Send Content-Type: {' or '.join(accepted)}."
        )
    return given


def decoded_json(body: bytes, kind: type[T]) -> T:
    """The body as `kind`: no duplicate keys, no NaN, no depth, no unknown member, right types."""
    try:
        value = decode_strict(body)
    except MalformedJson as error:
        raise refusal_of(error) from error
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(ProblemCode.INVALID_PARAMETER, f"The body: {error}.") from error


def decoded_query(request: web.Request, kind: type[T]) -> T:
    """The query's parameters as `kind`, each given once."""
    if len(set(request.query)) != len(request.query):
        raise Refused(ProblemCode.INVALID_PARAMETER, "A query parameter is given twice.")
    try:
        return msgspec.convert(dict(request.query), kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(ProblemCode.INVALID_PARAMETER, f"The query: {error}.") from error
