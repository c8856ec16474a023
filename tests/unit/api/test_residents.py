"""What residents read and sign, and what guests do not see."""

import asyncio

import pytest

from homechain.api.client import HubProblem
from homechain.api.schema.commands import CommandLife
from homechain.api.schema.home import GrantStatus
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import ReceiptStatus
from homechain.crypto.merkle import leaf_hash, verify_inclusion
from homechain.model.blocks import read_header
from homechain.model.errors import FormatError
from homechain.model.ids import digest_from_text
from homechain.model.records import Authorization, CommandRecord, DeviceKind, OutcomeResult, Role
from tests.fakes.home import Actor, made_key
from tests.unit.api.conftest import Door, Household


async def test_the_home_at_a_glance(door: Door, household: Household) -> None:
    home = await door.person(household.resident).home()
    assert home.name == "Linden Street"
    assert home.areas == ["Hall", "Living room", "Porch"]
    assert (home.quorum.hubs, home.quorum.quorum, home.quorum.linked) == (3, 2, 3)
    assert home.quorum.words == "safe with 0 lying hubs, keeps going with 1 down"
    assert (home.counts.devices, home.counts.persons, home.counts.grants) == (3, 3, 1)
    assert home.height == door.hub.head.height


async def test_devices_with_their_newest_values(door: Door, household: Household) -> None:
    home = household.home
    await door.device(household.lock).post_record(
        home.event_record(household.lock, bolt="locked", battery=90).raw
    )
    owner = door.person(household.owner)
    devices = await owner.devices()
    assert [device.name for device in devices] == ["Front door", "Radiator", "Porch camera"]
    lock = devices[0]
    assert lock.kind is DeviceKind.LOCK
    assert lock.properties["bolt"].value == "locked"
    assert lock.last_seen_ms == door.hub.head.time_ms
    assert set(lock.my_actions) == {"lock", "unlock", "unlatch"}
    assert "unlock" in lock.thing.actions
    assert [device.name for device in await owner.devices(kind="camera")] == ["Porch camera"]
    assert [device.name for device in await owner.devices(area="Hall")] == ["Front door"]
    assert (await owner.device(household.lock.did)).properties == lock.properties


async def test_a_command_from_the_request_to_the_locks_own_word(
    door: Door, household: Household
) -> None:
    guest = door.person(household.guest)
    receipt = await guest.command(household.lock.did, "unlock")
    assert receipt.status is ReceiptStatus.FINAL
    assert receipt.decision is not None
    assert (receipt.decision.allowed, receipt.decision.grant) == (True, "guest-unlock")
    command = household.home.built[-1].records[0]
    outcome = household.home.outcome_record(
        household.lock,
        command,
        readings=[{"at": 1_750_000_100_000, "name": "bolt", "value": "open"}],
    )
    await door.device(household.lock).post_record(outcome.raw)
    detail = await guest.record(receipt.id)
    assert detail.command is not None
    assert detail.command.life is CommandLife.DONE
    assert detail.command.outcome == OutcomeResult.DONE
    history = await door.person(household.owner).history(household.lock.did)
    assert history.commands[0].person_name == "Gina"
    assert history.readings[0].command == receipt.id


async def test_a_denial_is_recorded_and_explained(door: Door, household: Household) -> None:
    guest = door.person(household.guest)
    receipt = await guest.command(household.lock.did, "unlatch")
    assert receipt.decision is not None
    assert not receipt.decision.allowed
    assert receipt.decision.reason
    detail = await guest.record(receipt.id)
    assert detail.command is not None
    assert detail.command.life is CommandLife.DENIED
    explained = await guest.explain(
        person=household.guest.did, device=household.lock.did, action="unlatch"
    )
    assert (explained.allowed, explained.reason) == (False, receipt.decision.reason)


