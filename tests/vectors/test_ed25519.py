"""Other people's Ed25519 vectors, on the one path that verifies (security: one verdict)."""

import json
from pathlib import Path
from typing import Any

import pytest

from homechain.crypto.errors import InvalidKey
from homechain.crypto.hashing import b64u, sha256, unb64u
from homechain.crypto.jws import CompactJws, verify_compact
from homechain.crypto.keys import PrivateKey, PublicKey, verify_batch

HERE = Path(__file__).parent


def _load(name: str) -> Any:
    return json.loads((HERE / name).read_text("utf-8"))


def _wycheproof() -> list[tuple[str, bytes, bytes, bytes, str]]:
    return [
        (
            f"{test['tcId']} {test['comment']}",
            bytes.fromhex(group["publicKey"]["pk"]),
            bytes.fromhex(test["sig"]),
            bytes.fromhex(test["msg"]),
            test["result"],
        )
        for group in _load("wycheproof/ed25519_test.json")["testGroups"]
        for test in group["tests"]
    ]


def test_wycheproof_file_is_complete() -> None:
    results = [result for *_, result in _wycheproof()]
    assert (results.count("valid"), results.count("invalid"), len(results)) == (88, 63, 151)


@pytest.mark.parametrize(
    ("raw", "signature", "message", "result"),
    [pytest.param(*case[1:], id=case[0]) for case in _wycheproof()],
)
def test_wycheproof_verdict_is_the_same_on_every_path(
    raw: bytes, signature: bytes, message: bytes, result: str
) -> None:
    key, valid = PublicKey.from_bytes(raw), result == "valid"
    envelope = CompactJws(
        raw=b"", typ="any", payload=b"", signing_input=message, signature=signature
    )
    assert key.verify(signature, message) is valid
    assert verify_batch([(key, signature, message)]) == [valid]
    assert verify_compact(envelope, key) is valid


# One verdict a vector of ed25519-speccheck, frozen: a libsodium that decides otherwise must fail
# here, because a home whose hubs run both would not agree on what is signed. `key` is a key that
# is refused before any signature is looked at: 0 to 5 and 8 to 11 have small or mixed order or a
# foreign encoding. 6 and 7 have an S that is not reduced.
SPECCHECK_VERDICTS = ["key"] * 6 + ["refused"] * 2 + ["key"] * 4


def test_speccheck_verdicts_are_frozen() -> None:
    verdicts = []
    for case in _load("speccheck/cases.json"):
        raw, signature, message = (
            bytes.fromhex(case[name]) for name in ("pub_key", "signature", "message")
        )
        try:
            accepted = PublicKey.from_bytes(raw).verify(signature, message)
        except InvalidKey:
            verdicts.append("key")
        else:
            verdicts.append("accepted" if accepted else "refused")
    assert verdicts == SPECCHECK_VERDICTS


def test_rfc_8037_signs_and_verifies_as_printed() -> None:
    vector = _load("rfc8037/ed25519.json")
    key = PrivateKey.from_seed(unb64u(vector["jwk"]["d"]))
    signing_input, _, signature = vector["jws_compact"].encode().rpartition(b".")
    assert b64u(key.public.raw) == vector["jwk"]["x"]
    assert key.sign(signing_input) == unb64u(signature)
    assert key.public.verify(unb64u(signature), signing_input)
    assert unb64u(signing_input.split(b".")[1]) == vector["jws_payload"].encode()


def test_rfc_7638_thumbprint_of_the_rfc_8037_key() -> None:
    vector = _load("rfc8037/ed25519.json")
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{vector["jwk"]["x"]}"}}'
    assert b64u(sha256(canonical.encode())) == vector["thumbprint_sha256"]


@pytest.mark.parametrize("vector", _load("didkey/ed25519.json"), ids=lambda vector: vector["did"])
def test_did_key_of_a_seed(vector: dict[str, str]) -> None:
    public = PrivateKey.from_seed(bytes.fromhex(vector["seed"])).public
    assert public.did == vector["did"]
    assert PublicKey.from_did(vector["did"]) == public
