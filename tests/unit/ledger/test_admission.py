from typing import Any

import pytest

from homechain.ledger.admission import check, check_in_block
from homechain.ledger.errors import Inadmissible
from homechain.ledger.records import SignedRecord
from homechain.model import limits
from homechain.model.records import (
    Authorization,
    EventRecord,
    GrantRecord,
    HubRecord,
    Reading,
    RetireRecord,
    Role,
)
from tests.fakes.home import Actor, MadeHome, hub_description, made_key


class World:
    """A home with one of each: an owner, a resident, two guests, a lock and a camera."""

    def __init__(self) -> None:
        self.home = MadeHome(hubs=2)
        self.owner = self.home.owner
        self.resident = self.home.add_person("Ben", role=Role.RESIDENT)
        self.guest = self.home.add_person("Maria")
        self.other_guest = self.home.add_person("Tom")
        self.lock = self.home.add_device("Front door")
        self.camera = self.home.add_device("Porch", area="Outside")

    def newcomer(self, name: str = "Newcomer") -> Actor:
        return Actor(made_key(name), name=name)


@pytest.fixture
def world() -> World:
    return World()


def code(world: World, record: SignedRecord) -> str:
    """The code with which the home refuses a record; `entered` if it does not."""
    try:
        check(world.home.head.state, record, time_ms=world.home.now_s * 1000)
    except Inadmissible as error:
        return error.code
    return "entered"


# -------------------------------------------------------------------- who signs


def test_a_record_of_another_home_is_refused(world: World) -> None:
    other = MadeHome(hubs=2, name="Elsewhere")
    assert code(world, other.person_record(world.newcomer())) == "wrong_home"


def test_a_home_is_founded_once(world: World) -> None:
    assert code(world, world.home.genesis) == "second_genesis"


def test_strangers_are_refused(world: World) -> None:
    stranger = world.newcomer()
    assert code(world, world.home.command_record(stranger, world.lock)) == "unknown_signer"
    assert code(world, world.home.event_record(stranger, bolt="locked")) == "unknown_signer"


def test_persons_and_devices_do_not_sign_for_one_another(world: World) -> None:
    home = world.home
    assert code(world, home.command_record(world.camera, world.lock)) == "wrong_signer"
    assert code(world, home.event_record(world.guest, bolt="locked")) == "wrong_signer"
    hub = Actor(home.hub_key(home.head.configuration, 0), name="hub")
    assert code(world, home.command_record(hub, world.lock)) == "wrong_signer"


def test_the_removed_and_the_retired_are_refused(world: World) -> None:
    home = world.home
    home.commit(home.person_record(world.guest, removed=True), home.retire_record(world.camera))
    assert code(world, home.command_record(world.guest, world.lock)) == "signer_removed"
    assert code(world, home.event_record(world.camera, motion=True)) == "signer_removed"


# -------------------------------------------------------------------- counters


def test_a_counter_is_taken_once(world: World) -> None:
    home = world.home
    event = home.event_record(world.lock, bolt="locked")
    assert code(world, event) == "entered"
    home.commit(event)
    assert code(world, event) == "counter_replayed"
    again = home.sign(
        world.lock, EventRecord, ctr=1, readings=[Reading(at=1, name="bolt", value="open")]
    )
    assert code(world, again) == "counter_replayed"


def test_records_may_overtake_one_another_within_the_window(world: World) -> None:
    home = world.home
    late = home.event_record(world.lock, bolt="locked")
    world.lock.counter += limits.COUNTER_WINDOW - 2
    home.commit(home.event_record(world.lock, bolt="open"))
    assert code(world, late) == "entered"
    home.commit(home.event_record(world.lock, bolt="open"))
    assert code(world, late) == "counter_too_old"


# -------------------------------------------------------------------- persons and hubs


@pytest.mark.parametrize("who", ["resident", "guest"])
def test_only_owners_change_persons_and_hubs(world: World, who: str) -> None:
    home, signer = world.home, getattr(world, who)
    assert code(world, home.person_record(world.newcomer(), by=signer)) == "not_permitted"
    assert code(world, home.person_record(signer, role=Role.OWNER, by=signer)) == "not_permitted"
    hub = hub_description(made_key("hub 9"), name="Hub 9")
    assert code(world, home.sign(signer, HubRecord, hub=hub)) == "not_permitted"


