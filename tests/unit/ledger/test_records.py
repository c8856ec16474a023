import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey
from msgspec.structs import replace

from homechain.crypto.did_key import encode_did_key
from homechain.crypto.hashing import b64u
from homechain.crypto.jws import sign_compact
from homechain.ledger.errors import Inadmissible
from homechain.ledger.records import (
    read_description,
    read_record,
    record_id,
    sign_record,
    verify_description,
    verify_record,
)
from homechain.model import limits
from homechain.model.records import EventRecord, PersonRecord, Role, write_payload
from tests.fakes.home import Actor, MadeHome, made_key

HOME = MadeHome(hubs=1)
MARIA = Actor(made_key("Maria"), name="Maria")
LOCK = Actor(made_key("lock"), name="Front door")
SMALL_ORDER = encode_did_key(bytes([1]) + bytes(31))


def code_of(raw: bytes) -> str:
    with pytest.raises(Inadmissible) as refused:
        read_record(raw)
    return refused.value.code


def signed(fields: dict[str, Any], *, typ: str = PersonRecord.TYP) -> bytes:
    return sign_compact(json.dumps(fields).encode(), typ=typ, key=HOME.owner.key)


def person_fields(**changed: Any) -> dict[str, Any]:
    fields = json.loads(write_payload(HOME.person_record(MARIA).payload))
    return {**fields, **changed}


def test_a_record_is_read_as_it_was_signed() -> None:
    record = HOME.person_record(MARIA)
    again = read_record(record.raw)
    assert again == record
    assert again.kind == "person"
    assert again.signer == HOME.owner.did
    assert again.home == HOME.id
    assert verify_record(again)


def test_a_genesis_record_is_for_the_home_that_it_founds() -> None:
    assert read_record(HOME.genesis.raw).home == HOME.genesis.id


def test_any_jose_library_verifies_a_record() -> None:
    record = HOME.person_record(MARIA)
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": b64u(HOME.owner.key.public.raw)})
    registry = jws.JWSRegistry(algorithms=["EdDSA"])
    # RFC 9864 renames the algorithm; libraries of before know only the old name.
    with pytest.warns(SecurityWarning, match="9864"):
        verified = jws.deserialize_compact(record.raw.decode(), key, registry=registry)
    assert verified.payload == write_payload(record.payload)


def test_a_record_of_somebody_else_does_not_verify() -> None:
    raw = sign_compact(
        write_payload(HOME.person_record(MARIA).payload), typ=PersonRecord.TYP, key=MARIA.key
    )
    assert not verify_record(read_record(raw))


@pytest.mark.parametrize(
    "fields",
    [
        person_fields(surplus=1),
        person_fields(role="king"),
        person_fields(ctr=0),
        person_fields(ctr=2**53),
        person_fields(ctr="1"),
        person_fields(iat=-1),
        person_fields(name=""),
        person_fields(name="two\nlines"),
        person_fields(name="\x1b[31mred"),
        person_fields(name="a\u202eb"),
        person_fields(name="\u2003"),
        person_fields(name="é" * 200),
        person_fields(home="short"),
        person_fields(home=HOME.id_text[:-1] + "_"),  # unused bits that are not zero
        person_fields(person="did:key:zQ3sh"),
        person_fields(iss="did:web:example.org"),
        {key: value for key, value in person_fields().items() if key != "home"},
    ],
    ids=lambda fields: (
        str(sorted(fields.items() - person_fields().items()))[:40]
        if isinstance(fields, dict)
        else None
    ),
)
def test_fields_out_of_bounds_are_malformed(fields: dict[str, Any]) -> None:
    assert code_of(signed(fields)) == "malformed"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss":1,"iss":2}',
        b'{"ctr":NaN}',
        b"[" * 40 + b"]" * 40,
        b"not json",
        b'"\xff"',
    ],
)
def test_ambiguous_json_is_malformed(payload: bytes) -> None:
    raw = sign_compact(payload, typ=PersonRecord.TYP, key=HOME.owner.key)
    assert code_of(raw) == "malformed"


def test_an_unknown_type_is_malformed() -> None:
    assert code_of(signed(person_fields(), typ="homechain-wish+jws")) == "malformed"


