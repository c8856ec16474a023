"""The frozen bytes of records, blocks, statements, certificates and proofs.

First that the code still makes them; then that docs/protocol.md tells the truth about them, with
nothing but hashlib, json, msgpack arrays and a naive Merkle tree.
"""

import hashlib
import json
from base64 import urlsafe_b64decode
from typing import Any

import msgspec
import pytest

from homechain.crypto.keys import PublicKey
from homechain.ledger.audit import Auditor
from homechain.ledger.certificates import verify_commit, verify_election, verify_quorum
from homechain.ledger.errors import ProofRefused
from homechain.ledger.proofs import CommandProof, TrustAnchor, anchor_from_genesis, check_command
from homechain.ledger.state import State
from homechain.model.blocks import (
    Block,
    CertifiedBlock,
    CommitCertificate,
    ElectionCertificate,
    QuorumCertificate,
)
from homechain.model.configuration import Configuration
from tests.vectors.protocol_vectors import FOLDER, VECTORS, text_of


def frozen(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def unb64u(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01", merkle_root(leaves[:split]), merkle_root(leaves[split:]))


@pytest.mark.parametrize("name", VECTORS)
def test_the_protocol_still_makes_its_frozen_bytes(name: str) -> None:
    assert text_of(name) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_records_are_what_the_document_says() -> None:
    for record in frozen("records"):
        header, payload, signature = record["compact"].split(".")
        assert json.loads(unb64u(header)) == {"alg": "EdDSA", "typ": record["typ"]}
        assert unb64u(payload).decode() == record["payload"]
        assert json.loads(record["payload"])["iss"] == record["signer"]
        signed = f"{header}.{payload}".encode()
        assert sha256(signed).hex() == record["id"]
        assert sha256(b"\0", record["compact"].encode()).hex() == record["leaf"]
        assert PublicKey.from_did(record["signer"]).verify(unb64u(signature), signed)


def test_every_kind_of_record_is_frozen() -> None:
    kinds = {record["typ"].split("-")[1].split("+")[0] for record in frozen("records")}
    assert kinds == {
        "genesis",
        "person",
        "hub",
        "device",
        "retire",
        "event",
        "command",
        "outcome",
        "grant",
        "revoke",
    }


def test_blocks_are_what_the_document_says() -> None:
    leaves = [bytes.fromhex(record["leaf"]) for record in frozen("records")]
    records = {record["id"]: record for record in frozen("records")}
    home = frozen("records")[0]["id"]
    parent, size, state = bytes(32), 0, dict[str, bytes]()
    for block in frozen("blocks"):
        raw = bytes.fromhex(block["header"])
        fields = msgspec.msgpack.decode(raw)
        assert sha256(b"homechain header 1\0", raw).hex() == block["hash"]
        assert fields[0] == 1
        assert fields[1].hex() == home
        assert fields[2] == block["fields"]["epoch"]
        assert fields[4:7] == [block["fields"][name] for name in ("term", "seq", "height")]
        assert fields[7] == parent
        assert fields[9] == block["fields"]["time_ms"]
        assert fields[10] == len(block["records"])
        size += fields[10]
        assert fields[11] == size
        assert fields[12] == merkle_root(leaves[:size])
        for key, value in block["state_changes"].items():
            state[key] = bytes.fromhex(value)
        assert fields[13] == State.from_entries(state).root
        assert all(record in records for record in block["records"])
        parent = bytes.fromhex(block["hash"])


def test_the_frozen_ledger_passes_an_audit() -> None:
    raws = iter(record["compact"].encode() for record in frozen("records"))
    auditor = Auditor()
    for block in frozen("blocks"):
        records = tuple(next(raws) for _ in block["records"])
        commit = block["commit"] and msgspec.msgpack.decode(
            bytes.fromhex(block["commit"]), type=CommitCertificate
        )
        body = Block(bytes.fromhex(block["header"]), records)
        auditor.feed([CertifiedBlock(body, bytes.fromhex(block["proposal"]), commit)])
    assert auditor.finish().blocks == len(frozen("blocks"))


def test_configurations_are_what_the_document_says() -> None:
    for vector in frozen("configurations"):
        raw = bytes.fromhex(vector["bytes"])
        version, _, _, members, quorum = msgspec.msgpack.decode(raw)
        assert (version, members, quorum) == (1, vector["members"], vector["quorum"])
        assert members == sorted(members)
        digest = sha256(b"homechain configuration 1\0", raw)
        assert digest.hex() == vector["hash"]
        first = int.from_bytes(digest[:4], "big")
        assert vector["leaders_of_terms_1_to_8"] == [
            (first + term) % len(members) for term in range(1, 9)
        ]


def test_statements_are_what_the_document_says() -> None:
    for vector in frozen("statements"):
        signed = bytes.fromhex(vector["signed_bytes"])
        tag, version, _, configuration, signer, *_ = msgspec.msgpack.decode(signed)
        assert tag == f"homechain {vector['kind']}"
        assert version == 1
        assert configuration.hex() == vector["configuration"]
        assert signer == vector["signer"]
        key = PublicKey.from_did(signer)
        assert key.verify(bytes.fromhex(vector["signature"]), signed)
        message = msgspec.msgpack.decode(bytes.fromhex(vector["message"]))
        assert bytes.fromhex(vector["signature"]) in message


def test_certificates_verify() -> None:
    vectors = {name: bytes.fromhex(value) for name, value in frozen("certificates").items()}
    configuration = msgspec.msgpack.decode(vectors["configuration"], type=Configuration)
    verify_quorum(msgspec.msgpack.decode(vectors["quorum"], type=QuorumCertificate), configuration)
    for name in ("commit", "commit_with_a_childs_prepare"):
        commit = msgspec.msgpack.decode(vectors[name], type=CommitCertificate)
        verify_commit(commit, configuration, closes=None)
    verify_election(
        msgspec.msgpack.decode(vectors["election"], type=ElectionCertificate), configuration
    )


@pytest.mark.parametrize("vector", frozen("proofs"), ids=lambda vector: vector["case"])
def test_devices_judge_proofs_as_frozen(vector: dict[str, Any]) -> None:
    anchor = msgspec.convert(vector["anchor"], TrustAnchor)
    home = bytes.fromhex(vector["home"])
    assert anchor == anchor_from_genesis(vector["genesis"].encode(), home=home)
    proof = msgspec.convert(vector["proof"], CommandProof)
    try:
        code = check_command(
            proof, anchor=anchor, device=vector["device"], now_ms=vector["now_ms"]
        ).decision.code
    except ProofRefused as refused:
        code = refused.code
    assert code == vector["code"]


def test_digits_are_what_the_document_says() -> None:
    for vector in frozen("pairing"):
        parts = {
            name: bytes.fromhex(vector[name])
            for name in ("home", "description_id", "hub_nonce", "device_nonce")
        }
        commitment = sha256(b"homechain commitment\0", parts["device_nonce"])
        assert unb64u(vector["commitment"]) == commitment
        digest = sha256(
            b"homechain digits 1\0",
            parts["home"],
            vector["hub"].encode(),
            parts["description_id"],
            parts["hub_nonce"],
            parts["device_nonce"],
        )
        number = int.from_bytes(digest[:8], "big") % 1_000_000
        assert vector["digits"] == f"{number:06d}"