async def test_a_record_comes_with_the_proof_that_it_is_in_the_ledger(
    door: Door, household: Household
) -> None:
    owner = door.person(household.owner)
    page = await owner.records(kinds=["grant"])
    detail = await owner.record(page.records[0].id)
    assert detail.proof is not None
    assert verify_inclusion(
        leaf=leaf_hash(detail.raw.encode()),
        index=detail.proof.index,
        size=detail.proof.tree_size,
        path=[digest_from_text(node) for node in detail.proof.path],
        root=read_header(detail.proof.header).records_root,
    )


async def test_records_page_by_page(door: Door, household: Household) -> None:
    owner = door.person(household.owner)
    seen: list[int] = []
    before = None
    while True:
        page = await owner.records(before=before, limit=3)
        seen += [record.index for record in page.records]
        before = page.records[-1].index
        if not page.more:
            break
    assert seen == list(range(door.hub.head.tree_size - 1, -1, -1))


async def test_a_grant_is_given_read_and_taken_back(door: Door, household: Household) -> None:
    owner, now_s = door.person(household.owner), household.home.now_s
    details = [Authorization(areas=["Porch"], actions=["take_still"])]
    await owner.grant(
        household.guest.did, details, grant_id="porch-week", nbf_s=now_s, exp_s=now_s + 600
    )
    (grant,) = await owner.grants(device=household.camera.did)
    assert (grant.id, grant.status, grant.person_name) == ("porch-week", GrantStatus.ACTIVE, "Gina")
    assert grant.authorization_details == details
    access = await owner.access(household.camera.did)
    allowed = {
        person.name: [action.action for action in person.actions if action.allowed]
        for person in access.persons
    }
    assert allowed["Gina"] == ["take_still"]
    assert set(allowed["Ben"]) == {"take_still", "set_privacy"}
    await owner.revoke("porch-week")
    (grant,) = await owner.grants(device=household.camera.did)
    assert grant.status is GrantStatus.REVOKED


async def test_persons_come_and_go(door: Door, household: Household) -> None:
    owner = door.person(household.owner)
    cleaner = Actor(made_key("cleaner"), name="Clara")
    await owner.put_person(cleaner.did, name="Clara", role=Role.GUEST)
    assert [person.name for person in await owner.persons()] == ["Anna", "Ben", "Clara", "Gina"]
    await owner.put_person(cleaner.did, name="Clara", role=Role.GUEST, removed=True)
    assert [person.removed for person in await owner.persons()] == [False, False, False, True]


async def test_mesh_blocks_and_the_pairing_window(door: Door, household: Household) -> None:
    owner = door.person(household.owner)
    mesh = await owner.mesh()
    assert [hub.this_hub for hub in mesh.hubs].count(True) == 1
    assert (mesh.size, mesh.quorum, mesh.height) == (3, 2, door.hub.head.height)
    page = await owner.blocks(from_height=1, limit=2)
    assert [block.height for block in page.blocks] == [1, 2]
    assert len(page.blocks[0].committed_by) == 2
    opened = await owner.open_pairing()
    assert opened.code == "7-amber-lantern"
    assert (await owner.requests()).pairing.code is None
    assert (await owner.home()).pairing_open
    assert not (await owner.close_pairing()).open


async def test_readings_of_a_name_since_a_time(door: Door, household: Household) -> None:
    home, thermostat = household.home, household.thermostat
    home.commit(home.event_record(thermostat, temperature=19.5, setpoint=21))
    since_s = home.now_s
    home.commit(home.event_record(thermostat, temperature=20.0))
    await door.hub.catch_up()
    owner = door.person(household.owner)
    assert [each.value for each in await owner.readings(thermostat.did, name="temperature")] == [
        20.0,
        19.5,
    ]
    newer = await owner.readings(thermostat.did, since_ms=since_s * 1000)
    assert [each.value for each in newer] == [20.0]


