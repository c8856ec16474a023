import pytest

from homechain.crypto.errors import InvalidEncoding
from homechain.crypto.hashing import b64u, sha256, unb64u


def test_sha256_joins_its_parts() -> None:
    # FIPS 180-4's "abc"
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(b"abc").hex() == sha256(b"a", b"", b"bc").hex() == expected
    assert sha256() == sha256(b"")


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xfb\xff\xfe", "-__-")],
)
def test_base64url_as_in_rfc_4648_without_padding(data: bytes, text: str) -> None:
    assert b64u(data) == text
    assert unb64u(text) == unb64u(text.encode()) == data


@pytest.mark.parametrize(
    "text",
    [
        "Zg==",
        "Zg=",
        "Z",
        "Zm9vZ",
        "Zh",
        "Zm9",
        "+//+",
        "Zm 9v",
        "Zm9v\n",
        "Zm9v=",
        "====",
        "=",
        "Zm9v====Zm9v",
        "Zm9ü",
        "Zm9\x00",
    ],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(InvalidEncoding):
        unb64u(text)


@pytest.mark.parametrize("text", [b"\xff\xfe\xfd\xfc", b"Zm9\xf6"])
def test_bytes_that_are_not_ascii_are_refused(text: bytes) -> None:
    with pytest.raises(InvalidEncoding):
        unb64u(text)
