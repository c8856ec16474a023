"""How a hub begins: founding and joining, and what stands in the way."""

import os
from pathlib import Path

import pytest

from homechain.cli import DONE, FAILED, HOMELESS, USAGE
from homechain.cli.hub import beginning
from homechain.cli.profile import Profile
from homechain.mesh.announcements import FoundHub
from tests.unit.cli.conftest import Run

NAMES = ("--home-name", "Our home", "--owner-name", "Anna")


def test_a_home_is_founded_with_the_hub_and_the_owner_in_it(run: Run, tmp_path: Path) -> None:
    place = ["--state-dir", str(tmp_path / "hub"), "--profile", str(tmp_path / "anna")]
    told = run("hub", "init", *NAMES, "--unlocked", *place)
    assert told.code == DONE
    assert told.out.startswith("Our home is founded.")
    assert "keep a copy" in told.out
    home = Profile(tmp_path / "anna").home()
    assert home.name == "Our home"
    assert home.home in told.out
    again = run("hub", "init", *NAMES, "--unlocked", *place)
    assert (again.code, "belongs to Our home already" in again.err) == (FAILED, True)
    other = ["--state-dir", str(tmp_path / "hub"), "--profile", str(tmp_path / "ben")]
    again = run("hub", "init", *NAMES, "--unlocked", *other)
    assert (again.code, "holds a ledger already" in again.err) == (FAILED, True)


def test_a_person_who_has_a_key_founds_with_it(run: Run, tmp_path: Path) -> None:
    profile = ["--profile", str(tmp_path / "anna")]
    did = run("person", "create", "--unlocked", "--json", *profile).facts["did"]
    told = run("hub", "init", *NAMES, "--json", "--state-dir", tmp_path / "hub", *profile)
    assert (told.code, told.facts["owner"]) == (DONE, did)


def test_founding_goes_on_where_it_was_interrupted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["hub", "init", *NAMES, "--unlocked", "--state-dir", tmp_path / "hub"]
    words += ["--profile", tmp_path / "anna"]

    def power_cut(*_: object, **__: object) -> None:
        raise OSError("the plug was pulled")

    with monkeypatch.context() as patched:
        patched.setattr("homechain.hub.founding.sign_genesis", power_cut)
        told = run(*words)
    assert (told.code, "nothing was founded" in told.err) == (FAILED, True)
    assert run(*words).code == DONE


def test_a_place_that_is_not_mine_is_said_to_need_root() -> None:
    refused = beginning._no_place(Path("/var/lib/homechain"), PermissionError(13, "denied"))
    assert "sudo" in str(refused)
    assert "--state-dir" in str(refused)


def test_a_place_that_is_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hub").touch()
    told = run("hub", "init", *NAMES, "--state-dir", tmp_path / "hub", "--profile", tmp_path)
    assert (told.code, "nothing was done" in told.err) == (FAILED, True)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["--time-zone", "Mars/Olympus"], USAGE, "no time zone"),
        (["--time-zone", "../../etc/passwd"], USAGE, "no time zone"),
        (["--config", "not-there.toml"], FAILED, "no such file"),
        (["--home-name", "a\x1b[2J"], FAILED, "nothing was founded"),
    ],
)
def test_bad_input_founds_nothing(
    run: Run, tmp_path: Path, words: list[str], code: int, hint: str
) -> None:
    place = ["--state-dir", str(tmp_path / "hub"), "--profile", str(tmp_path / "anna")]
    told = run("hub", "init", *NAMES, "--unlocked", *place, *words)
    assert (told.code, hint in told.err) == (code, True)
    assert not (tmp_path / "anna" / "home.json").exists()


def test_settings_that_are_misspelled_are_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text("[api]\nprot = 1\n", encoding="utf-8")
    told = run("hub", "run", "--state-dir", tmp_path, "--config", file)
    assert (told.code, "prot" in told.err) == (FAILED, True)


def test_a_directory_without_a_hub_does_not_run(run: Run, tmp_path: Path) -> None:
    told = run("hub", "run", "--state-dir", tmp_path / "hub")
    assert told.code == HOMELESS
    assert "homechain hub init" in told.err
    assert "homechain hub join" in told.err


def test_a_hub_that_finds_nobody_joins_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(**_: object) -> list[FoundHub]:
        return []

    monkeypatch.setattr("homechain.mesh.discovery.find_hubs", nobody)
    told = run("hub", "join", "--code", "1-2", "--state-dir", tmp_path / "hub")
    assert (told.code, "homechain hub pair" in told.err) == (FAILED, True)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere"])
def test_an_address_where_no_hub_waits_joins_nothing(
    run: Run, tmp_path: Path, address: str
) -> None:
    place = ["--state-dir", str(tmp_path / "hub")]
    told = run("hub", "join", "--address", address, "--code", "1-2", *place)
    assert (told.code, "joined nothing" in told.err) == (FAILED, True)


def test_a_code_is_asked_for_only_at_a_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read) as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        told = run("hub", "join", "--address", "127.0.0.1:9", "--state-dir", tmp_path / "hub")
    assert (told.code, "--code" in told.err) == (FAILED, True)