def test_a_type_cannot_be_passed_off_as_another() -> None:
    assert code_of(signed(person_fields(), typ=EventRecord.TYP)) == "malformed"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": PersonRecord.TYP},
        {"alg": "HS256", "typ": PersonRecord.TYP},
        {"alg": "EdDSA"},
        {"alg": "EdDSA", "typ": PersonRecord.TYP, "kid": HOME.owner.did},
        {"alg": "EdDSA", "typ": PersonRecord.TYP, "jwk": {}},
    ],
    ids=lambda header: "-".join(header) + header["alg"],
)
def test_tricks_in_the_header_are_malformed(header: dict[str, Any]) -> None:
    _, payload, signature = HOME.person_record(MARIA).raw.split(b".")
    raw = b".".join([b64u(json.dumps(header).encode()).encode(), payload, signature])
    assert code_of(raw) == "malformed"


def test_the_full_name_of_the_algorithm_is_accepted() -> None:
    record = HOME.person_record(MARIA)
    header = b64u(json.dumps({"alg": "Ed25519", "typ": PersonRecord.TYP}).encode()).encode()
    signed_part = header + b"." + record.raw.split(b".")[1]
    signature = b64u(HOME.owner.key.sign(signed_part)).encode()
    assert verify_record(read_record(signed_part + b"." + signature))


def test_keys_of_small_order_are_refused_wherever_they_stand() -> None:
    assert code_of(signed(person_fields(person=SMALL_ORDER))) == "invalid_key"
    assert code_of(signed(person_fields(iss=SMALL_ORDER))) == "invalid_key"


def test_a_record_beyond_the_limit_is_too_large() -> None:
    assert code_of(b"a" * (limits.RECORD_BYTES + 1)) == "too_large"


def test_arguments_beyond_the_limit_are_malformed() -> None:
    with pytest.raises(Inadmissible, match="arguments"):
        HOME.command_record(HOME.owner, LOCK, arguments={"note": "x" * limits.ARGUMENT_BYTES})


def test_the_id_does_not_depend_on_the_signature() -> None:
    record = HOME.person_record(MARIA)
    other = record.raw[: record.raw.rindex(b".")] + b"." + b64u(bytes(64)).encode()
    assert read_record(other).id == record.id
    assert read_record(other).leaf != record.leaf
    assert not verify_record(read_record(other))


def test_nobody_signs_what_no_hub_would_take() -> None:
    payload = PersonRecord(
        iss=HOME.owner.did,
        ctr=1,
        iat=1,
        home=HOME.id_text,
        person=MARIA.did,
        name="bell\x07",
        role=Role.GUEST,
    )
    with pytest.raises(Inadmissible):
        sign_record(payload, HOME.owner.key)


# -------------------------------------------------------------------- descriptions


def test_a_device_record_brings_the_description_that_the_device_signed() -> None:
    record = HOME.device_record(LOCK)
    assert record.description is not None
    assert record.description.signer == LOCK.did
    assert verify_description(record.description)
    assert verify_record(record)


def test_a_description_for_another_home_is_refused() -> None:
    other = MadeHome(hubs=1, name="Elsewhere").device_record(LOCK)
    fields = json.loads(write_payload(HOME.device_record(LOCK).payload))
    assert other.description is not None
    fields["description"] = other.description.raw.decode()
    assert code_of(signed(fields, typ="homechain-device+jws")) == "wrong_home"


def test_a_description_that_the_device_did_not_sign_does_not_verify() -> None:
    record = HOME.device_record(LOCK)
    assert record.description is not None
    head, payload, _ = record.description.raw.split(b".")
    signature = b64u(HOME.owner.key.sign(head + b"." + payload)).encode()
    forged = b".".join([head, payload, signature]).decode()
    payload_now = replace(record.payload, description=forged)
    again = read_record(
        sign_compact(write_payload(payload_now), typ=record.payload.TYP, key=HOME.owner.key)
    )
    assert not verify_record(again)


def test_a_record_is_no_description() -> None:
    with pytest.raises(Inadmissible, match="typ"):
        read_description(HOME.person_record(MARIA).raw)


def test_a_description_too_long_for_a_record_is_refused() -> None:
    with pytest.raises(Inadmissible) as refused:
        read_description(b"x" * (limits.RECORD_BYTES + 1))
    assert refused.value.code == "too_large"


def test_an_id_can_be_told_without_reading() -> None:
    record = MadeHome().event_record(Actor(made_key("sensor"), name="sensor"), battery=3)
    assert record_id(record.raw) == record.id
    assert record_id(b"no record at all") != record.id
