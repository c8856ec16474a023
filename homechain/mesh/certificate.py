"""A hub's certificate: its own Ed25519 key in the one wrapping that TLS understands.

The certificate says nothing that the key does not say. It is a function of the key, never
expires (these boxes have no clock battery), and is trusted only because a hub record carries it.
"""

from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, SignatureAlgorithmOID

from homechain.crypto.errors import InvalidKey
from homechain.crypto.hashing import sha256
from homechain.crypto.keys import PrivateKey, PublicKey
from homechain.mesh.errors import InvalidCertificate

CERTIFICATE_BYTES_MOST: Final = 1_536
"""What fits, in base64url, into a hub description."""

_NOT_BEFORE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_AFTER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_SERIAL_BYTES: Final = 16  # RFC 5280, section 4.1.2.2: positive, at most 20 bytes
_SIGNATURE_HEADER: Final = b"\x03\x41\x00"  # BIT STRING, 65 bytes, no bit unused
_SERIAL_PURPOSE: Final = b"homechain certificate serial\x00"


def make_certificate(key: PrivateKey) -> bytes:
    """Return the DER of the self-signed X.509 certificate of `key`: always the same bytes."""
    secret = ed25519.Ed25519PrivateKey.from_private_bytes(key.seed)
    name = _name(key.public.did)
    serial = int.from_bytes(sha256(_SERIAL_PURPOSE + key.public.raw)[:_SERIAL_BYTES], "big") | 1
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(serial)
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
    )
    # Ed25519 is deterministic (RFC 8032), hence so is the certificate.
    return builder.sign(secret, algorithm=None).public_bytes(Encoding.DER)


def certificate_did(der: bytes) -> str:
    """Return the did of the hub whose certificate `der` is.

    Raises `InvalidCertificate` unless it is one DER certificate, names itself by the did of its
    own acceptable Ed25519 key, and carries that key's signature.
    """
    if len(der) > CERTIFICATE_BYTES_MOST:
        raise InvalidCertificate(f"longer than {CERTIFICATE_BYTES_MOST} bytes")
    try:
        certificate = x509.load_der_x509_certificate(der)
        public = certificate.public_key()
        algorithm, issuer = certificate.signature_algorithm_oid, certificate.issuer
        subject = certificate.subject
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise InvalidCertificate("not a DER X.509 certificate") from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise InvalidCertificate("the key is not an Ed25519 key")
    if algorithm != SignatureAlgorithmOID.ED25519:
        raise InvalidCertificate("not signed with Ed25519")
    try:
        key = PublicKey.from_bytes(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    except InvalidKey as error:
        raise InvalidCertificate(f"the key is refused: {error}") from error
    # The house has one verifier; this certificate gets no other.
    if not key.verify(certificate.signature, certificate.tbs_certificate_bytes):
        raise InvalidCertificate("not signed by its own key")
    # The count of unused bits is under no signature; without this, one certificate has two forms.
    if not der.endswith(_SIGNATURE_HEADER + certificate.signature):
        raise InvalidCertificate("its signature is not a whole number of bytes")
    if subject != _name(key.did) or issuer != subject:
        raise InvalidCertificate("it does not name its own key")
    return key.did


def _name(did: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, did)])


def _signing_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
