import json
import unicodedata
from collections.abc import Callable

import pytest

from homechain.crypto.errors import InvalidSealing, WrongPassphrase
from homechain.crypto.sealing import (
    MAX_MEM_LIMIT,
    MAX_OPS_LIMIT,
    MAX_PASSPHRASE_BYTES,
    MAX_SECRET_BYTES,
    MIN_MEM_LIMIT,
    lock_secret,
    unlock_secret,
)

SECRET = bytes(range(32))


def _lock(
    *,
    secret: bytes = SECRET,
    passphrase: str = "correct horse",
    salt: bytes = b"s" * 16,
    nonce: bytes = b"n" * 24,
    ops_limit: int = 1,
    mem_limit: int = MIN_MEM_LIMIT,
) -> bytes:
    return lock_secret(
        secret,
        passphrase=passphrase,
        salt=salt,
        nonce=nonce,
        ops_limit=ops_limit,
        mem_limit=mem_limit,
    )


BLOB = _lock()


def _changed(**members: object) -> bytes:
    return json.dumps({**json.loads(BLOB), **members}).encode()


def test_the_passphrase_opens_the_secret() -> None:
    assert unlock_secret(BLOB, "correct horse") == SECRET


def test_the_locked_form_is_frozen() -> None:
    assert BLOB == (
        b'{"format":"homechain-sealed","version":1,"kdf":"argon2id","ops_limit":1,'
        b'"mem_limit":8192,"salt":"c3Nzc3Nzc3Nzc3Nzc3Nzcw",'
        b'"nonce":"bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5u",'
        b'"box":"CfBb4Bz5iORUS0cAAGrwJPdR9LWU9dEUbfCjpnqJBN5cuyWVOAXmhSk-njbHnaKF"}'
    )


@pytest.mark.parametrize("passphrase", ["", "correct hors", "Correct horse", "x" * 2000])
def test_another_passphrase_does_not(passphrase: str) -> None:
    with pytest.raises(WrongPassphrase):
        unlock_secret(BLOB, passphrase)


def test_composed_and_decomposed_letters_are_one_passphrase() -> None:
    passphrase = "Schlüssel"
    blob = _lock(passphrase=unicodedata.normalize("NFD", passphrase))
    assert unlock_secret(blob, unicodedata.normalize("NFC", passphrase)) == SECRET


def test_undecodable_terminal_input_still_works_as_a_passphrase() -> None:
    assert unlock_secret(_lock(passphrase="\udcff!"), "\udcff!") == SECRET


@pytest.mark.parametrize("member", ["salt", "nonce", "box"])
def test_a_changed_byte_is_noticed(member: str) -> None:
    text = json.loads(BLOB)[member]
    changed = ("A" if text[0] != "A" else "B") + text[1:]
    with pytest.raises(WrongPassphrase):
        unlock_secret(_changed(**{member: changed}), "correct horse")


def test_a_changed_amount_of_work_is_noticed() -> None:
    with pytest.raises(WrongPassphrase):
        unlock_secret(_changed(ops_limit=2), "correct horse")


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"{}",
        b"null",
        b"x" * 10_000,
        _changed(format="other"),
        _changed(version=2),
        _changed(kdf="pbkdf2"),
        _changed(extra=1),
        _changed(salt="c3M="),
        _changed(salt="c3Nz"),
        _changed(nonce="bm5u"),
        _changed(salt=1),
        _changed(ops_limit=0),
        _changed(ops_limit=MAX_OPS_LIMIT + 1),
        _changed(ops_limit="1"),
        _changed(mem_limit=MIN_MEM_LIMIT - 1),
        _changed(mem_limit=MAX_MEM_LIMIT + 1),
        BLOB[:-1] + b',"version":1}',
    ],
)
def test_anything_else_is_refused_before_any_work(blob: bytes) -> None:
    with pytest.raises(InvalidSealing):
        unlock_secret(blob, "correct horse")


@pytest.mark.parametrize("box", ["", "AAAA"])
def test_a_box_too_short_to_hold_anything_does_not_open(box: str) -> None:
    with pytest.raises(WrongPassphrase):
        unlock_secret(_changed(box=box), "correct horse")


def test_out_of_bounds_is_not_locked() -> None:
    attempts: list[Callable[[], bytes]] = [
        lambda: _lock(secret=bytes(MAX_SECRET_BYTES + 1)),
        lambda: _lock(passphrase=""),
        lambda: _lock(passphrase="x" * (MAX_PASSPHRASE_BYTES + 1)),
        lambda: _lock(salt=b"short"),
        lambda: _lock(nonce=b"short"),
        lambda: _lock(ops_limit=0),
        lambda: _lock(mem_limit=MAX_MEM_LIMIT + 1),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidSealing):
            attempt()
