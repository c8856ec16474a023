"""Problems (RFC 9457): what every refused request is answered with.

`type` is `urn:homechain:problem:<code>` and stable: programs compare it, people read `detail`.
"""

from enum import StrEnum
from typing import Final

from homechain.api.schema.fields import Body

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
PROBLEM_TYPE_PREFIX: Final = "urn:homechain:problem:"


class ProblemCode(StrEnum):
    """Every reason for which a hub refuses a request. Codes are never renamed."""

    # What was sent cannot be read.
    MALFORMED_REQUEST = "malformed-request"
    MALFORMED_JSON = "malformed-json"
    MALFORMED_JWS = "malformed-jws"
    MALFORMED_RECORD = "malformed-record"
    INVALID_PARAMETER = "invalid-parameter"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    BODY_TOO_LARGE = "body-too-large"
    REQUEST_TIMEOUT = "request-timeout"
    # Where it was sent to.
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    HOST_REFUSED = "host-refused"
    ORIGIN_REFUSED = "origin-refused"
    TLS_REQUIRED = "tls-required"
    # Who sent it.
    UNAUTHENTICATED = "unauthenticated"
    REPLAYED_REQUEST = "replayed-request"
    CLOCK_DIFFERS = "clock-differs"
    FORBIDDEN = "forbidden"
    BAD_SIGNATURE = "bad-signature"
    # What the ledger says about a record.
    WRONG_HOME = "wrong-home"
    WRONG_HUB = "wrong-hub"
    UNKNOWN_SIGNER = "unknown-signer"
    UNKNOWN_DEVICE = "unknown-device"
    RETIRED = "retired"
    REPLAYED_COUNTER = "replayed-counter"
    EXPIRED = "expired"
    NOT_ALLOWED = "not-allowed"
    INADMISSIBLE = "inadmissible"
    WRONG_KIND = "wrong-kind"
    # Pairing.
    KEY_REFUSED = "key-refused"
    NONCE_MISMATCH = "nonce-mismatch"
    TOO_MANY_REQUESTS_PENDING = "too-many-requests-pending"
    PAIRING_REFUSED = "pairing-refused"
    # Media.
    WRONG_HASH = "wrong-hash"
    NOT_A_JPEG = "not-a-jpeg"
    # Load and faults of the hub.
    RATE_LIMITED = "rate-limited"
    BUSY = "busy"
    NOT_FINAL_IN_TIME = "not-final-in-time"
    STORAGE_FAILED = "storage-failed"
    INTERNAL = "internal"


class Problem(Body, frozen=True, kw_only=True):
    """Why a request, or one record of a batch, was refused, and what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    """What to do next, in a sentence."""
    reason: str | None = None
    """The ledger's own stable word, where the ledger refused a record."""

    @property
    def code(self) -> str:
        """`type` without its prefix, for comparison with `ProblemCode`."""
        return self.type.removeprefix(PROBLEM_TYPE_PREFIX)
