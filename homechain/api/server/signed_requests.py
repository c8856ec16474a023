"""`Authorization: Homechain <JWS>`: one device, one request, once (after RFC 9449, DPoP)."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.session import RequestClaims
from homechain.api.server.limits import AUTHORIZATION_CHARACTERS
from homechain.api.server.refusals import Refused
from homechain.crypto.errors import CryptoError
from homechain.crypto.jws import parse_compact, verify_compact
from homechain.crypto.keys import PublicKey
from homechain.crypto.strict_json import decode_strict

SCHEME: Final = "Homechain"


class SeenRequests:
    """Requests that were answered, until their time is over: bounded, and full means refuse."""

    def __init__(self, *, capacity: int, now_s: Callable[[], float]) -> None:
        self._capacity = capacity
        self._now_s = now_s
        self._until_s: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until_s)

    def remember(self, device: str, jti: str, *, lifetime_s: float) -> None:
        """Refuses what was seen before, and everything while there is no room to remember."""
        now_s = self._now_s()
        while self._until_s and next(iter(self._until_s.values())) <= now_s:
            self._until_s.popitem(last=False)
        if (device, jti) in self._until_s:
            raise Refused(
                ProblemCode.REPLAYED_REQUEST, "Sign every request anew, with a fresh jti."
            )
        if len(self._until_s) >= self._capacity:
            raise Refused(ProblemCode.BUSY, "Too many signed requests: wait.", retry_after_s=10)
        self._until_s[device, jti] = now_s + lifetime_s


async def read_authorization(
    header: str, *, hub: str, method: str, path: str, clock_ms: int, window_s: int
) -> RequestClaims:
    """The claims of a signed request whose signature is that of the key it names.

    Whether this device may do anything here, and whether it said so before, is for the caller.
    """
    claims = await _verified(header)
    if claims.aud != hub:
        raise Refused(ProblemCode.WRONG_HUB, f"This hub is {hub}: that has to be aud.")
    if claims.htm != method or claims.htu != path:
        raise Refused(
            ProblemCode.UNAUTHENTICATED, "htm and htu have to be this request's method and path."
        )
    if abs(claims.iat - clock_ms // 1000) > window_s:
        raise Refused(
            ProblemCode.CLOCK_DIFFERS,
            f"This hub's clock says {clock_ms // 1000}: iat has to be within {window_s} s of it.",
        )
    return claims


async def _verified(header: str) -> RequestClaims:
    scheme, _, text = header.partition(" ")
    if scheme != SCHEME:
        raise Refused(ProblemCode.UNAUTHENTICATED, f"Use Authorization: {SCHEME} <JWS>.")
    try:
        jws = parse_compact(
            text.strip().encode("utf-8", "surrogateescape"), max_bytes=AUTHORIZATION_CHARACTERS
        )
        if jws.typ != RequestClaims.TYP:
            raise Refused(ProblemCode.UNAUTHENTICATED, f"Its typ has to be {RequestClaims.TYP}.")
        claims = msgspec.convert(decode_strict(jws.payload), RequestClaims, strict=True)
        key = PublicKey.from_did(claims.iss)
    except (CryptoError, msgspec.ValidationError) as error:
        raise Refused(
            ProblemCode.UNAUTHENTICATED, f"The signed request is refused: {error}."
        ) from error
    if not await asyncio.to_thread(verify_compact, jws, key):
        raise Refused(
            ProblemCode.UNAUTHENTICATED, "The signature is not that of the key that iss names."
        )
    return claims
