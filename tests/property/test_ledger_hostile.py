"""Hostile bytes meet one answer: refused, with a code. Nothing else is ever raised."""

import json
from functools import cache
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from homechain.crypto.jws import sign_compact
from homechain.ledger.errors import Inadmissible, ProofRefused
from homechain.ledger.proofs import (
    CommandProof,
    TrustAnchor,
    anchor_from_genesis,
    check_command,
    make_command_proof,
    make_configuration_step,
)
from homechain.ledger.records import read_description, read_record
from homechain.model.records import RECORD_TYPES, DeviceDescription
from tests.fakes.home import MadeHome, made_key
from tests.vectors.protocol_vectors import Story

TYPES = [*(kind.TYP for kind in RECORD_TYPES), DeviceDescription.TYP, "other"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@cache
def payloads() -> list[dict[str, Any]]:
    return [json.loads(msgspec.json.encode(record.payload)) for record in Story().records()]


@cache
def shown() -> tuple[TrustAnchor, str, CommandProof, int]:
    home = MadeHome(hubs=3)
    lock, guest = home.add_device("Front door"), home.add_person("Maria")
    home.commit(home.grant_record(guest, jti="grant-0001", devices=[lock]))
    built = home.commit(home.hub_record("hub 3"))
    closed = home.blocks[-1].commit
    assert closed is not None
    step = make_configuration_step(built.block.header, closed, built.configuration)
    command = home.command_record(guest, lock)
    built = home.commit(home.event_record(lock, battery=1), command, certified=False)
    home.commit()
    commit = home.blocks[-1].commit
    assert commit is not None
    proof = make_command_proof(
        built,
        command.id,
        headers_above=[home.head.block.header],
        commit=commit,
        configurations=[step],
    )
    return anchor_from_genesis(home.genesis.raw, home=home.id), lock.did, proof, home.now_s * 1000


def read_anyhow(raw: bytes) -> None:
    for read in (read_record, read_description):
        try:
            read(raw)
        except Inadmissible:
            continue


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_order(raw: bytes) -> None:
    read_anyhow(raw)


@given(st.sampled_from(TYPES), json_values)
def test_any_signed_json_is_refused_in_order(typ: str, value: object) -> None:
    raw = json.dumps(value).encode()
    read_anyhow(sign_compact(raw, typ=typ, key=made_key("anybody")))


@given(st.data())
def test_a_record_with_any_field_replaced_is_read_or_refused(data: st.DataObject) -> None:
    fields = dict(data.draw(st.sampled_from(payloads())))
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(json_values)
    typ = data.draw(st.sampled_from(TYPES))
    read_anyhow(sign_compact(json.dumps(fields).encode(), typ=typ, key=made_key("anybody")))


def test_the_proof_is_accepted_as_it_is() -> None:
    anchor, device, proof, now_ms = shown()
    assert check_command(proof, anchor=anchor, device=device, now_ms=now_ms).decision.allowed


@given(st.data())
def test_a_proof_with_any_byte_changed_is_refused_or_says_the_same(data: st.DataObject) -> None:
    anchor, device, proof, now_ms = shown()
    expected = check_command(proof, anchor=anchor, device=device, now_ms=now_ms)
    raw = bytearray(msgspec.msgpack.encode(proof))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        changed = msgspec.msgpack.decode(bytes(raw), type=CommandProof)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    try:
        accepted = check_command(changed, anchor=anchor, device=device, now_ms=now_ms)
    except ProofRefused:
        return
    # An entry of the state under a name that nothing asks for may be lost without harm.
    assert accepted.command == expected.command
    assert accepted.decision == expected.decision
