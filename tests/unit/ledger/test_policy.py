import pytest

from homechain.ledger.decisions import Decision, Verdict
from homechain.ledger.policy import explain
from homechain.ledger.wording import FAR_FUTURE_S, when
from homechain.model.records import Authorization, DeviceKind, Role
from tests.fakes.home import START_S, Actor, MadeHome, made_key

HOUR_S = 3_600


class World:
    def __init__(self) -> None:
        self.home = MadeHome(hubs=1)
        self.resident = self.home.add_person("Ben", role=Role.RESIDENT)
        self.guest = self.home.add_person("Maria")
        self.lock = self.home.add_device("Front door")
        self.camera = self.home.add_device("Porch", kind=DeviceKind.CAMERA, area="Outside")

    def ask(self, person: Actor, device: Actor, action: str = "unlock") -> Decision:
        """What the home decides in a block of its own."""
        (decision,) = self.home.commit(self.home.command_record(person, device, action)).decisions
        return decision


@pytest.fixture
def world() -> World:
    return World()


def test_owners_and_residents_act_by_role(world: World) -> None:
    decision = world.ask(world.home.owner, world.lock)
    assert (decision.allowed, decision.code, decision.grant) == (True, "role", None)
    assert decision.reason == "Anna may unlock Front door: owner of this home"
    assert world.ask(world.resident, world.camera, "take_still").reason == (
        "Ben may take still Porch: resident of this home"
    )


def test_a_guest_without_a_grant_is_denied(world: World) -> None:
    decision = world.ask(world.guest, world.lock)
    assert (decision.allowed, decision.code) == (False, "no_grant")
    assert decision.reason == "Maria may not unlock Front door: no grant covers it"


def test_a_guest_acts_by_a_grant_for_a_device(world: World) -> None:
    home = world.home
    home.commit(home.grant_record(world.guest, jti="grant-0001", devices=[world.lock]))
    decision = world.ask(world.guest, world.lock)
    assert (decision.allowed, decision.code, decision.grant) == (True, "granted", "grant-0001")
    assert decision.reason == (
        "Maria may unlock Front door: grant from Anna until Mon 16 Jun 2025 17:06"
    )
    assert world.ask(world.guest, world.lock, "lock").code == "no_grant"
    assert world.ask(world.guest, world.camera, "take_still").code == "no_grant"


def test_a_guest_acts_by_a_grant_for_an_area(world: World) -> None:
    home = world.home
    home.commit(home.grant_record(world.guest, jti="grant-0001", areas=["Hall"]))
    assert world.ask(world.guest, world.lock).code == "granted"
    cellar = home.add_device("Cellar door", area="Cellar")
    assert world.ask(world.guest, cellar).code == "no_grant"


def test_devices_and_actions_of_different_entries_do_not_mix(world: World) -> None:
    home = world.home
    details = [
        Authorization(devices=[world.lock.did], actions=["lock"]),
        Authorization(devices=[world.camera.did], actions=["unlock", "take_still"]),
    ]
    home.commit(home.grant_record(world.guest, jti="grant-0001", authorization_details=details))
    assert world.ask(world.guest, world.lock, "lock").code == "granted"
    assert world.ask(world.guest, world.lock, "unlock").code == "no_grant"


def test_a_grant_begins_and_ends_to_the_second_of_block_time(world: World) -> None:
    home = world.home
    nbf, exp = home.now_s + 100, home.now_s + 200
    grant = home.grant_record(world.guest, jti="grant-0001", devices=[world.lock], nbf=nbf, exp=exp)
    home.commit(grant)
    for time_s, code in (
        (nbf - 1, "not_yet"),
        (nbf, "granted"),
        (exp - 1, "granted"),
        (exp, "grant_expired"),
    ):
        verdict = explain(
            home.head.state,
            person=world.guest.did,
            device=world.lock.did,
            action="unlock",
            at_ms=time_s * 1000 + 999,
        )
        assert verdict.code == code
        assert verdict.grant == "grant-0001"


def test_denials_name_the_grant_that_came_closest(world: World) -> None:
    home = world.home
    now = home.now_s
    grants = [
        home.grant_record(
            world.guest, jti="ended-long-ago", devices=[world.lock], nbf=now - 900, exp=now - 800
        ),
        home.grant_record(
            world.guest, jti="ended-lately", devices=[world.lock], nbf=now - 900, exp=now - 10
        ),
        home.grant_record(world.guest, jti="other-device", devices=[world.camera]),
        home.grant_record(world.guest, jti="taken-back", devices=[world.lock]),
        home.grant_record(
            world.guest,
            jti="still-to-come",
            devices=[world.lock],
            nbf=now + HOUR_S,
            exp=now + 2 * HOUR_S,
        ),
    ]
    expected = [
        ("grant_expired", "ended-long-ago", "ended"),
        ("grant_expired", "ended-lately", "ended"),
        ("grant_expired", "ended-lately", "ended"),
        ("revoked", "taken-back", "was revoked"),
        ("not_yet", "still-to-come", "begins Sun 15 Jun 2025 18:06"),
    ]
    for grant, (code, jti, words) in zip(grants, expected, strict=True):
        revoke = [home.revoke_record("taken-back")] if jti == "taken-back" else []
        home.commit(grant, *revoke)
        decision = world.ask(world.guest, world.lock)
        assert (decision.code, decision.grant) == (code, jti)
        assert words in decision.reason
        assert "Anna" in decision.reason


