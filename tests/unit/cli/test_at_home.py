"""Every command that asks a hub, against a home that runs."""

import asyncio
import json
from pathlib import Path

import pytest

from homechain.api.client.hub import HubClient
from homechain.api.schema.home import HomeView
from homechain.cli import (
    DENIED,
    DONE,
    FAILED,
    GROUPS,
    UNREACHABLE,
    USAGE,
    device,
    grant,
    ledger,
    person,
    tui,
)
from homechain.cli.profile import Profile
from homechain.crypto.keys import PrivateKey
from tests.unit.cli.conftest import Home, Run, Said


@pytest.fixture
def ask(run: Run, home: Home) -> Run:
    """A command of the owner's."""

    def command(*words: str | Path) -> Said:
        return run(*words, *home.as_owner)

    return command


@pytest.fixture
def guest(ask: Run, run: Run, home: Home, tmp_path: Path) -> Path:
    """The profile of a guest who belongs to the home, by the way a guest takes."""
    file, profile = tmp_path / "home.json", tmp_path / "guest"
    assert ask("person", "home", "--export", file).code == DONE
    made = run(
        "person", "create", "--home-file", file, "--unlocked", "--json", "--profile", profile
    )
    name = f"Guest {tmp_path.name}"
    assert ask("person", "add", made.facts["did"], "--name", name).code == DONE
    return profile


def name_of(guest: Path) -> str:
    return f"Guest {guest.parent.name}"


# ---------------------------------------------------------------- hubs


def test_status_names_the_hub_and_what_the_home_survives(ask: Run) -> None:
    told = ask("hub", "status")
    assert told.code == DONE
    assert "stops if one hub is down" in told.out
    assert "Hall" in told.out
    assert "leader" in told.out
    facts = ask("hub", "status", "--json").facts
    assert [(hub["name"], hub["member"]) for hub in facts["hubs"]] == [("Hall", True)]


def test_pairing_shows_a_code_and_where_to_type_it(ask: Run) -> None:
    told = ask("hub", "pair")
    code = told.out.splitlines()[0].removeprefix("Code: ")
    assert "homechain hub join" in told.out
    again = ask("hub", "pair", "--json").facts
    assert (again["open"], again["code"]) == (True, code)


def test_nobody_waits_in_a_quiet_home(ask: Run) -> None:
    assert ask("hub", "requests").out == "nothing yet\n"
    facts = ask("hub", "requests", "--json").facts
    assert (facts["hubs"], facts["devices"]) == ([], [])
    assert ask("device", "requests").out == "nothing yet\n"
    assert ask("device", "requests", "--json").facts == {"devices": []}


@pytest.mark.parametrize("verb", ["approve", "remove"])
def test_a_hub_that_nobody_knows_is_neither_taken_in_nor_removed(ask: Run, verb: str) -> None:
    told = ask("hub", verb, "Attic")
    assert told.code == FAILED
    assert "0 " in told.err
    assert "'Attic'" in told.err


def test_the_last_hub_cannot_be_removed(ask: Run) -> None:
    told = ask("hub", "remove", "Hall")
    assert told.code == FAILED
    assert told.err.startswith("homechain: ")


# ---------------------------------------------------------------- people


def test_people_come_and_go(ask: Run, tmp_path: Path, run: Run) -> None:
    profile = ["--profile", str(tmp_path / "ben")]
    told = run("person", "create", "--unlocked", *profile)
    assert told.code == DONE
    did = run("person", "show", *profile).out.strip()
    assert did in told.out
    assert run("person", "show", "--json", *profile).facts["did"] == did
    added = ask("person", "add", did, "--name", "Ben", "--role", "resident")
    assert added.code == DONE
    assert added.out.startswith("Ben is resident of the home (final in block ")
    assert ["Ben", "resident", did] in [x.split() for x in ask("person", "list").out.splitlines()]
    assert ask("person", "remove", "Ben", "--json").facts["status"] == "final"
    persons = ask("person", "list", "--json").facts["persons"]
    assert {p["did"]: p["removed"] for p in persons}[did] is True
    gone = ask("person", "remove", "Ben")
    assert (gone.code, "person list" in gone.err) == (FAILED, True)


