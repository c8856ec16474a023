"""Compact JWS (RFC 7515, RFC 8037) over exact bytes: the form of everything that is signed.

May live here: the envelope. May not: what a payload means, or whose key is right. The header
never names a key and never chooses an algorithm; the caller brings the signer's key, which the
ledger pinned, and that key decides. Bytes are kept as they came and are never encoded again.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from homechain.crypto.errors import InvalidEncoding, MalformedJson, MalformedJws
from homechain.crypto.hashing import b64u, sha256, unb64u
from homechain.crypto.keys import SIGNATURE_BYTES, PrivateKey, PublicKey
from homechain.crypto.strict_json import decode_strict

ACCEPTED_ALGORITHMS: Final = frozenset({"EdDSA", "Ed25519"})
"""`EdDSA` is what is emitted; `Ed25519` is its fully specified name (RFC 9864)."""

MAX_HEADER_CHARACTERS: Final = 256
REMEMBERED_HEADERS_COUNT: Final = 64
_TYP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+/-]{0,63}")
"""The characters of a media type (RFC 6838, section 4.2): none of them needs escaping in JSON."""


@dataclass(frozen=True, slots=True)
class CompactJws:
    """A well-formed compact JWS whose signature nobody has checked yet."""

    raw: bytes
    typ: str
    payload: bytes
    signing_input: bytes
    signature: bytes

    @property
    def id(self) -> bytes:
        """32 bytes: SHA-256 of the signed bytes, so that no change of the signature renames it."""
        return sha256(self.signing_input)


def parse_compact(raw: bytes, *, max_bytes: int) -> CompactJws:
    """Take a compact JWS apart; nothing is verified.

    Raises `MalformedJws`, saying what is wrong, unless `raw` has at most `max_bytes`, is three
    non-empty segments of canonical base64url, and its header holds exactly `alg` (EdDSA or
    Ed25519) and `typ`: no `kid`, `jwk`, `jku`, `x5c`, `crit` or `b64` is ever obeyed.
    """
    if len(raw) > max_bytes:
        raise MalformedJws(f"longer than {max_bytes} bytes")
    segments = raw.split(b".")
    if len(segments) != 3:
        raise MalformedJws(f"a compact JWS has three segments, not {len(segments)}")
    header, payload, signature = segments
    typ = _typ_of_header(header)
    payload_bytes = _segment(payload, name="payload")
    signature_bytes = _segment(signature, name="signature")
    if len(signature_bytes) != SIGNATURE_BYTES:
        raise MalformedJws(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature_bytes)}")
    return CompactJws(
        raw=raw,
        typ=typ,
        payload=payload_bytes,
        signing_input=raw[: len(header) + 1 + len(payload)],
        signature=signature_bytes,
    )


def verify_compact(jws: CompactJws, key: PublicKey) -> bool:
    """Say whether `key`, which the caller pinned, signed this JWS."""
    return key.verify(jws.signature, jws.signing_input)


def sign_compact(payload: bytes, *, typ: str, key: PrivateKey) -> bytes:
    """Return the compact JWS of `payload`, its header exactly `{"alg":"EdDSA","typ":"…"}`.

    Raises `MalformedJws` for an empty payload or a `typ` that is not a media type's characters.
    """
    if not payload:
        raise MalformedJws("the payload is empty")
    if not _TYP.fullmatch(typ):
        raise MalformedJws("typ is not 1 to 64 characters of a media type")
    header = b64u(f'{{"alg":"EdDSA","typ":"{typ}"}}'.encode("ascii"))
    signing_input = f"{header}.{b64u(payload)}".encode("ascii")
    return signing_input + b"." + b64u(key.sign(signing_input)).encode("ascii")


# A home sees a dozen different headers, each thousands of times. Refusals are not remembered.
@lru_cache(maxsize=REMEMBERED_HEADERS_COUNT)
def _typ_of_header(segment: bytes) -> str:
    if len(segment) > MAX_HEADER_CHARACTERS:
        raise MalformedJws(f"the header is longer than {MAX_HEADER_CHARACTERS} characters")
    try:
        header = decode_strict(_segment(segment, name="header"), max_depth=1)
    except MalformedJson as error:
        raise MalformedJws(f"the header is {error}") from error
    if not isinstance(header, dict):
        raise MalformedJws("the header is not a JSON object")
    if surplus := sorted(header.keys() - {"alg", "typ"}):
        raise MalformedJws(f"the header holds {', '.join(map(ascii, surplus))}, which is refused")
    algorithm, typ = header.get("alg"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm not in ACCEPTED_ALGORITHMS:
        raise MalformedJws("the header's alg is not EdDSA")
    if not isinstance(typ, str) or not _TYP.fullmatch(typ):
        raise MalformedJws("the header's typ is not 1 to 64 characters of a media type")
    return typ


def _segment(segment: bytes, *, name: str) -> bytes:
    if not segment:
        raise MalformedJws(f"the {name} is empty")
    try:
        return unb64u(segment)
    except InvalidEncoding as error:
        raise MalformedJws(f"the {name} is {error}") from error