def test_an_owner_promotes_and_renames(world: World) -> None:
    home = world.home
    assert code(world, home.person_record(world.guest, role=Role.OWNER)) == "entered"
    assert code(world, home.person_record(world.guest, name="Maria B.")) == "entered"


def test_at_least_one_owner_remains(world: World) -> None:
    home, owner = world.home, world.owner
    for record in (
        home.person_record(owner, role=Role.GUEST),
        home.person_record(owner, role=Role.OWNER, removed=True),
    ):
        assert code(world, record) == "last_owner"
    home.commit(home.person_record(world.resident, role=Role.OWNER))
    assert code(world, home.person_record(owner, role=Role.GUEST)) == "entered"


def test_a_removed_person_does_not_come_back_with_the_old_key(world: World) -> None:
    home = world.home
    home.commit(home.person_record(world.guest, removed=True))
    assert code(world, home.person_record(world.guest)) == "key_used"
    assert code(world, home.person_record(world.newcomer(), removed=True)) == "unknown_person"


def test_one_key_is_one_thing(world: World) -> None:
    home = world.home
    assert code(world, home.person_record(world.lock)) == "key_used"
    assert code(world, home.device_record(world.guest)) == "key_used"
    as_hub = hub_description(world.guest.key, name="Hub")
    assert code(world, home.sign(world.owner, HubRecord, hub=as_hub)) == "key_used"


def test_hubs_come_and_go_one_at_a_time(world: World) -> None:
    home = world.home
    assert code(world, home.hub_record("hub 7")) == "entered"
    assert code(world, home.hub_record("hub 1", removed=True)) == "entered"
    assert code(world, home.hub_record("hub 1")) == "key_used"
    assert code(world, home.hub_record("hub 8", removed=True)) == "unknown_hub"
    home.commit(home.hub_record("hub 1", removed=True))
    assert code(world, home.hub_record("hub 0", removed=True)) == "last_hub"
    assert code(world, home.hub_record("hub 1")) == "key_used"


def test_a_home_has_at_most_seven_hubs(world: World) -> None:
    home = world.home
    for number in range(2, limits.HUBS):
        home.commit(home.hub_record(f"hub {number}"))
    assert code(world, home.hub_record("hub 7")) == "too_many_hubs"


# -------------------------------------------------------------------- devices


def test_owners_and_residents_take_devices_in(world: World) -> None:
    home, device = world.home, world.newcomer()
    assert code(world, home.device_record(device, by=world.resident)) == "entered"
    assert code(world, home.device_record(device, by=world.guest)) == "not_permitted"


def test_a_used_device_key_cannot_come_back(world: World) -> None:
    home = world.home
    assert code(world, home.device_record(world.lock)) == "key_used"
    home.commit(home.retire_record(world.lock))
    assert code(world, home.device_record(world.lock)) == "key_used"


def test_a_device_registers_with_a_hub_of_the_home(world: World) -> None:
    home, device = world.home, world.newcomer()
    real = home.hub_keys
    home.hub_keys = {made_key("stranger's hub").public.did: made_key("stranger's hub")}
    record = home.device_record(device)
    home.hub_keys = real
    assert code(world, record) == "unknown_hub"


def test_devices_are_retired_once_by_those_who_may(world: World) -> None:
    home = world.home
    assert code(world, home.retire_record(world.lock, by=world.guest)) == "not_permitted"
    home.commit(home.retire_record(world.lock, by=world.resident))
    assert code(world, home.retire_record(world.lock)) == "already_retired"
    stranger = home.sign(world.owner, RetireRecord, device=world.newcomer().did)
    assert code(world, stranger) == "unknown_device"


# -------------------------------------------------------------------- commands


def test_a_command_lives_a_minute_at_most(world: World) -> None:
    home = world.home
    for lifetime_s, expected in (
        (60, "entered"),
        (61, "command_lifetime"),
        (0, "command_lifetime"),
    ):
        record = home.command_record(world.guest, world.lock, exp=home.now_s + lifetime_s)
        assert code(world, record) == expected


def test_an_expired_command_is_refused_on_arrival_and_not_in_a_block(world: World) -> None:
    home = world.home
    command = home.command_record(world.guest, world.lock)
    home.now_s += 30
    assert code(world, command) == "command_expired"
    check_in_block(home.head.state, command, time_ms=home.now_s * 1000)


