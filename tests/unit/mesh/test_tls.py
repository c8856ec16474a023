"""Handshakes between contexts, in memory."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from homechain.crypto.keys import PrivateKey
from homechain.mesh.certificate import make_certificate
from homechain.mesh.errors import StrangerRefused
from homechain.mesh.tls import (
    client_context,
    member_at_other_end,
    residents_context,
    server_context,
)
from tests.fakes.mesh_world import key_of
from tests.unit.mesh.test_certificate import self_made

HOST, GUEST, STRANGER = key_of(1), key_of(2), key_of(3)


class Line:
    """Two ends of a TLS connection without a network."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = server.wrap_bio(to_server, to_client, server_side=True)
        self.client = client.wrap_bio(to_client, to_server)

    def shake_hands(self) -> None:
        """Finish both handshakes and carry one byte each way; raises `ssl.SSLError`."""
        self._finish(self.client.do_handshake, self.server.do_handshake)
        self.client.write(b"?")
        assert self.server.read(1) == b"?"
        self.server.write(b"!")
        assert self.client.read(1) == b"!"

    @staticmethod
    def _finish(*steps: Callable[[], None]) -> None:
        left = list(steps)
        for _ in range(8):
            for step in list(left):
                try:
                    step()
                except ssl.SSLWantReadError:
                    continue
                left.remove(step)
        assert not left


def line(
    *,
    client: PrivateKey = GUEST,
    members: tuple[PrivateKey, ...] = (GUEST,),
    expected: PrivateKey = HOST,
) -> Line:
    return Line(
        server_context(
            HOST,
            certificate=make_certificate(HOST),
            members=[make_certificate(member) for member in members],
        ),
        client_context(
            client, certificate=make_certificate(client), peer=make_certificate(expected)
        ),
    )


def test_both_ends_see_each_others_keys() -> None:
    connection = line()
    connection.shake_hands()
    assert connection.client.version() == "TLSv1.3"
    members = {key.public.did: make_certificate(key) for key in (HOST, GUEST)}
    assert member_at_other_end(connection.server, members) == GUEST.public.did
    assert member_at_other_end(connection.client, members) == HOST.public.did


def test_the_server_refuses_whom_it_does_not_know() -> None:
    with pytest.raises(ssl.SSLError):
        line(client=STRANGER).shake_hands()


def test_the_server_refuses_everybody_while_there_is_nobody_to_trust() -> None:
    with pytest.raises(ssl.SSLError):
        line(members=()).shake_hands()


def test_the_client_refuses_every_hub_but_the_one_it_dials() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        line(expected=STRANGER).shake_hands()


def test_who_was_removed_after_the_handshake_is_a_stranger() -> None:
    connection = line()
    connection.shake_hands()
    with pytest.raises(StrangerRefused, match="not a hub of this home"):
        member_at_other_end(connection.server, {})
    # The same did under another certificate is not the same hub.
    with pytest.raises(StrangerRefused):
        member_at_other_end(connection.server, {GUEST.public.did: make_certificate(HOST)})


def test_a_stolen_certificate_is_worth_nothing_without_its_key() -> None:
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        client_context(STRANGER, certificate=make_certificate(GUEST), peer=make_certificate(HOST))


def test_a_certificate_that_borrows_a_members_name_is_refused() -> None:
    borrowed = self_made(GUEST.public.did, seed=3)
    context = client_context(STRANGER, certificate=borrowed, peer=make_certificate(HOST))
    server = server_context(
        HOST, certificate=make_certificate(HOST), members=[make_certificate(GUEST)]
    )
    with pytest.raises(ssl.SSLError):
        Line(server, context).shake_hands()


def test_who_shows_no_certificate_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    server = server_context(
        HOST, certificate=make_certificate(HOST), members=[make_certificate(GUEST)]
    )
    with pytest.raises(ssl.SSLError):
        Line(server, context).shake_hands()
    with pytest.raises(StrangerRefused):
        member_at_other_end(None, {})


def test_older_tls_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        Line(residents_context(HOST, certificate=make_certificate(HOST)), context).shake_hands()


def test_residents_need_no_certificate_and_can_pin_the_hubs_key() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=make_certificate(HOST))
    connection = Line(residents_context(HOST, certificate=make_certificate(HOST)), context)
    connection.shake_hands()
    assert connection.client.getpeercert(binary_form=True) == make_certificate(HOST)


def test_the_key_leaves_no_file_and_no_descriptor_behind(tmp_path: Path) -> None:
    before = {entry.name for entry in Path("/proc/self/fd").iterdir()}
    server_context(HOST, certificate=make_certificate(HOST), members=[])
    assert {entry.name for entry in Path("/proc/self/fd").iterdir()} == before
    assert list(tmp_path.iterdir()) == []
