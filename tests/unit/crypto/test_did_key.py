import pytest

from homechain.crypto.did_key import DID_KEY_CHARACTERS, decode_did_key, encode_did_key
from homechain.crypto.errors import InvalidDid

DID = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
RAW = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
X25519 = "did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F"
SECP256K1 = "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"


def test_a_key_and_its_name_are_the_same_thing() -> None:
    assert encode_did_key(RAW) == DID
    assert decode_did_key(DID) == RAW


@pytest.mark.parametrize("raw", [bytes(32), b"\xff" * 32, b"\x00" * 31 + b"\x01"])
def test_every_name_has_the_same_length_and_start(raw: bytes) -> None:
    did = encode_did_key(raw)
    assert len(did) == DID_KEY_CHARACTERS
    assert did.startswith("did:key:z6Mk")
    assert decode_did_key(did) == raw


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:key:",
        "did:key:z",
        DID[:-1],
        DID + "p",
        DID + "#" + DID[8:],
        " " + DID,
        DID + "\n",
        DID.upper(),
        DID.replace("did:key:z", "did:key:u"),
        DID.replace("did:key:", "DID:KEY:"),
        DID.replace("did:key:z", "did:key:z1")[:-1],
        DID[:-1] + "0",
        DID[:-1] + "l",
        DID[:-1] + "é",
        "did:key:z" + "z" * 47,
        "did:key:z" + "1" * 47,
        X25519,
        SECP256K1,
    ],
)
def test_any_other_spelling_is_refused(did: str) -> None:
    with pytest.raises(InvalidDid):
        decode_did_key(did)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_only_32_bytes_have_a_name(length: int) -> None:
    with pytest.raises(InvalidDid, match="32 bytes"):
        encode_did_key(bytes(length))


@pytest.mark.parametrize("did", ["", DID[:-1], DID + "p", DID + "z" * 1_000_000])
def test_the_length_is_refused_before_any_arithmetic(did: str) -> None:
    with pytest.raises(InvalidDid, match="56 characters"):
        decode_did_key(did)
