"""Why a request is refused: one exception, and the one table that maps errors to HTTP."""

from http import HTTPStatus
from typing import Final

from homechain.api.schema.problems import PROBLEM_TYPE_PREFIX, Problem, ProblemCode
from homechain.api.server.ports import HubBusy, HubFailed
from homechain.crypto.errors import CryptoError, MalformedJson
from homechain.ledger.errors import Inadmissible
from homechain.model.errors import FormatError

_KINDS: Final[dict[ProblemCode, tuple[HTTPStatus, str]]] = {
    ProblemCode.MALFORMED_REQUEST: (HTTPStatus.BAD_REQUEST, "Not an HTTP request"),
    ProblemCode.MALFORMED_JSON: (HTTPStatus.BAD_REQUEST, "Malformed JSON"),
    ProblemCode.MALFORMED_JWS: (HTTPStatus.BAD_REQUEST, "Malformed signed message"),
    ProblemCode.MALFORMED_RECORD: (HTTPStatus.BAD_REQUEST, "Malformed record"),
    ProblemCode.INVALID_PARAMETER: (HTTPStatus.BAD_REQUEST, "Invalid parameter"),
    ProblemCode.UNSUPPORTED_MEDIA_TYPE: (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Unsupported media type",
    ),
    ProblemCode.BODY_TOO_LARGE: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body too large"),
    ProblemCode.REQUEST_TIMEOUT: (HTTPStatus.REQUEST_TIMEOUT, "Request came too slowly"),
    ProblemCode.NOT_FOUND: (HTTPStatus.NOT_FOUND, "Not found"),
    ProblemCode.METHOD_NOT_ALLOWED: (HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed"),
    ProblemCode.HOST_REFUSED: (HTTPStatus.MISDIRECTED_REQUEST, "Unknown host name"),
    ProblemCode.ORIGIN_REFUSED: (HTTPStatus.FORBIDDEN, "Web pages have no access"),
    ProblemCode.TLS_REQUIRED: (HTTPStatus.FORBIDDEN, "TLS required"),
    ProblemCode.UNAUTHENTICATED: (HTTPStatus.UNAUTHORIZED, "Not authenticated"),
    ProblemCode.REPLAYED_REQUEST: (HTTPStatus.UNAUTHORIZED, "Request was seen before"),
    ProblemCode.CLOCK_DIFFERS: (HTTPStatus.UNAUTHORIZED, "Clocks differ"),
    ProblemCode.FORBIDDEN: (HTTPStatus.FORBIDDEN, "Not for you"),
    ProblemCode.BAD_SIGNATURE: (HTTPStatus.UNAUTHORIZED, "Bad signature"),
    ProblemCode.WRONG_HOME: (HTTPStatus.CONFLICT, "Meant for another home"),
    ProblemCode.WRONG_HUB: (HTTPStatus.CONFLICT, "Meant for another hub"),
    ProblemCode.UNKNOWN_SIGNER: (HTTPStatus.FORBIDDEN, "Unknown signer"),
    ProblemCode.UNKNOWN_DEVICE: (HTTPStatus.NOT_FOUND, "Unknown device"),
    ProblemCode.RETIRED: (HTTPStatus.FORBIDDEN, "No longer in service"),
    ProblemCode.REPLAYED_COUNTER: (HTTPStatus.CONFLICT, "Counter already used"),
    ProblemCode.EXPIRED: (HTTPStatus.GONE, "Expired"),
    ProblemCode.NOT_ALLOWED: (HTTPStatus.FORBIDDEN, "Not allowed"),
    ProblemCode.INADMISSIBLE: (HTTPStatus.UNPROCESSABLE_ENTITY, "Not admissible"),
    ProblemCode.WRONG_KIND: (HTTPStatus.UNPROCESSABLE_ENTITY, "Wrong kind of record"),
    ProblemCode.KEY_REFUSED: (HTTPStatus.UNPROCESSABLE_ENTITY, "Key refused"),
    ProblemCode.NONCE_MISMATCH: (HTTPStatus.CONFLICT, "Nonce does not fit"),
    ProblemCode.TOO_MANY_REQUESTS_PENDING: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many devices wait",
    ),
    ProblemCode.PAIRING_REFUSED: (HTTPStatus.CONFLICT, "Pairing refused"),
    ProblemCode.WRONG_HASH: (HTTPStatus.UNPROCESSABLE_ENTITY, "Hash does not fit"),
    ProblemCode.NOT_A_JPEG: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Not a JPEG"),
    ProblemCode.RATE_LIMITED: (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"),
    ProblemCode.BUSY: (HTTPStatus.SERVICE_UNAVAILABLE, "Busy"),
    ProblemCode.NOT_FINAL_IN_TIME: (HTTPStatus.SERVICE_UNAVAILABLE, "Not final in time"),
    ProblemCode.STORAGE_FAILED: (HTTPStatus.SERVICE_UNAVAILABLE, "Disk failed"),
    ProblemCode.INTERNAL: (HTTPStatus.INTERNAL_SERVER_ERROR, "Fault of the hub"),
}

_LEDGER_CODES: Final[dict[str, ProblemCode]] = {
    "malformed": ProblemCode.MALFORMED_RECORD,
    "too_large": ProblemCode.BODY_TOO_LARGE,
    "invalid_key": ProblemCode.KEY_REFUSED,
    "key_used": ProblemCode.KEY_REFUSED,
    "bad_signature": ProblemCode.BAD_SIGNATURE,
    "wrong_home": ProblemCode.WRONG_HOME,
    "second_genesis": ProblemCode.WRONG_KIND,
    "unknown_signer": ProblemCode.UNKNOWN_SIGNER,
    "wrong_signer": ProblemCode.NOT_ALLOWED,
    "not_permitted": ProblemCode.NOT_ALLOWED,
    "signer_removed": ProblemCode.RETIRED,
    "unknown_device": ProblemCode.UNKNOWN_DEVICE,
    "counter_replayed": ProblemCode.REPLAYED_COUNTER,
    "counter_too_old": ProblemCode.REPLAYED_COUNTER,
    "command_expired": ProblemCode.EXPIRED,
}
"""The ledger's words for a refused record; what is not listed is `inadmissible`."""

_ADVICE: Final[dict[ProblemCode, str]] = {
    ProblemCode.MALFORMED_RECORD: "Compare it with docs/protocol.md, correct it and sign again",
    ProblemCode.KEY_REFUSED: "Make a new key",
    ProblemCode.BAD_SIGNATURE: "Sign the exact bytes with the key that iss names",
    ProblemCode.WRONG_HOME: "Ask /.well-known/homechain which home this is",
    ProblemCode.UNKNOWN_SIGNER: "Let a resident take this key in first",
    ProblemCode.REPLAYED_COUNTER: "Sign again with a higher ctr",
    ProblemCode.EXPIRED: "Sign a new one, and check the clock",
}
"""What to do, for problems that the ledger finds."""

DETAIL_CHARACTERS: Final = 512


class Refused(Exception):
    """A request, or one record of a batch, is refused."""

    def __init__(
        self,
        code: ProblemCode,
        detail: str,
        *,
        reason: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.reason = reason
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _KINDS[self.code][0].value

    def problem(self) -> Problem:
        """The body of the answer."""
        status, title = _KINDS[self.code]
        return Problem(
            type=PROBLEM_TYPE_PREFIX + self.code,
            title=title,
            status=status.value,
            detail=_printable(self.detail),
            reason=self.reason,
        )


KnownError = Inadmissible | CryptoError | FormatError | HubBusy | HubFailed
KNOWN_ERRORS: Final = (Inadmissible, CryptoError, FormatError, HubBusy, HubFailed)


def refusal_of(error: KnownError) -> Refused:
    """How an error of the floors below is told over HTTP."""
    match error:
        case HubBusy():
            return Refused(
                ProblemCode.BUSY,
                "This hub has no room: try again, or another hub.",
                retry_after_s=2,
            )
        case HubFailed():
            return Refused(ProblemCode.STORAGE_FAILED, "This hub's disk failed: use another hub.")
        case FormatError():
            return Refused(ProblemCode.INVALID_PARAMETER, f"{error}.")
        case Inadmissible():
            code = _LEDGER_CODES.get(error.code, ProblemCode.INADMISSIBLE)
            advice = f". {_ADVICE[code]}." if code in _ADVICE else "."
            reason = error.reason.rstrip(".")
            return Refused(code, reason[:1].upper() + reason[1:] + advice, reason=error.code)
        case MalformedJson():
            return Refused(ProblemCode.MALFORMED_JSON, f"The body is {error}.")
        case _:
            return Refused(ProblemCode.MALFORMED_JWS, f"The signed message is refused: {error}.")


def titles() -> dict[ProblemCode, tuple[int, str]]:
    """Every problem with its status and title, for the documents."""
    return {code: (status.value, title) for code, (status, title) in _KINDS.items()}


def _printable(detail: str) -> str:
    """Errors may quote what was sent: no control characters, and not too much of it."""
    cut = detail if len(detail) <= DETAIL_CHARACTERS else detail[: DETAIL_CHARACTERS - 1] + "…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)
