"""Residents' sessions: a challenge that needs no memory, a signature, a bearer token."""

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.session import SessionClaims
from homechain.api.server.limits import ApiLimits
from homechain.api.server.refusals import Refused, refusal_of
from homechain.crypto.errors import CryptoError, InvalidEncoding
from homechain.crypto.hashing import b64u, sha256, unb64u
from homechain.crypto.jws import CompactJws, parse_compact
from homechain.crypto.strict_json import decode_strict

_TIME_BYTES: Final = 6
_RANDOM_BYTES: Final = 10
_MAC_BYTES: Final = 16
_TOKEN_BYTES: Final = 32


class OpenSession(Struct, frozen=True, kw_only=True):
    """Whose session, and until when (monotonic)."""

    person: str
    ends_s: float


class Sessions:
    """Challenges and tokens of one hub, all in memory: a restart ends every session.

    A challenge is `time ‖ random ‖ MAC`, so a flood of requests for challenges fills nothing; each
    opens one session at most, because those that did are remembered until their time is over.
    """

    def __init__(
        self,
        *,
        limits: ApiLimits,
        now_s: Callable[[], float],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._limits = limits
        self._now_s = now_s
        self._random_bytes = random_bytes
        self._mac_key = random_bytes(32)
        self._sessions: OrderedDict[bytes, OpenSession] = OrderedDict()
        self._used: OrderedDict[str, float] = OrderedDict()

    def challenge(self, person: str) -> str:
        """Something to sign, for this person only. 43 characters."""
        ends_ms = int((self._now_s() + self._limits.challenge_lifetime_s) * 1000)
        head = ends_ms.to_bytes(_TIME_BYTES, "big") + self._random_bytes(_RANDOM_BYTES)
        return b64u(head + self._mac(head, person))

    def open(self, claims: SessionClaims) -> tuple[str, OpenSession]:
        """A token for who signed these claims, which the caller has verified."""
        self._use(claims.challenge, claims.iss)
        mine = [key for key, session in self._sessions.items() if session.person == claims.iss]
        for key in mine[: len(mine) - self._limits.sessions_per_person + 1]:
            del self._sessions[key]
        while len(self._sessions) >= self._limits.sessions:
            self._sessions.popitem(last=False)
        token = b64u(self._random_bytes(_TOKEN_BYTES))
        session = OpenSession(
            person=claims.iss, ends_s=self._now_s() + self._limits.session_lifetime_s
        )
        # Only the hash is kept: looking it up compares nothing that an attacker could time.
        self._sessions[sha256(token.encode("ascii"))] = session
        return token, session

    def person_of(self, token: str) -> str | None:
        """Whose token this is; None if it is nobody's, or its time is over."""
        key = sha256(token.encode("utf-8", "replace"))
        session = self._sessions.get(key)
        if session is None:
            return None
        if session.ends_s <= self._now_s():
            del self._sessions[key]
            return None
        return session.person

    def _use(self, challenge: str, person: str) -> None:
        try:
            data = unb64u(challenge)
        except InvalidEncoding as error:
            raise refusal_of(error) from error
        head, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(head, person)):
            raise Refused(
                ProblemCode.UNAUTHENTICATED, "This hub gave no such challenge: ask for a new one."
            )
        now_s = self._now_s()
        ends_s = int.from_bytes(head[:_TIME_BYTES], "big") / 1000
        while self._used and next(iter(self._used.values())) <= now_s:
            self._used.popitem(last=False)
        if ends_s <= now_s or challenge in self._used:
            raise Refused(
                ProblemCode.UNAUTHENTICATED, "The challenge was used or is too old: ask again."
            )
        self._used[challenge] = ends_s

    def _mac(self, head: bytes, person: str) -> bytes:
        message = head + person.encode("utf-8")
        return hmac.digest(self._mac_key, message, "sha256")[:_MAC_BYTES]


def read_session_proof(raw: bytes, *, max_bytes: int) -> tuple[CompactJws, SessionClaims]:
    """The JWS that opens a session, its signature not checked yet."""
    try:
        jws = parse_compact(raw, max_bytes=max_bytes)
        value = decode_strict(jws.payload)
    except CryptoError as error:
        raise refusal_of(error) from error
    if jws.typ != SessionClaims.TYP:
        raise Refused(ProblemCode.MALFORMED_JWS, f"Its typ has to be {SessionClaims.TYP}.")
    try:
        return jws, msgspec.convert(value, SessionClaims, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(ProblemCode.MALFORMED_JWS, f"The claims: {error}.") from error
