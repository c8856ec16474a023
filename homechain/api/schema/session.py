"""A resident's session: sign a challenge, receive a bearer token."""

from typing import ClassVar

from msgspec import Struct

from homechain.api.schema.fields import Body, NonceText, Request
from homechain.model.ids import Did, DigestText
from homechain.model.records import Role, Seconds


class ChallengeRequest(Request, frozen=True, kw_only=True):
    """`POST /v1/session/challenge`."""

    person: Did


class Challenge(Body, frozen=True, kw_only=True):
    """To be signed within `expires_ms`, as a `SessionClaims` JWS, by the person's key."""

    challenge: NonceText
    home: DigestText
    hub: Did
    expires_ms: int
    """When this hub forgets the challenge, on its clock."""


class SessionClaims(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payload of the JWS that opens a session (`POST /v1/session`, application/jose)."""

    TYP: ClassVar[str] = "homechain-session+jws"

    iss: Did
    home: DigestText
    aud: Did
    """The hub: what one hub is shown opens nothing at another."""
    challenge: NonceText
    iat: Seconds


class RequestClaims(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payload of `Authorization: Homechain <JWS>`: one device, one request, once.

    Formed like DPoP (RFC 9449): method, path, time and a number used once.
    """

    TYP: ClassVar[str] = "homechain-request+jws"

    iss: Did
    aud: Did
    """The hub."""
    htm: str
    """Method, in capitals."""
    htu: str
    """Path with its query, as it is sent."""
    iat: Seconds
    """On the hub's clock (`clock_ms` of the well-known document), give or take 60 s."""
    jti: NonceText


class Session(Body, frozen=True, kw_only=True):
    """Send `Authorization: Bearer <token>` until it expires; then sign a new challenge."""

    token: str
    expires_ms: int
    person: Did
    role: Role
