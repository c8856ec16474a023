"""What an announcement may say."""

import pytest

from homechain.mesh.addresses import Address
from homechain.mesh.announcements import (
    HOME_CHARACTERS,
    Announcement,
    FoundHub,
    read_announcement,
    short_home,
)
from tests.fakes.mesh_world import key_of

HUB = key_of(1).public.did


def announcement(*, boot: int = 1, pairing_port: int = 0, number: int = 1) -> Announcement:
    return Announcement(
        home=short_home(bytes(32)),
        hub=key_of(number).public.did,
        boot=boot,
        api_port=8440,
        residents_port=8443,
        mesh_port=8441,
        pairing_port=pairing_port,
    )


def txt(**changed: str | None) -> dict[bytes, bytes | None]:
    said = {str(key): str(value) for key, value in announcement().to_txt().items()}
    whole: dict[str, str | None] = {**said, **changed}
    return {key.encode(): value.encode() for key, value in whole.items() if value is not None}


def test_what_is_announced_is_understood() -> None:
    found = read_announcement(txt(pair="8442"), hosts=["192.0.2.7", "fe80::1%eth0"])
    assert found == FoundHub(
        version=1,
        home="A" * HOME_CHARACTERS,
        hub=HUB,
        boot=1,
        hosts=("192.0.2.7", "fe80::1%eth0"),
        api_port=8440,
        residents_port=8443,
        mesh_port=8441,
        pairing_port=8442,
    )
    assert found.api == ("192.0.2.7:8440", "[fe80::1%eth0]:8440")
    assert found.residents == ("192.0.2.7:8443", "[fe80::1%eth0]:8443")
    assert found.mesh == ("192.0.2.7:8441", "[fe80::1%eth0]:8441")
    assert found.pairing == (Address("192.0.2.7", 8442), Address("fe80::1%eth0", 8442))


def test_without_a_window_there_is_nowhere_to_pair() -> None:
    found = read_announcement(txt(pair=None), hosts=["192.0.2.7"])
    assert found is not None
    assert found.pairing == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"hub": "did:key:z6Mkshort"},
        {"hub": None},
        {"home": "../../etc"},
        {"home": "A" * 44},
        {"boot": "-1"},
        {"boot": "1" * 17},
        {"boot": "soon"},
        {"mesh": "65536"},
        {"mesh": "-1"},
        {"api": ""},
        {"v": "one"},
        {"home": "\x1b[31m"},
    ],
)
def test_nonsense_is_nothing(changed: dict[str, str | None]) -> None:
    assert read_announcement(txt(**changed), hosts=["192.0.2.7"]) is None


def test_bytes_that_are_no_text_are_nothing() -> None:
    assert read_announcement({b"\xff": b"\xff"}, hosts=[]) is None
    assert read_announcement({**txt(), b"home": b"\xff"}, hosts=[]) is None
    assert read_announcement({**txt(), b"hub": None}, hosts=[]) is None
    assert read_announcement({}, hosts=[]) is None