def test_a_home_is_handed_on_without_a_secret(
    ask: Run, run: Run, home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "home.json"
    told = ask("person", "home", "--export", file)
    assert (told.code, "no secret" in told.out) == (DONE, True)
    profile = ["--profile", str(tmp_path / "carl")]
    assert "Linden Street" in run("person", "home", "--import", file, *profile).out
    facts = run("person", "home", "--import", file, "--json", *profile).facts
    assert [hub["name"] for hub in facts["hubs"]] == ["Hall"]
    assert (home.owner / "home.json").read_bytes() == (tmp_path / "carl/home.json").read_bytes()


# ---------------------------------------------------------------- devices


def test_devices_are_listed_with_what_they_say(ask: Run, home: Home) -> None:
    rows = ask("device", "list").out.splitlines()
    assert rows[0].split() == ["AREA", "NAME", "KIND", "SAYS", "MAY"]
    assert "Front door" in rows[1]
    facts = ask("device", "list", "--json").facts["devices"]
    assert [(d["did"], d["kind"], d["area"]) for d in facts] == [(home.lock, "lock", "Hall")]


def test_a_command_ends_with_the_locks_own_word(ask: Run, home: Home) -> None:
    told = ask("device", "command", "Front door", "unlock")
    assert (told.code, told.out.startswith("Front door: unlock done.")) == (DONE, True)
    facts = ask("device", "command", home.lock, "lock", "--json").facts
    assert (facts["life"], facts["outcome"], facts["person_name"]) == ("done", "done", "Anna")
    history = ask("device", "history", "Front door")
    assert [row.split()[-3:] for row in history.out.splitlines()[1:3]] == [
        ["Anna", "lock", "done"],
        ["Anna", "unlock", "done"],
    ]
    past = ask("device", "history", "Front door", "--json", "--limit", "1").facts
    assert [c["action"] for c in past["commands"]] == ["lock"]


def test_what_a_lock_cannot_do_is_not_done(ask: Run) -> None:
    told = ask("device", "command", "Front door", "sing", "song=1", "--json")
    assert told.code == DENIED
    assert told.facts["life"] == "denied"


def test_a_device_that_never_answers_is_not_waited_for_for_ever(ask: Run) -> None:
    told = ask("device", "command", "Front door", "unlock", "--wait", "0")
    assert told.code == FAILED
    assert "has not answered within 0 s" in told.err


def test_a_device_that_is_not_there_is_not_approved(ask: Run) -> None:
    told = ask("device", "approve", "000 000", "--name", "Thing", "--area", "Hall")
    assert told.code == FAILED
    assert "0 waiting devices show 000000" in told.err


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("until=18.5", 18.5),
        ("on=true", True),
        ("for=null", None),
        ("pin=0042", "0042"),
        ('pin="1234"', "1234"),
        ("note=a=b", "a=b"),
        ("empty=", ""),
    ],
)
def test_values_are_json_where_they_can_be(word: str, value: object) -> None:
    assert device._values([word]) == {word.partition("=")[0]: value}


# ---------------------------------------------------------------- access


def test_a_grant_is_given_explained_and_taken_back(ask: Run, run: Run, guest: Path) -> None:
    name, as_guest = name_of(guest), ["--profile", str(guest)]
    assert run("device", "command", "Front door", "unlock", *as_guest).code == FAILED  # unseen
    access = ["--device", "Front door", "--action", "unlock", "--until", "+2h"]
    told = ask("grant", "add", name, *access)
    assert told.code == DONE
    grant = told.out.split("grant ")[1].split()[0]
    assert grant in ask("grant", "list").out
    listed = ask("grant", "list", "--person", name, "--json").facts["grants"]
    assert [(g["id"], g["status"]) for g in listed] == [(grant, "active")]
    yes = ask("grant", "explain", name, "unlock", "Front door")
    assert (yes.code, yes.out[:5]) == (DONE, "Yes. ")
    no = ask("grant", "explain", name, "unlock", "Front door", "--at", "+3h")
    assert (no.code, no.out[:4]) == (DENIED, "No. ")
    told = run("device", "command", "Front door", "unlock", *as_guest)
    assert (told.code, told.err) == (DONE, "")
    assert ask("grant", "revoke", grant).out.startswith("The grant is revoked")
    facts = ask("grant", "explain", name, "unlock", "Front door", "--json")
    assert (facts.code, facts.facts["allowed"]) == (DENIED, False)


def test_a_guest_is_denied_what_owners_do(run: Run, guest: Path) -> None:
    did = PrivateKey.from_seed(b"g" * 32).public.did
    told = run("person", "add", did, "--name", "Friend", "--profile", guest)
    assert told.code == DENIED
    assert told.err.startswith("homechain: ")
    assert run("hub", "pair", "--profile", guest).code == DENIED


def test_a_grant_of_nothing_is_no_grant(ask: Run, guest: Path) -> None:
    access = ["--device", "Front door", "--action", "unlock"]
    told = ask("grant", "add", name_of(guest), *access, "--from", "+2h", "--until", "+1h")
    assert told.code == FAILED


# ---------------------------------------------------------------- ledger


def test_records_are_shown_down_to_the_signature(ask: Run, home: Home) -> None:
    rows = ask("ledger", "show", "--limit", "3").out.splitlines()
    assert rows[0].split()[:3] == ["BLOCK", "WHEN", "KIND"]
    assert len(rows) == 4
    page = ask("ledger", "show", "--limit", "100", "--json").facts
    genesis = page["records"][-1]["id"]
    told = ask("ledger", "show", genesis)
    assert "kind:      genesis" in told.out
    assert "signed by: Anna" in told.out
    assert ask("ledger", "show", genesis, "--json").facts["raw"].count(".") == 2


