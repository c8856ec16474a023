"""A hub's certificate is a function of its key, and of nothing else."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from homechain.crypto.hashing import sha256
from homechain.mesh.certificate import (
    CERTIFICATE_BYTES_MOST,
    certificate_did,
    make_certificate,
)
from homechain.mesh.errors import InvalidCertificate
from tests.fakes.mesh_world import key_of


def self_made(name: str, *, seed: int = 7, signed_by: int | None = None) -> bytes:
    """A certificate that claims to be `name`'s, with the key of `seed`."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    signer = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([signed_by or seed]) * 32)
    claimed = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(claimed)
        .issuer_name(claimed)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(1970, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
        .sign(signer, algorithm=None)
        .public_bytes(Encoding.DER)
    )


def test_the_same_key_makes_the_same_bytes_for_ever() -> None:
    der = make_certificate(key_of(1))
    assert der == make_certificate(key_of(1))
    assert der != make_certificate(key_of(2))
    # Hub records carry these bytes, so a change of them would be a change of the protocol.
    assert sha256(der).hex() == "f8bf2b2aa98ca5eeec94fe5b624564bc5bd535d621f9df04a5a87ddb1f924521"


def test_it_names_its_key_and_never_expires() -> None:
    der = make_certificate(key_of(1))
    assert certificate_did(der) == key_of(1).public.did
    certificate = x509.load_der_x509_certificate(der)
    assert certificate.not_valid_before_utc == datetime(1970, 1, 1, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert len(der) <= CERTIFICATE_BYTES_MOST


# A flipped sign of the serial number is refused by us; the library so far only warns of it.
@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")
def test_every_changed_bit_is_found() -> None:
    der = make_certificate(key_of(1))
    for position in range(len(der) * 8):
        changed = bytearray(der)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(InvalidCertificate):
            certificate_did(bytes(changed))


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x03\x02\x01\x01",
        make_certificate(key_of(1))[:-1],
        make_certificate(key_of(1)) + b"\0",
        bytes(CERTIFICATE_BYTES_MOST + 1),
        self_made(key_of(1).public.did),
        self_made("somebody"),
        self_made(key_of(7).public.did, signed_by=8),
    ],
)
def test_what_is_no_certificate_of_its_own_key_is_refused(der: bytes) -> None:
    with pytest.raises(InvalidCertificate):
        certificate_did(der)


def test_other_kinds_of_key_are_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "p256")])
    der = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(1970, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    with pytest.raises(InvalidCertificate, match="Ed25519"):
        certificate_did(der)


def test_a_certificate_of_its_own_key_in_another_form_names_that_key() -> None:
    assert certificate_did(self_made(key_of(7).public.did)) == key_of(7).public.did
