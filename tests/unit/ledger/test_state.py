import pytest

from homechain.ledger.entries import decode_entry, encode_entry, person_key
from homechain.ledger.state import State
from homechain.model.errors import FormatError
from homechain.model.records import HubDescription, Role
from tests.fakes.home import MadeHome, hub_description, made_key


@pytest.fixture
def home() -> MadeHome:
    made = MadeHome(hubs=2)
    made.add_person("Maria")
    made.add_device("Front door")
    return made


def test_a_state_is_seen_through_its_types(home: MadeHome) -> None:
    state = home.head.state
    assert state.home_id == home.id
    assert state.time_zone == "Europe/Berlin"
    assert {person.name for person in state.persons()} == {"Anna", "Maria"}
    assert [device.name for device in state.devices()] == ["Front door"]
    assert {hub.did for hub in state.hubs()} == set(home.hub_keys)
    assert list(state.grants()) == []
    assert state.person(made_key("nobody").public.did) is None


def test_a_hub_is_described_as_the_owner_signed_it(home: MadeHome) -> None:
    key = made_key("hub 0")
    hub = home.head.state.hub(key.public.did)
    assert hub is not None
    description: HubDescription = hub_description(key, name="Hub 0")
    assert hub.description == description


def test_a_draft_leaves_its_base_as_it_was(home: MadeHome) -> None:
    base = home.head.state
    before = base.entries
    draft = base.draft()
    person = next(base.persons())
    draft.put_person(type(person)(person.did, "Renamed", Role.GUEST, False, 0))
    after, changes = draft.finish()
    assert base.entries == before
    assert changes.keys() == {person_key(person.did)}
    assert after.root != base.root
    renamed = after.person(person.did)
    assert renamed is not None
    assert renamed.name == "Renamed"


def test_a_draft_that_changes_nothing_has_the_same_root(home: MadeHome) -> None:
    state, changes = home.head.state.draft().finish()
    assert changes == {}
    assert state.root == home.head.state.root


def test_every_entry_is_read_as_it_was_written(home: MadeHome) -> None:
    for key, value in home.head.state.entries.items():
        assert encode_entry(decode_entry(key, value)) == value


@pytest.mark.parametrize("key", ["home", "configuration"])
def test_a_state_without_its_home_is_no_state(home: MadeHome, key: str) -> None:
    entries = home.head.state.entries
    del entries[key]
    with pytest.raises(FormatError, match="missing"):
        State.from_entries(entries)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("wish/list", b"\x90"),
        ("home/again", b"\x90"),
        ("person/nobody", b"\x90"),
        ("person/nobody", b""),
        ("counter/nobody", b"\xc0"),
        ("person/nobody", b"\x95\xa1\xff\xa1a\xa5owner\xc2\x00"),  # not UTF-8
    ],
)
def test_what_its_key_does_not_promise_is_refused(key: str, value: bytes) -> None:
    with pytest.raises(FormatError, match="state"):
        decode_entry(key, value)


def test_an_entry_under_the_name_of_another_is_refused(home: MadeHome) -> None:
    entries = home.head.state.entries
    key = person_key(home.owner.did)
    with pytest.raises(FormatError, match="holds the entry of"):
        decode_entry(person_key(made_key("nobody").public.did), entries[key])
