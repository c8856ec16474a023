"""Random homes: what a leader builds every hub makes again, and a state loads as it was folded."""

from hypothesis import given
from hypothesis import strategies as st

from homechain.ledger.blocks import check_block
from homechain.ledger.proofs import anchor_from_genesis, check_command, make_command_proof
from homechain.ledger.records import SignedRecord, read_record
from homechain.ledger.state import State
from homechain.model.records import CommandRecord, Role
from tests.fakes.home import Actor, MadeHome, made_key

STEPS = (
    "person",
    "role",
    "remove",
    "device",
    "retire",
    "grant",
    "revoke",
    "command",
    "event",
    "hub",
)


class Household:
    """Makes records that may or may not enter."""

    def __init__(self) -> None:
        self.home = MadeHome(hubs=2)
        self.people = [self.home.owner]
        self.devices: list[Actor] = []
        self.grants: list[str] = []
        self.made = 0

    def record(self, step: str, choice: int) -> SignedRecord:
        home, self.made = self.home, self.made + 1
        person = self.people[choice % len(self.people)]
        device = (
            self.devices[choice % len(self.devices)]
            if self.devices
            else Actor(made_key("no device"), name="Nothing")
        )
        match step:
            case "person":
                self.people.append(Actor(made_key(f"person {self.made}"), name=f"P{self.made}"))
                return home.person_record(self.people[-1], role=list(Role)[choice % 3])
            case "role":
                return home.person_record(person, role=list(Role)[choice // 7 % 3])
            case "remove":
                return home.person_record(person, removed=True)
            case "device":
                self.devices.append(Actor(made_key(f"device {self.made}"), name=f"D{self.made}"))
                return home.device_record(self.devices[-1], by=person)
            case "retire":
                return home.retire_record(device, by=person)
            case "grant":
                self.grants.append(f"grant-{self.made:04d}")
                subject = self.people[choice // 5 % len(self.people)]
                return home.grant_record(subject, jti=self.grants[-1], areas=["Hall"], by=person)
            case "revoke":
                jti = self.grants[choice % len(self.grants)] if self.grants else "grant-none"
                return home.revoke_record(jti, by=person)
            case "event":
                return home.event_record(device, battery=choice)
            case "hub":
                return home.hub_record(f"hub {choice % 4}", removed=choice % 2 == 0)
            case _:
                return home.command_record(person, device)


steps = st.tuples(st.sampled_from(STEPS), st.integers(0, 1000))


@given(st.lists(st.lists(steps, max_size=5), max_size=6))
def test_every_hub_makes_the_same_blocks(plan: list[list[tuple[str, int]]]) -> None:
    household = Household()
    home = household.home
    for moves in plan:
        built = home.commit(*[household.record(step, choice) for step, choice in moves])
        parent = home.built[-2]
        records = [read_record(raw) for raw in built.block.records]
        checked = check_block(chain=parent.point, block=built.block, records=records)
        assert checked.hash == built.hash
        assert checked.decisions == built.decisions
        applied = {**parent.state.entries, **built.changes}
        assert applied == built.state.entries
        loaded = State.from_entries(built.state.entries)
        assert loaded.root == built.header.state_root
        assert list(loaded.persons()) == sorted(built.state.persons(), key=lambda each: each.did)
        for person in household.people:
            assert loaded.grants_of(person.did) == built.state.grants_of(person.did)
        assert any(
            person.role is Role.OWNER and not person.removed for person in built.state.persons()
        )


@given(st.lists(steps, max_size=12))
def test_a_device_accepts_exactly_what_the_home_allowed(plan: list[tuple[str, int]]) -> None:
    household = Household()
    home = household.home
    anchor = anchor_from_genesis(home.genesis.raw, home=home.id)
    for step, choice in plan:
        if step == "hub":
            continue
        built = home.commit(household.record(step, choice))
        for record, decision in zip(built.records, built.decisions, strict=False):
            commit = home.blocks[-1].commit
            assert commit is not None
            assert isinstance(record.payload, CommandRecord)
            if not decision.allowed:
                continue
            proof = make_command_proof(built, record.id, headers_above=[], commit=commit)
            accepted = check_command(proof, anchor=anchor, device=record.payload.device, now_ms=0)
            assert (accepted.decision.code, accepted.decision.grant) == (
                decision.code,
                decision.grant,
            )
