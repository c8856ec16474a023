"""A route as data: the same table makes the router and the OpenAPI document."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from aiohttp import web

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.bodies import (
    JOSE,
    JSON,
    decoded_json,
    decoded_query,
    media_type,
    read_body,
)
from homechain.api.server.context import Context
from homechain.api.server.limits import BODY_BYTES
from homechain.api.server.ports import Hub
from homechain.api.server.refusals import Refused
from homechain.crypto.did_key import decode_did_key
from homechain.crypto.errors import InvalidDid
from homechain.ledger.entries import Person
from homechain.model.errors import FormatError
from homechain.model.ids import digest_from_text

T = TypeVar("T")


class Access(Enum):
    """Who may send a request."""

    OPEN = "open"
    """Anybody: discovery, registration, and records, which carry their own signature."""
    DEVICE = "device"
    """A device in service, by a signed request."""
    PERSON = "person"
    """Anybody of the home, by a session; guests are shown their part."""
    RESIDENT = "resident"
    """Owners and residents, by a session."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a handler."""

    request: web.Request
    context: Context
    asker: Person | None = None
    """Who asks; present for `PERSON` and `RESIDENT`."""
    device: str | None = None
    """Which device asks; present for `DEVICE`."""

    @property
    def hub(self) -> Hub:
        """The hub behind."""
        return self.context.hub

    @property
    def person(self) -> Person:
        """Who asks, where the route needs a session."""
        assert self.asker is not None, "the route needs a session"
        return self.asker

    @property
    def signer(self) -> str:
        """Which device asks, where the route needs a signed request."""
        assert self.device is not None, "the route needs a signed request"
        return self.device

    @property
    def source(self) -> str:
        """The address that the request came from."""
        return self.request.remote or ""

    @property
    def respond_async(self) -> bool:
        """Whether the sender does not want to wait (RFC 7240)."""
        preferences = ",".join(self.request.headers.getall("Prefer", [])).lower()
        return "respond-async" in {word.strip() for word in preferences.split(",")}

    async def body(self, *, max_bytes: int = BODY_BYTES) -> bytes:
        """The whole body."""
        return await read_body(
            self.request, max_bytes=max_bytes, within_s=self.context.limits.body_read_s
        )

    async def json(self, kind: type[T]) -> T:
        """The body, application/json, as `kind`."""
        media_type(self.request, JSON)
        return decoded_json(await self.body(), kind)

    async def jose(self) -> bytes:
        """The body, application/jose."""
        media_type(self.request, JOSE)
        return await self.body()

    def query(self, kind: type[T]) -> T:
        """The query's parameters."""
        return decoded_query(self.request, kind)

    def did(self) -> str:
        """The path's `{did}`; refused unless it is the one spelling of a key's name."""
        text = self.request.match_info["did"]
        try:
            decode_did_key(text)
        except InvalidDid as error:
            raise Refused(ProblemCode.INVALID_PARAMETER, f"The path: {error}.") from error
        return text

    def digest(self, name: str) -> bytes:
        """A path's 32-byte digest; refused unless in its one spelling."""
        try:
            return digest_from_text(self.request.match_info[name])
        except FormatError as error:
            raise Refused(
                ProblemCode.INVALID_PARAMETER,
                f"The path: {name} has to be 43 characters of base64url.",
            ) from error


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path: who may, what goes in, what comes out."""

    method: str
    path: str
    handler: Handler
    access: Access
    summary: str
    answer: Any = None
    """Wire type of the answer's body, or a tuple of them; None for no body or for bytes."""
    answer_media: str = JSON
    status: int = 200
    also: dict[int, str] = field(default_factory=dict)
    """Other good statuses, and what they mean."""
    body: dict[str, Any] = field(default_factory=dict)
    """Accepted media types, each with its wire type (None: described in the summary)."""
    query: Any = None
    """Wire type whose members are the query's parameters."""
    problems: tuple[ProblemCode, ...] = ()
    """Beyond those that any request may meet."""