def test_a_command_for_no_device_makes_no_sense(world: World) -> None:
    record = world.home.command_record(world.guest, world.newcomer())
    assert code(world, record) == "unknown_device"


def test_whether_a_command_is_permitted_is_decided_later(world: World) -> None:
    home = world.home
    assert code(world, home.command_record(world.guest, world.camera)) == "entered"
    assert code(world, home.command_record(world.guest, world.lock, "fly")) == "entered"


# -------------------------------------------------------------------- grants


def grant(world: World, **fields: Any) -> SignedRecord:
    fields = {"jti": "grant-0001", "devices": [world.lock], **fields}
    return world.home.grant_record(world.guest, **fields)


def test_owners_and_residents_give_grants_and_guests_do_not(world: World) -> None:
    assert code(world, grant(world)) == "entered"
    assert code(world, grant(world, by=world.resident)) == "entered"
    assert code(world, grant(world, by=world.guest)) == "not_permitted"


def test_a_grant_id_is_used_once(world: World) -> None:
    world.home.commit(grant(world))
    assert code(world, grant(world)) == "grant_id_used"
    world.home.commit(world.home.revoke_record("grant-0001"))
    assert code(world, grant(world)) == "grant_id_used"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"nbf": 10, "exp": 10}, "empty_grant"),
        ({"devices": [], "areas": []}, "empty_grant"),
        ({"aud": "A" * 43}, "wrong_audience"),
        ({"devices": [Actor(made_key("unknown"), name="?")]}, "unknown_device"),
        ({"sub": made_key("unknown").public.did}, "unknown_person"),
        ({"devices": [], "areas": ["Hall"]}, "entered"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_grant_says_something(world: World, fields: dict[str, Any], expected: str) -> None:
    assert code(world, grant(world, **fields)) == expected


def test_one_of_several_authorizations_may_not_be_empty(world: World) -> None:
    record = grant(
        world,
        authorization_details=[
            Authorization(areas=["Hall"], actions=["unlock"]),
            Authorization(actions=["unlock"]),
        ],
    )
    assert isinstance(record.payload, GrantRecord)
    assert code(world, record) == "empty_grant"


def test_a_grant_is_revoked_by_an_owner_or_by_who_gave_it(world: World) -> None:
    home = world.home
    home.commit(grant(world, by=world.resident))
    assert code(world, home.revoke_record("grant-0001", by=world.guest)) == "not_permitted"
    assert code(world, home.revoke_record("grant-0001", by=world.resident)) == "entered"
    assert code(world, home.revoke_record("grant-0002")) == "unknown_grant"
    home.commit(home.revoke_record("grant-0001"))
    assert code(world, home.revoke_record("grant-0001")) == "already_revoked"


# -------------------------------------------------------------------- names


def test_names_are_refused_as_they_stand_and_not_altered(world: World) -> None:
    for name in (" Tom", "Tom ", "e\u0301", "x" * 65):
        record = world.home.person_record(world.newcomer(), name=name)
        assert code(world, record) == "bad_name"
        check_in_block(world.home.head.state, record, time_ms=world.home.now_s * 1000)


def test_areas_of_grants_are_names_too(world: World) -> None:
    assert code(world, grant(world, devices=[], areas=["Hall "])) == "bad_name"


# -------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("limit", "record", "expected"),
    [
        ("PERSONS", lambda w: w.home.person_record(w.newcomer()), "too_many_persons"),
        ("DEVICES", lambda w: w.home.device_record(w.newcomer()), "too_many_devices"),
        ("GRANTS_ACTIVE", lambda w: grant(w, jti="grant-0002"), "too_many_grants"),
    ],
    ids=["persons", "devices", "grants"],
)
def test_a_home_has_bounds(
    world: World, limit: str, record: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = world.home
    home.commit(grant(world))
    present = {"PERSONS": 4, "DEVICES": 2, "GRANTS_ACTIVE": 1}[limit]
    monkeypatch.setattr(limits, limit, present + 1)
    assert code(world, record(world)) == "entered"
    monkeypatch.setattr(limits, limit, present)
    assert code(world, record(world)) == expected
    # What has ended makes room again.
    home.commit(home.revoke_record("grant-0001"))
    home.commit(home.retire_record(world.camera), home.person_record(world.guest, removed=True))
    assert code(world, record(world)) in {"entered", "unknown_person"}