def test_a_running_hubs_ledger_verifies_and_is_exported(ask: Run, run: Run, home: Home) -> None:
    told = run("ledger", "verify", home.hub)
    assert (told.code, "all good" in told.out) == (DONE, True)
    facts = run("ledger", "verify", home.hub, "--json").facts
    assert facts["verified"] is True
    home_id = json.loads((home.owner / "home.json").read_text(encoding="utf-8"))["home"]
    assert run("ledger", "verify", home.hub, "--home", home_id).code == DONE
    told = run("ledger", "verify", home.hub, "--home", "A" * 43)
    assert (told.code, "WRONG" in told.out) == (FAILED, True)
    exported = run("ledger", "export", home.hub)
    assert len(exported.out.splitlines()) == int(exported.err.split()[0]) >= facts["records"]


# ---------------------------------------------------------------- a profile and its home


def test_a_profile_learns_which_hubs_there_are(ask: Run, home: Home, tmp_path: Path) -> None:
    known = Profile(home.owner).home()
    stranger = json.loads((home.owner / "home.json").read_text(encoding="utf-8"))
    stranger["hubs"].append({**stranger["hubs"][0], "name": "Gone", "residents": []})
    stranger["hubs"][1]["hub"] = PrivateKey.from_seed(b"h" * 32).public.did
    (home.owner / "home.json").write_text(json.dumps(stranger), encoding="utf-8")
    assert len(Profile(home.owner).home().hubs) == 2
    assert ask("person", "list").code == DONE
    assert Profile(home.owner).home() == known


def test_the_dashboard_begins_with_the_profiles_key_and_hubs(
    ask: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[HomeView] = []

    async def look(client: HubClient) -> None:
        seen.append(await client.home())
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})  # the profile learned

    monkeypatch.setattr("homechain_tui.run_dashboard", look)
    assert ask("tui").code == DONE
    assert [(view.name, view.me.name) for view in seen] == [("Linden Street", "Anna")]


def test_every_group_is_the_module_of_its_name() -> None:
    modules = {"person": person, "device": device, "grant": grant, "ledger": ledger, "tui": tui}
    assert modules.keys() <= GROUPS.keys()
    assert {module.__name__ for module in modules.values()} == {
        f"homechain.cli.{name}" for name in modules
    }


BAD: list[tuple[list[str], int, str]] = [
    (["device", "command", "Back door", "unlock"], FAILED, "device list"),
    (["device", "command", "Front door", "unlock", "fast"], USAGE, "NAME=VALUE"),
    (["device", "retire", "Back door"], FAILED, "device list"),
    (["device", "history", "Back door"], FAILED, "device list"),
    (["person", "remove", "Nobody"], FAILED, "person list"),
    (["person", "add", "did:key:zNobody", "--name", "Nobody"], FAILED, "did"),
    (
        ["grant", "add", "Nobody", "--area", "Hall", "--action", "lock", "--until", "+1h"],
        FAILED,
        "person list",
    ),
    (["grant", "add", "Anna", "--action", "lock", "--until", "+1h"], USAGE, "--device"),
    (["grant", "add", "Anna", "--action", "lock", "--until", "soon"], USAGE, "no moment"),
    (["grant", "revoke", "no-such-grant"], FAILED, "grant"),
    (["grant", "explain", "Anna", "unlock", "Back door"], FAILED, "device list"),
    (["grant", "explain", "Anna", "unlock", "Front door", "--at", "1969-01-01"], USAGE, "1970"),
    (["ledger", "show", "no-such-record"], FAILED, ""),
    (["ledger", "show", "--limit", "many"], USAGE, "many"),
]


@pytest.mark.parametrize(("words", "code", "hint"), BAD, ids=lambda x: x if type(x) is str else "")
def test_bad_input_is_refused_in_a_sentence(
    ask: Run, words: list[str], code: int, hint: str
) -> None:
    told = ask(*words)
    assert told.code == code
    assert told.out == ""
    assert hint in told.err
    assert "Traceback" not in told.err


def test_a_home_without_a_hub_cannot_be_reached(run: Run, home: Home, tmp_path: Path) -> None:
    text = (home.owner / "home.json").read_text(encoding="utf-8")
    profile = tmp_path / "far"
    profile.mkdir(mode=0o700)
    (profile / "home.json").write_text(text.replace(f":{home.ports[1]}", ":9"), encoding="utf-8")
    key = (home.owner / "person.key").read_bytes()
    (profile / "person.key").touch(mode=0o600)
    (profile / "person.key").write_bytes(key)
    told = run("hub", "status", "--profile", profile)
    assert told.code == UNREACHABLE
    assert "no hub answers" in told.err
    assert "https://127.0.0.1:9" in told.err
    assert "SSLContext" not in told.err
