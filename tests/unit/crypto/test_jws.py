import json

import pytest
from joserfc import jws as jose
from joserfc.errors import BadSignatureError
from joserfc.jwk import OctKey, OKPKey

from homechain.crypto.errors import MalformedJws
from homechain.crypto.hashing import b64u, sha256
from homechain.crypto.jws import CompactJws, parse_compact, sign_compact, verify_compact
from homechain.crypto.keys import PrivateKey

KEY = PrivateKey.from_seed(bytes(range(32)))
OTHER = PrivateKey.from_seed(bytes(32))
JOSE_KEY = OKPKey.import_key(
    {"kty": "OKP", "crv": "Ed25519", "x": b64u(KEY.public.raw), "d": b64u(KEY.seed)}
)
LIMIT = 4096
PAYLOAD = b'{"home":"z","counter":1}'
# joserfc warns that RFC 9864 prefers the name `Ed25519`; emitting `EdDSA` is the protocol.
eddsa_by_its_old_name = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def _parse(raw: bytes) -> CompactJws:
    return parse_compact(raw, max_bytes=LIMIT)


def _with_header(header: bytes) -> bytes:
    signing_input = f"{b64u(header)}.{b64u(PAYLOAD)}".encode()
    return signing_input + b"." + b64u(KEY.sign(signing_input)).encode()


def test_a_signed_payload_comes_back_and_verifies() -> None:
    raw = sign_compact(PAYLOAD, typ="homechain-event+jws", key=KEY)
    jws = _parse(raw)
    assert (jws.raw, jws.typ, jws.payload) == (raw, "homechain-event+jws", PAYLOAD)
    assert raw == jws.signing_input + b"." + b64u(jws.signature).encode()
    assert verify_compact(jws, KEY.public)
    assert not verify_compact(jws, OTHER.public)


def test_the_emitted_bytes_are_frozen() -> None:
    raw = sign_compact(b"hi", typ="event", key=OTHER)
    header, payload, _ = raw.split(b".")
    assert header == b64u(b'{"alg":"EdDSA","typ":"event"}').encode()
    assert payload == b"aGk"


def test_the_id_is_the_hash_of_what_was_signed_and_not_of_the_signature() -> None:
    jws = _parse(sign_compact(PAYLOAD, typ="event", key=KEY))
    forged = _parse(jws.signing_input + b"." + b64u(bytes(64)).encode())
    assert jws.id == forged.id == sha256(jws.signing_input)
    assert not verify_compact(forged, KEY.public)


@eddsa_by_its_old_name
def test_joserfc_verifies_what_is_signed_here() -> None:
    raw = sign_compact(PAYLOAD, typ="event", key=KEY)
    read = jose.deserialize_compact(raw, JOSE_KEY, algorithms=["EdDSA"])
    assert (read.payload, read.protected) == (PAYLOAD, {"alg": "EdDSA", "typ": "event"})
    with pytest.raises(BadSignatureError):
        jose.deserialize_compact(
            sign_compact(PAYLOAD, typ="event", key=OTHER), JOSE_KEY, algorithms=["EdDSA"]
        )


@eddsa_by_its_old_name
@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_what_joserfc_signs_verifies_here(algorithm: str) -> None:
    header = {"alg": algorithm, "typ": "event"}
    raw = jose.serialize_compact(header, PAYLOAD, JOSE_KEY, algorithms=[algorithm]).encode()
    jws = _parse(raw)
    assert (jws.typ, jws.payload) == ("event", PAYLOAD)
    assert verify_compact(jws, KEY.public)


