import copy
import hashlib
import pickle
from dataclasses import FrozenInstanceError

import pytest
from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_scalar_add,
    crypto_core_ed25519_scalar_mul,
    crypto_core_ed25519_scalar_reduce,
    crypto_scalarmult_ed25519_base_noclamp,
)

from homechain.crypto.did_key import encode_did_key
from homechain.crypto.errors import InvalidDid, InvalidKey
from homechain.crypto.keys import PrivateKey, PublicKey, verify_batch

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
KEY = PrivateKey.from_seed(bytes(range(32)))


def _encoded(y: int, *, sign_bit: int = 0) -> bytes:
    return (y | sign_bit << 255).to_bytes(32, "little")


SMALL_ORDER_Y = [
    0,
    1,
    P - 1,
    int.from_bytes(ORDER_8, "little") & (2**255 - 1),
    P - (int.from_bytes(ORDER_8, "little") & (2**255 - 1)),
]


@pytest.mark.parametrize("sign_bit", [0, 1])
@pytest.mark.parametrize("y", SMALL_ORDER_Y)
def test_a_key_of_small_order_is_refused(y: int, sign_bit: int) -> None:
    with pytest.raises(InvalidKey, match="prime order"):
        PublicKey.from_bytes(_encoded(y, sign_bit=sign_bit))


@pytest.mark.parametrize("sign_bit", [0, 1])
@pytest.mark.parametrize("y", range(19))
def test_a_key_that_is_not_reduced_is_refused(y: int, sign_bit: int) -> None:
    with pytest.raises(InvalidKey):
        PublicKey.from_bytes(_encoded(P + y, sign_bit=sign_bit))


def test_a_key_that_is_not_on_the_curve_is_refused() -> None:
    with pytest.raises(InvalidKey):
        PublicKey.from_bytes(_encoded(2))


def test_a_key_of_mixed_order_is_refused() -> None:
    mixed = crypto_core_ed25519_add(KEY.public.raw, ORDER_8)
    with pytest.raises(InvalidKey):
        PublicKey.from_bytes(mixed)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidKey, match="32 bytes"):
        PublicKey.from_bytes(bytes(length))


def test_the_constructor_checks_as_from_bytes_does() -> None:
    with pytest.raises(InvalidKey):
        PublicKey(_encoded(1))


def test_a_key_is_its_bytes_and_its_name() -> None:
    same = PublicKey.from_did(KEY.public.did)
    other = PrivateKey.from_seed(bytes(32)).public
    assert same == KEY.public == PublicKey(KEY.public.raw)
    assert len({same, KEY.public, other}) == 2
    assert repr(same) == f"PublicKey({same.did})"
    assert pickle.loads(pickle.dumps(same)) == same


def test_the_name_of_a_bad_point_is_refused() -> None:
    with pytest.raises(InvalidKey):
        PublicKey.from_did(encode_did_key(_encoded(1)))
    with pytest.raises(InvalidDid):
        PublicKey.from_did("did:web:example.org")


def test_a_public_key_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        KEY.public.raw = bytes(32)  # type: ignore[misc] # the very thing under test


def test_a_signature_verifies_for_its_key_and_message_only() -> None:
    signature = KEY.sign(b"message")
    assert KEY.public.verify(signature, b"message")
    assert not KEY.public.verify(signature, b"messagE")
    assert not PrivateKey.from_seed(bytes(32)).public.verify(signature, b"message")
    assert KEY.public.verify(KEY.sign(b""), b"")


def test_signing_is_deterministic() -> None:
    assert KEY.sign(b"message") == KEY.sign(b"message")


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_false_and_not_an_error(length: int) -> None:
    assert KEY.public.verify(bytes(length), b"message") is False


def test_bytes_cannot_move_between_signature_and_message() -> None:
    signature = KEY.sign(b"message")
    assert not KEY.public.verify(signature + b"m", b"essage")
    assert not KEY.public.verify(signature[:-1], signature[-1:] + b"message")


def test_an_s_that_is_not_reduced_is_refused() -> None:
    signature = KEY.sign(b"message")
    malleated = int.from_bytes(signature[32:], "little") + L
    assert not KEY.public.verify(signature[:32] + malleated.to_bytes(32, "little"), b"message")


def _signature_with_torsion(torsion: bytes | None) -> tuple[PublicKey, bytes, bytes]:
    """A signature made by hand whose R carries a torsion point, as only a liar makes them."""
    secret, nonce = (seed.to_bytes(32, "little") for seed in (1234567, 7654321))
    raw = crypto_scalarmult_ed25519_base_noclamp(secret)
    commitment = crypto_scalarmult_ed25519_base_noclamp(nonce)
    if torsion is not None:
        commitment = crypto_core_ed25519_add(commitment, torsion)
    digest = hashlib.sha512(commitment + raw + b"message").digest()
    challenge = crypto_core_ed25519_scalar_reduce(digest)
    product = crypto_core_ed25519_scalar_mul(challenge, secret)
    return (
        PublicKey.from_bytes(raw),
        commitment + crypto_core_ed25519_scalar_add(nonce, product),
        b"message",
    )


def test_verification_is_without_cofactor() -> None:
    # With a cofactor, the second would pass. Hubs that disagree here would fork.
    assert verify_batch([_signature_with_torsion(None), _signature_with_torsion(ORDER_8)]) == [
        True,
        False,
    ]


def test_a_batch_gives_one_verdict_each_in_order() -> None:
    good = (KEY.public, KEY.sign(b"a"), b"a")
    bad = (KEY.public, KEY.sign(b"a"), b"b")
    assert verify_batch([good, bad, good]) == [True, False, True]
    assert verify_batch([]) == []


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidKey, match="32 bytes"):
        PrivateKey.from_seed(bytes(length))


def test_a_private_key_never_shows_its_secret() -> None:
    seed = b"canary-canary-canary-canary-cana"
    key = PrivateKey.from_seed(seed)
    assert key.seed == seed
    for shown in (repr(key), str(key), f"{key}"):
        assert "canary" not in shown
        assert seed.hex() not in shown


def test_a_private_key_is_neither_pickled_nor_copied() -> None:
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(KEY)