async def test_two_programs_of_one_person_do_not_collide(door: Door, household: Household) -> None:
    terminal, script = door.person(household.owner), door.person(household.owner)
    receipts = await asyncio.gather(
        *(
            client.command(household.lock.did, action)
            for client, action in ((terminal, "lock"), (script, "unlock")) * 4
        )
    )
    assert len({receipt.id for receipt in receipts}) == 8


async def test_nothing_is_signed_that_no_hub_would_read(door: Door, household: Household) -> None:
    with pytest.raises(FormatError):
        await door.person(household.owner).submit(
            CommandRecord, device="somewhere", action="unlock", arguments={}, exp=1
        )


class TestGuests:
    """Guests see only what they hold grants for."""

    async def test_devices_that_they_do_not_hold_are_not_there(
        self, door: Door, household: Household
    ) -> None:
        guest = door.person(household.guest)
        (lock,) = await guest.devices()
        assert lock.did == household.lock.did
        assert lock.my_actions == ["unlock"]
        for did in (household.camera.did, household.thermostat.did):
            for question in (guest.device, guest.history, guest.readings, guest.access):
                with pytest.raises(HubProblem) as refused:
                    await question(did)
                assert refused.value.code == ProblemCode.UNKNOWN_DEVICE

    async def test_who_came_before_them_is_not_told(self, door: Door, household: Household) -> None:
        await door.person(household.resident).command(household.lock.did, "unlock")
        await door.device(household.lock).post_record(
            household.home.event_record(household.lock, door="open").raw
        )
        guest = door.person(household.guest)
        history = await guest.history(household.lock.did)
        assert history.commands == []
        assert history.readings == []
        assert (await guest.device(household.lock.did)).properties["door"].value == "open"

    async def test_only_their_own_records_grants_and_name(
        self, door: Door, household: Household
    ) -> None:
        guest = door.person(household.guest)
        mine = await guest.command(household.lock.did, "unlock")
        theirs = await door.person(household.resident).command(household.lock.did, "lock")
        assert [record.id for record in (await guest.records()).records] == [mine.id]
        assert [
            record.id for record in (await guest.records(signer=household.owner.did)).records
        ] == [mine.id]
        assert [grant.id for grant in await guest.grants()] == ["guest-unlock"]
        assert [person.name for person in await guest.persons()] == ["Gina"]
        with pytest.raises(HubProblem) as refused:
            await guest.record(theirs.id)
        assert refused.value.code == ProblemCode.NOT_FOUND
        (access,) = (await guest.access(household.lock.did)).persons
        assert access.name == "Gina"

    async def test_the_inside_of_the_home_is_not_theirs(
        self, door: Door, household: Household
    ) -> None:
        guest = door.person(household.guest)
        for question in (guest.mesh, guest.requests, guest.blocks, guest.open_pairing):
            with pytest.raises(HubProblem) as refused:
                await question()
            assert refused.value.code == ProblemCode.FORBIDDEN
        with pytest.raises(HubProblem) as explained:
            await guest.explain(
                person=household.owner.did, device=household.lock.did, action="unlock"
            )
        assert explained.value.code == ProblemCode.FORBIDDEN

    async def test_what_was_taken_back_is_gone_from_sight(
        self, door: Door, household: Household
    ) -> None:
        await door.person(household.owner).revoke("guest-unlock")
        assert await door.person(household.guest).devices() == []


async def test_a_guest_sees_nothing_by_a_grant_whose_giver_lost_the_right(
    door: Door, household: Household
) -> None:
    home = household.home
    home.commit(
        home.grant_record(
            household.guest, jti="bens-grant", devices=[household.camera], by=household.resident
        )
    )
    await door.hub.catch_up()
    guest = door.person(household.guest)
    assert {device.name for device in await guest.devices()} == {"Front door", "Porch camera"}
    await door.person(household.owner).put_person(
        household.resident.did, name="Ben", role=Role.RESIDENT, removed=True
    )
    assert [device.name for device in await guest.devices()] == ["Front door"]
