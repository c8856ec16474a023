"""A person's key and home on this machine."""

import json
import os
import pwd
import stat
from pathlib import Path

import pytest

from homechain.cli import DONE, FAILED
from homechain.cli.profile import Profile, as_caller, default_profile, sudo_caller
from tests.unit.cli.conftest import Run


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n", encoding="utf-8")
    return file


def test_a_key_is_locked_by_a_passphrase_and_for_its_owner_alone(
    run: Run, tmp_path: Path, secret: Path
) -> None:
    place = ["--profile", str(tmp_path / "anna")]
    made = run("person", "create", "--passphrase-file", secret, "--json", *place)
    assert made.code == DONE
    file = tmp_path / "anna" / "person.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "sealed" in json.loads(file.read_bytes())
    secret.write_text("wrong horse", encoding="utf-8")
    (tmp_path / "anna" / "home.json").write_bytes(A_HOME.replace(b"[]", json.dumps([HUB]).encode()))
    told = run("person", "list", "--passphrase-file", secret, *place)
    assert (told.code, "passphrase" in told.err) == (FAILED, True)


def test_without_a_terminal_nobody_is_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read) as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        told = run("person", "create", "--profile", tmp_path / "anna")
    assert (told.code, "--passphrase-file" in told.err) == (FAILED, True)
    assert not (tmp_path / "anna").exists()


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    """What somebody at a terminal types, prompt for prompt."""
    answers = iter(words)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))


def test_a_new_passphrase_is_typed_twice(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "correct horse", "corect horse")
    told = run("person", "create", "--profile", tmp_path / "anna")
    assert (told.code, "differ" in told.err) == (FAILED, True)
    assert not (tmp_path / "anna").exists()


def test_a_key_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    place = ["--profile", str(tmp_path / "anna")]
    assert run("person", "create", "--unlocked", *place).code == DONE
    before = (tmp_path / "anna" / "person.key").read_bytes()
    told = run("person", "create", "--unlocked", *place)
    assert (told.code, "never overwritten" in told.err) == (FAILED, True)
    assert (tmp_path / "anna" / "person.key").read_bytes() == before


A_HOME = json.dumps({"home": "x", "name": "Elsewhere", "hubs": []}).encode()
BROKEN_HOMES = {
    "no json": b"{",
    "not text": b"\xff\xfe",
    "other fields": b'{"home":"x","name":"y","hubs":[],"more":1}',
    "no hubs": A_HOME,
}


@pytest.mark.parametrize("content", BROKEN_HOMES.values(), ids=BROKEN_HOMES)
def test_a_home_file_of_something_else_is_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    place = ["--profile", str(tmp_path / "anna")]
    assert run("person", "create", "--unlocked", *place).code == DONE
    (tmp_path / "anna" / "home.json").write_bytes(content)
    told = run("person", "list", *place)
    assert (told.code, "home.json" in told.err) == (FAILED, True)


def test_a_home_file_that_is_a_directory_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home.json").mkdir()
    told = run("person", "list", "--profile", tmp_path)
    assert (told.code, "cannot be read" in told.err) == (FAILED, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["person", "list"], "knows no home yet"),
        (["tui"], "knows no home yet"),
        (["hub", "status"], "homechain hub init"),
        (["person", "show"], "homechain person create"),
        (["person", "home", "--export", "out"], "knows no home yet"),
        (["person", "home", "--import", "not-there"], "person home --export"),
    ],
)
def test_an_empty_profile_says_what_to_do_first(
    run: Run, tmp_path: Path, words: list[str], hint: str
) -> None:
    told = run(*words, "--profile", tmp_path / "new")
    assert (told.code, told.out) == (FAILED, "")
    assert hint in told.err


def test_a_home_without_a_key_asks_for_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home.json").write_bytes(A_HOME.replace(b"[]", json.dumps([HUB]).encode()))
    told = run("person", "list", "--profile", tmp_path)
    assert (told.code, "homechain person create" in told.err) == (FAILED, True)


HUB = {
    "hub": "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
    "name": "Hall",
    "certificate": "AAAA",
    "mesh": [],
    "api": [],
    "residents": ["127.0.0.1:9"],
}


def test_sudo_acts_for_who_called_it() -> None:
    me = pwd.getpwuid(os.getuid())
    nobody = pwd.getpwnam("nobody")
    assert sudo_caller({}) is None
    assert sudo_caller({"SUDO_UID": "0"}) is None
    assert sudo_caller({"SUDO_UID": "-1"}) is None
    assert sudo_caller({"SUDO_UID": "4000000000"}) is None
    assert sudo_caller({"SUDO_UID": str(nobody.pw_uid)}) == nobody
    with as_caller():
        assert os.geteuid() == me.pw_uid


def test_a_profile_is_where_other_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert default_profile() == Path("/somewhere/homechain")
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/home/anna")
    assert default_profile() == Path("/home/anna/.config/homechain")


def test_a_profile_that_cannot_be_written_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = run("person", "create", "--unlocked", "--profile", tmp_path / "file" / "anna")
    assert (told.code, "no key was made" in told.err) == (FAILED, True)
    assert not Profile(tmp_path / "file").has_home()
