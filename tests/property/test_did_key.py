"""A key has one name, and a name one key."""

from hypothesis import given, settings
from hypothesis import strategies as st

from homechain.crypto.did_key import DID_KEY_CHARACTERS, decode_did_key, encode_did_key
from homechain.crypto.errors import InvalidDid, InvalidKey
from homechain.crypto.keys import PrivateKey, PublicKey

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@given(st.binary(min_size=32, max_size=32))
def test_any_32_bytes_come_back_from_their_name(raw: bytes) -> None:
    did = encode_did_key(raw)
    assert len(did) == DID_KEY_CHARACTERS
    assert decode_did_key(did) == raw


@given(st.text(BASE58, min_size=47, max_size=47) | st.text(max_size=60))
def test_an_accepted_name_is_the_only_one(rest: str) -> None:
    did = "did:key:z" + rest
    try:
        raw = decode_did_key(did)
    except InvalidDid:
        return
    assert encode_did_key(raw) == did


@given(st.binary(max_size=40))
@settings(deadline=None)
def test_no_bytes_raise_anything_but_the_named_error(raw: bytes) -> None:
    try:
        key = PublicKey.from_bytes(raw)
    except InvalidKey:
        return
    assert PublicKey.from_did(key.did) == key


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=80),
    st.binary(max_size=80),
)
@settings(deadline=None)
def test_verify_answers_and_never_raises(seed: bytes, signature: bytes, message: bytes) -> None:
    key = PrivateKey.from_seed(seed)
    assert key.public.verify(key.sign(message), message) is True
    assert key.public.verify(signature, message) is False