def test_nothing_is_allowed_once_the_revocation_is_in_the_block(world: World) -> None:
    home = world.home
    home.commit(home.grant_record(world.guest, jti="grant-0001", devices=[world.lock]))
    command = home.command_record(world.guest, world.lock)
    built = home.commit(command, home.revoke_record("grant-0001"))
    assert [decision.code for decision in built.decisions] == ["revoked"]


def test_a_grant_falls_with_the_role_of_its_issuer_and_does_not_rise_again(world: World) -> None:
    home, ben = world.home, world.resident
    home.commit(home.grant_record(world.guest, jti="grant-0001", areas=["Hall"], by=ben))
    assert world.ask(world.guest, world.lock).code == "granted"
    home.commit(home.person_record(ben, role=Role.OWNER))
    assert world.ask(world.guest, world.lock).code == "granted"
    home.commit(home.person_record(ben, role=Role.GUEST))
    decision = world.ask(world.guest, world.lock)
    assert decision.code == "issuer_lost_role"
    assert decision.reason == (
        "Maria may not unlock Front door: Ben, who gave the grant, may no longer give it"
    )
    home.commit(home.person_record(ben, role=Role.RESIDENT))
    assert world.ask(world.guest, world.lock).code == "issuer_lost_role"
    home.commit(home.grant_record(world.guest, jti="grant-0002", areas=["Hall"], by=ben))
    assert world.ask(world.guest, world.lock).grant == "grant-0002"


def test_a_grant_falls_with_the_removal_of_its_issuer(world: World) -> None:
    home, ben = world.home, world.resident
    home.commit(home.grant_record(world.guest, jti="grant-0001", areas=["Hall"], by=ben))
    home.commit(home.person_record(ben, role=Role.RESIDENT, removed=True))
    assert world.ask(world.guest, world.lock).code == "issuer_lost_role"


def test_a_person_removed_in_the_same_block_is_denied(world: World) -> None:
    home = world.home
    command = home.command_record(world.resident, world.lock)
    built = home.commit(command, home.person_record(world.resident, removed=True))
    (decision,) = built.decisions
    assert (decision.code, decision.allowed) == ("removed_person", False)
    assert decision.reason == "Ben no longer belongs to this home"


def test_commands_to_a_retired_device_or_for_what_it_cannot_are_denied(world: World) -> None:
    home = world.home
    assert world.ask(home.owner, world.lock, "take_still").code == "unknown_action"
    home.commit(home.retire_record(world.lock))
    assert world.ask(home.owner, world.lock).code == "retired_device"


def test_a_command_that_waited_too_long_is_denied(world: World) -> None:
    home = world.home
    command = home.command_record(home.owner, world.lock, exp=home.now_s + 5)
    (decision,) = home.commit(command, time_s=home.now_s + 5).decisions
    assert (decision.code, decision.allowed) == ("expired", False)
    assert "expired Sun 15 Jun 2025 17:06" in decision.reason


def test_a_renamed_device_inherits_no_area(world: World) -> None:
    home = world.home
    home.commit(home.grant_record(world.guest, jti="grant-0001", devices=[world.lock]))
    home.commit(home.retire_record(world.lock))
    same_name = Actor(made_key("a new lock"), name="Front door")
    home.commit(home.device_record(same_name))
    assert world.ask(world.guest, same_name).code == "no_grant"


def test_the_dashboard_asks_the_same_function(world: World) -> None:
    view = world.home.head.state
    nobody, nothing = made_key("nobody").public.did, made_key("nothing").public.did

    def ask(person: str, device: str) -> Verdict:
        return explain(view, person=person, device=device, action="unlock", at_ms=START_S * 1000)

    assert ask(world.resident.did, world.lock.did).code == "role"
    assert ask(world.resident.did, nothing).code == "unknown_device"
    assert ask(nobody, world.lock.did) == Verdict(
        allowed=False, code="unknown_person", reason="Nobody of this home signed this"
    )


# -------------------------------------------------------------------- times in words


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "Sun 15 Jun 2025 17:06"),
        ("America/New_York", "Sun 15 Jun 2025 11:06"),
        ("No/Such_Zone", "Sun 15 Jun 2025 15:06 UTC"),
        ("../../etc/passwd", "Sun 15 Jun 2025 15:06 UTC"),
        ("Europe", "Sun 15 Jun 2025 15:06 UTC"),
    ],
)
def test_times_are_told_in_the_zone_of_the_home(zone: str, words: str) -> None:
    assert when(START_S, zone=zone) == words


def test_an_end_beyond_all_calendars_is_no_end() -> None:
    assert when(FAR_FUTURE_S, zone="UTC") == "for ever"
    assert when(FAR_FUTURE_S - 1, zone="Pacific/Kiritimati").endswith("9999 13:59")
