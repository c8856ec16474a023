"""The protocol's own frozen bytes: a change that breaks one of these breaks every other home."""

import json
from pathlib import Path
from typing import Any

import pytest

from homechain.crypto.jws import parse_compact, sign_compact, verify_compact
from homechain.crypto.keys import PrivateKey, PublicKey
from homechain.crypto.sealing import unlock_secret
from homechain.crypto.state_tree import StateProof, StateTree, bucket_index, verify_state_proof

VECTORS = json.loads(
    (Path(__file__).parent / "homechain" / "crypto.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS["jws"], ids=lambda vector: vector["typ"])
def test_a_record_is_signed_and_read_as_frozen(vector: dict[str, str]) -> None:
    key = PrivateKey.from_seed(bytes.fromhex(vector["seed"]))
    raw = sign_compact(vector["payload_utf8"].encode(), typ=vector["typ"], key=key)
    assert raw.decode() == vector["compact"]
    jws = parse_compact(raw, max_bytes=len(raw))
    assert jws.id.hex() == vector["id"]
    assert verify_compact(jws, PublicKey.from_did(vector["did"]))


@pytest.mark.parametrize("vector", VECTORS["state_tree"], ids=lambda vector: vector["root"][:8])
def test_a_state_has_its_frozen_root_and_proof(vector: dict[str, Any]) -> None:
    tree = StateTree.empty().updated(
        {key: bytes.fromhex(value) for key, value in vector["map"].items()}
    )
    proof = StateProof(
        bucket=[(key, bytes.fromhex(value)) for key, value in vector["bucket"]],
        siblings=[bytes.fromhex(node) for node in vector["siblings"]],
    )
    assert tree.root.hex() == vector["root"]
    assert tree.prove(vector["key"]) == proof
    assert bucket_index(vector["key"]) == vector["bucket_index"]
    value = verify_state_proof(tree.root, vector["key"], proof)
    assert (value if value is None else value.hex()) == vector["value"]


@pytest.mark.parametrize("vector", VECTORS["sealed"], ids=lambda vector: vector["passphrase"])
def test_a_locked_secret_opens_for_good(vector: dict[str, Any]) -> None:
    blob = json.dumps(vector["sealed"]).encode()
    assert unlock_secret(blob, vector["passphrase"]).hex() == vector["secret"]
