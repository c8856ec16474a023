"""`decide` against a second, plain reading of its rules, and on less than it could know."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from homechain.ledger.decisions import Decision
from homechain.ledger.entries import Allowance, Device, Grant, Person
from homechain.ledger.policy import decide, explain
from homechain.model.records import CommandRecord, DeviceKind, Role
from tests.fakes.home import made_key

PERSONS = tuple(made_key(f"person {n}").public.did for n in range(3))
DEVICES = tuple(made_key(f"device {n}").public.did for n in range(2))
AREAS = ("Hall", "Cellar")
ACTIONS = ("lock", "unlock")

seconds = st.integers(0, 12)
persons = st.fixed_dictionaries(
    {
        did: st.none()
        | st.builds(
            Person,
            did=st.just(did),
            name=st.just("Maria"),
            role=st.sampled_from(Role),
            removed=st.booleans(),
            since_ms=seconds.map(lambda s: s * 1000),
        )
        for did in PERSONS
    }
)
devices = st.fixed_dictionaries(
    {
        did: st.none()
        | st.builds(
            Device,
            did=st.just(did),
            kind=st.just(DeviceKind.LOCK),
            name=st.just("Front door"),
            area=st.sampled_from(AREAS),
            actions=st.sets(st.sampled_from(ACTIONS)).map(lambda some: tuple(sorted(some))),
            properties=st.just(()),
            retired=st.booleans(),
        )
        for did in DEVICES
    }
)
allowances = st.builds(
    Allowance,
    devices=st.sets(st.sampled_from(DEVICES)).map(tuple),
    areas=st.sets(st.sampled_from(AREAS)).map(tuple),
    actions=st.sets(st.sampled_from(ACTIONS), min_size=1).map(tuple),
)
grants = st.lists(
    st.builds(
        Grant,
        jti=st.just(""),
        issuer=st.sampled_from(PERSONS),
        subject=st.sampled_from(PERSONS),
        allowances=st.lists(allowances, min_size=1, max_size=2).map(tuple),
        nbf_s=seconds,
        exp_s=seconds,
        given_ms=seconds.map(lambda s: s * 1000),
        revoked=st.booleans(),
    ),
    max_size=4,
)


@dataclass
class View:
    persons: dict[str, Person | None]
    devices: dict[str, Device | None]
    grants: list[Grant] = field(default_factory=list)
    time_zone: str = "Europe/Berlin"

    def person(self, did: str) -> Person | None:
        return self.persons.get(did)

    def device(self, did: str) -> Device | None:
        return self.devices.get(did)

    def grants_of(self, did: str) -> list[Grant]:
        return [grant for grant in self.grants if grant.subject == did]

    def grant(self, jti: str) -> Grant | None:
        return next((grant for grant in self.grants if grant.jti == jti), None)


def numbered(some: list[Grant]) -> list[Grant]:
    return [
        Grant(
            f"grant-{number:04d}",
            grant.issuer,
            grant.subject,
            grant.allowances,
            grant.nbf_s,
            grant.exp_s,
            grant.given_ms,
            grant.revoked,
        )
        for number, grant in enumerate(some)
    ]


views = st.builds(View, persons=persons, devices=devices, grants=grants.map(numbered))
commands = st.builds(
    CommandRecord,
    iss=st.sampled_from(PERSONS),
    ctr=st.just(1),
    iat=st.just(0),
    home=st.just("A" * 43),
    device=st.sampled_from(DEVICES),
    action=st.sampled_from(ACTIONS),
    arguments=st.just({}),
    exp=seconds,
)


def ask(view: View, command: CommandRecord, time_ms: int) -> Decision:
    return decide(view, command, command_id=bytes(32), time_ms=time_ms)


def plainly_allowed(view: View, command: CommandRecord, time_ms: int) -> bool:
    """The rules once more, in the words of the design and without any order."""
    person, device = view.person(command.iss), view.device(command.device)
    if person is None or person.removed or device is None or device.retired:
        return False
    if command.action not in device.actions or time_ms >= command.exp * 1000:
        return False
    if person.role is not Role.GUEST:
        return True
    for grant in view.grants:
        issuer = view.person(grant.issuer)
        if (
            grant.subject == person.did
            and not grant.revoked
            and grant.nbf_s * 1000 <= time_ms < grant.exp_s * 1000
            and issuer is not None
            and not issuer.removed
            and issuer.role is not Role.GUEST
            and issuer.since_ms <= grant.given_ms
        ):
            for allowance in grant.allowances:
                if command.action in allowance.actions and (
                    device.did in allowance.devices or device.area in allowance.areas
                ):
                    return True
    return False


times_ms = st.integers(0, 12_999)


@given(views, commands, times_ms)
def test_a_command_is_allowed_exactly_by_the_rules(
    view: View, command: CommandRecord, time_ms: int
) -> None:
    decision = ask(view, command, time_ms)
    assert decision.allowed == plainly_allowed(view, command, time_ms)
    assert decision.allowed == (decision.code in {"role", "granted"})
    assert decision.reason


@given(views, commands, times_ms)
def test_a_lock_decides_alike_from_the_few_entries_it_is_shown(
    view: View, command: CommandRecord, time_ms: int
) -> None:
    decision = ask(view, command, time_ms)
    shown = View({command.iss: view.person(command.iss)}, {}, time_zone="UTC")
    shown.devices[command.device] = view.device(command.device)
    if decision.grant is not None:
        grant = view.grant(decision.grant)
        assert grant is not None
        shown.grants.append(grant)
        shown.persons[grant.issuer] = view.person(grant.issuer)
    again = ask(shown, command, time_ms)
    assert (again.allowed, again.code, again.grant) == (
        decision.allowed,
        decision.code,
        decision.grant,
    )


@given(views, commands, times_ms, st.data())
def test_hiding_entries_never_turns_a_denial_into_a_permission(
    view: View, command: CommandRecord, time_ms: int, data: st.DataObject
) -> None:
    if ask(view, command, time_ms).allowed:
        return
    keep = data.draw(st.sets(st.sampled_from([*PERSONS, *DEVICES])))
    less = View(
        {did: person for did, person in view.persons.items() if did in keep},
        {did: device for did, device in view.devices.items() if did in keep},
        [grant for grant in view.grants if data.draw(st.booleans())],
    )
    assert not ask(less, command, time_ms).allowed


@given(views, commands, times_ms)
def test_a_revocation_denies_whatever_hung_on_it(
    view: View, command: CommandRecord, time_ms: int
) -> None:
    decision = ask(view, command, time_ms)
    if decision.code != "granted":
        return
    view.grants = [grant for grant in view.grants if grant.jti != decision.grant]
    assert ask(view, command, time_ms).grant != decision.grant


@given(views, commands, times_ms)
def test_the_answer_beforehand_is_the_decision_afterwards(
    view: View, command: CommandRecord, time_ms: int
) -> None:
    decision = ask(view, command, time_ms)
    verdict = explain(
        view, person=command.iss, device=command.device, action=command.action, at_ms=time_ms
    )
    if decision.code != "expired":
        assert (verdict.allowed, verdict.code, verdict.reason, verdict.grant) == (
            decision.allowed,
            decision.code,
            decision.reason,
            decision.grant,
        )
