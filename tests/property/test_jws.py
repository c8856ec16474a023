"""What one signer signed is read back exactly, and no other bytes verify."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from homechain.crypto.errors import InvalidEncoding, MalformedJson, MalformedJws
from homechain.crypto.hashing import b64u, unb64u
from homechain.crypto.jws import parse_compact, sign_compact, verify_compact
from homechain.crypto.keys import PrivateKey
from homechain.crypto.strict_json import decode_strict

LIMIT = 8192
seeds = st.binary(min_size=32, max_size=32)
payloads = st.binary(min_size=1, max_size=200)
types = st.text("azAZ09!#$&^_.+/-", max_size=63).map("t".__add__)


@given(seeds, payloads, types)
@settings(deadline=None)
def test_what_was_signed_is_read_back(seed: bytes, payload: bytes, typ: str) -> None:
    key = PrivateKey.from_seed(seed)
    raw = sign_compact(payload, typ=typ, key=key)
    jws = parse_compact(raw, max_bytes=LIMIT)
    assert (jws.raw, jws.payload, jws.typ) == (raw, payload, typ)
    assert verify_compact(jws, key.public)


@given(seeds, payloads, st.data())
@settings(deadline=None, max_examples=300)
def test_no_flipped_bit_survives(seed: bytes, payload: bytes, data: st.DataObject) -> None:
    key = PrivateKey.from_seed(seed)
    raw = sign_compact(payload, typ="event", key=key)
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        jws = parse_compact(bytes(changed), max_bytes=LIMIT)
    except MalformedJws:
        return
    assert not verify_compact(jws, key.public)


@given(st.binary(max_size=300) | st.text("eyJhbGciOiJ.-_=", max_size=300).map(str.encode))
@settings(deadline=None)
def test_no_bytes_raise_anything_but_the_named_error(raw: bytes) -> None:
    try:
        jws = parse_compact(raw, max_bytes=LIMIT)
    except MalformedJws:
        return
    assert b".".join(raw.split(b".")[:2]) == jws.signing_input


@given(seeds, st.binary(max_size=300))
@settings(deadline=None)
def test_another_implementation_signs_the_same_bytes(seed: bytes, message: bytes) -> None:
    assert PrivateKey.from_seed(seed).sign(message) == Ed25519PrivateKey.from_private_bytes(
        seed
    ).sign(message)


@given(st.binary(max_size=100))
def test_base64url_goes_there_and_back(data: bytes) -> None:
    assert unb64u(b64u(data)) == data


@given(st.text("AQgwZm9v_-+/= \n", max_size=12) | st.text(max_size=12))
def test_every_accepted_base64url_text_is_the_only_spelling(text: str) -> None:
    try:
        data = unb64u(text)
    except InvalidEncoding:
        return
    assert b64u(data) == text


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0dDfe1+-N ', max_size=60).map(str.encode))
@settings(deadline=None)
def test_no_bytes_make_the_json_reader_raise_anything_else(data: bytes) -> None:
    try:
        decode_strict(data)
    except MalformedJson:
        return