def test_a_member_order_and_white_space_of_another_signer_are_kept() -> None:
    raw = _with_header(b'{ "typ" : "event", "alg":"Ed25519" }')
    jws = _parse(raw)
    assert jws.raw == raw
    assert verify_compact(jws, KEY.public)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b'{"alg":"none","typ":"event"}', "alg is not EdDSA"),
        (b'{"alg":"None","typ":"event"}', "alg is not EdDSA"),
        (b'{"alg":"eddsa","typ":"event"}', "alg is not EdDSA"),
        (b'{"alg":"HS256","typ":"event"}', "alg is not EdDSA"),
        (b'{"alg":"ES256","typ":"event"}', "alg is not EdDSA"),
        (b'{"alg":"Ed448","typ":"event"}', "alg is not EdDSA"),
        (b'{"alg":["EdDSA"],"typ":"event"}', "alg is not EdDSA|nested"),
        (b'{"alg":null,"typ":"event"}', "alg is not EdDSA"),
        (b'{"typ":"event"}', "alg is not EdDSA"),
        (b'{"alg":"EdDSA"}', "typ"),
        (b'{"alg":"EdDSA","typ":1}', "typ"),
        (b'{"alg":"EdDSA","typ":""}', "typ"),
        (b'{"alg":"EdDSA","typ":"a b"}', "typ"),
        (b'{"alg":"EdDSA","typ":"event\\n"}', "typ"),
        (b'{"alg":"EdDSA","typ":"\\u0435vent"}', "typ"),
        (b'{"alg":"EdDSA","typ":"' + b"e" * 65 + b'"}', "typ"),
        (b'{"alg":"EdDSA","typ":"event","kid":"1"}', "'kid', which is refused"),
        (b'{"alg":"EdDSA","typ":"event","jku":"https://example.org"}', "'jku'"),
        (b'{"alg":"EdDSA","typ":"event","x5c":"AA"}', "'x5c'"),
        (b'{"alg":"EdDSA","typ":"event","jwk":{"kty":"OKP"}}', "nested"),
        (b'{"alg":"EdDSA","typ":"event","crit":["b64"]}', "nested"),
        (b'{"alg":"EdDSA","typ":"event","crit":"b64","b64":false}', "'b64', 'crit'"),
        (b'{"alg":"EdDSA","typ":"event","cty":"x"}', "'cty'"),
        (b'{"alg":"EdDSA","typ":"event","":""}', "''"),
        (b'{"alg":"none","alg":"EdDSA","typ":"event"}', "same key twice"),
        (b'{"alg":"EdDSA","typ":NaN}', "NaN"),
        (b'["EdDSA","event"]', "not a JSON object"),
        (b'"EdDSA"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "alg"),
        (b"\xff\xff", "UTF-8"),
        (b'{"alg":"EdDSA","typ":"event"}' + b" " * 200, "longer than 256"),
    ],
)
def test_a_header_that_tries_anything_is_refused(header: bytes, reason: str) -> None:
    with pytest.raises(MalformedJws, match=reason):
        _parse(_with_header(header))


def test_a_signature_with_the_public_key_as_hmac_secret_is_refused() -> None:
    secret = OctKey.import_key(KEY.public.raw)
    header = {"alg": "HS256", "typ": "event"}
    raw = jose.serialize_compact(header, PAYLOAD, secret, algorithms=["HS256"])
    with pytest.raises(MalformedJws, match="alg is not EdDSA"):
        _parse(raw.encode())


GOOD = sign_compact(PAYLOAD, typ="event", key=KEY)
HEADER, BODY, SIGNATURE = GOOD.split(b".")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "three segments"),
        (b"..", "header is empty"),
        (b"." + BODY + b"." + SIGNATURE, "header is empty"),
        (HEADER + b".." + SIGNATURE, "payload is empty"),
        (HEADER + b"." + BODY + b".", "signature is empty"),
        (HEADER + b"." + BODY, "three segments"),
        (GOOD + b".", "three segments"),
        (GOOD + b"." + SIGNATURE, "three segments"),
        (GOOD + b"=", "signature is not"),
        (GOOD + b"==", "signature is not"),
        (GOOD + b"\n", "signature is not"),
        (b" " + GOOD, "header is not"),
        (GOOD.replace(b".", b" ."), "header is not"),
        (HEADER + b"." + BODY + b"=." + SIGNATURE, "payload is not"),
        (HEADER + b"." + BODY + b"." + SIGNATURE[:-2], "64 bytes, not"),
        (HEADER + b"." + BODY + b"." + SIGNATURE + b"AA", "64 bytes, not"),
        (HEADER + b"." + BODY + b"." + b"\xc3\xa9" * 43, "signature is not"),
        (HEADER + b".\xff." + SIGNATURE, "payload is not"),
    ],
)
def test_bytes_of_another_shape_are_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedJws, match=reason):
        _parse(raw)


def test_unused_bits_of_the_last_character_must_be_zero() -> None:
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 64 bytes leave four unused bits in the last character: 15 spellings of one signature.
    accepted = []
    for character in alphabet:
        try:
            _parse(GOOD[:-1] + bytes([character]))
        except MalformedJws:
            continue
        accepted.append(character)
    assert len(accepted) == 4
    assert GOOD[-1] in accepted


def test_the_size_limit_is_the_callers() -> None:
    assert parse_compact(GOOD, max_bytes=len(GOOD)).raw == GOOD
    with pytest.raises(MalformedJws, match="longer than"):
        parse_compact(GOOD, max_bytes=len(GOOD) - 1)


def test_json_serialisations_of_jws_are_refused() -> None:
    flattened = {"protected": "e30", "payload": "e30", "signature": "AA"}
    with pytest.raises(MalformedJws):
        _parse(json.dumps(flattened).encode())


@pytest.mark.parametrize("typ", ["", 'a"', "a\\", "ä", "a" * 65, "a b", ".a"])
def test_a_typ_that_would_not_be_accepted_is_not_signed(typ: str) -> None:
    with pytest.raises(MalformedJws, match="typ"):
        sign_compact(PAYLOAD, typ=typ, key=KEY)


def test_an_empty_payload_is_not_signed() -> None:
    with pytest.raises(MalformedJws, match="empty"):
        sign_compact(b"", typ="event", key=KEY)
