"""Contexts for mutual TLS 1.3 between hubs that pin each other's certificates.

No authority signs anything: a connection is good if the certificate at its other end is, byte
for byte, one that the ledger's membership holds now. OpenSSL proves that the peer has the key;
`member_at_other_end` compares with the membership, which may have changed since the handshake
began.
"""

import os
import ssl
from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from homechain.crypto.keys import PrivateKey
from homechain.mesh.certificate import certificate_did
from homechain.mesh.errors import InvalidCertificate, StrangerRefused


def server_context(
    key: PrivateKey, *, certificate: bytes, members: Iterable[bytes]
) -> ssl.SSLContext:
    """Return the context of a listener that only the holders of `members` (DER) get through."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, key, certificate)
    # A ticket would let a hub that was removed resume without showing its certificate.
    context.num_tickets = 0
    _pin(context, members)
    return context


def client_context(key: PrivateKey, *, certificate: bytes, peer: bytes) -> ssl.SSLContext:
    """Return the context for dialling the one hub whose certificate (DER) is `peer`."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, key, certificate)
    _pin(context, (peer,))
    return context


def residents_context(key: PrivateKey, *, certificate: bytes) -> ssl.SSLContext:
    """Return the context of a listener that asks for no certificate: clients pin the hub's key."""
    return _context(ssl.PROTOCOL_TLS_SERVER, key, certificate)


def member_at_other_end(
    connection: ssl.SSLObject | ssl.SSLSocket | None, members: Mapping[str, bytes]
) -> str:
    """Return the did of the member (`did` → DER) that finished the handshake of `connection`.

    Raises `StrangerRefused` if that is nobody, or nobody who is a member at this moment.
    """
    der = connection.getpeercert(binary_form=True) if connection is not None else None
    if der is None:
        raise StrangerRefused("the other end showed no certificate")
    try:
        did = certificate_did(der)
    except InvalidCertificate as error:
        raise StrangerRefused(f"the other end's certificate is refused: {error}") from error
    if members.get(did) != der:
        raise StrangerRefused(f"{did} is not a hub of this home")
    return did


def _context(side: int, key: PrivateKey, certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    _show(context, key, certificate)
    return context


def _pin(context: ssl.SSLContext, members: Iterable[bytes]) -> None:
    # Names are not compared: the keys are the names. Order matters, for Python refuses to turn
    # verification on or off in a state that contradicts check_hostname.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    # PARTIAL_CHAIN lets a pinned leaf be its own anchor; STRICT refuses sloppy certificates.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    # With nobody to trust the store stays empty, and everybody is refused.
    if pinned := b"".join(members):
        context.load_verify_locations(cadata=pinned)


def _show(context: ssl.SSLContext, key: PrivateKey, certificate: bytes) -> None:
    secret = ed25519.Ed25519PrivateKey.from_private_bytes(key.seed)
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # `ssl` takes keys only from a path. An anonymous file in memory has one that leads nowhere
    # for other users, and nothing is left on a disk.
    descriptor = os.memfd_create("homechain-tls", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem + ssl.DER_cert_to_PEM_cert(certificate).encode("ascii"))
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
