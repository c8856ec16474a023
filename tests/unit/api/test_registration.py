"""A device introduces itself, reveals its nonce, is taken in, and gets its trust bundle."""

from hashlib import sha256

import pytest

from homechain.api.client import HubProblem
from homechain.api.schema.pairing import DeviceState
from homechain.api.schema.problems import ProblemCode
from homechain.crypto.hashing import unb64u
from homechain.ledger.pairing import commitment_to, pairing_digits
from homechain.ledger.records import SignedDescription, read_record, sign_description
from homechain.model.blocks import block_hash
from homechain.model.ids import digest_text
from homechain.model.records import Affordance, DeviceDescription, DeviceKind, Thing
from tests.fakes.home import Actor, made_key
from tests.unit.api.conftest import Door, Household

NONCE = sha256(b"the device's secret").digest()


def describe(door: Door, actor: Actor, *, nonce: bytes = NONCE, **fields: str) -> SignedDescription:
    return sign_description(
        DeviceDescription(
            iss=actor.did,
            home=fields.get("home", door.hub.made.id_text),
            hub=fields.get("hub", door.hub.did),
            iat=door.hub.made.now_s,
            commitment=commitment_to(nonce),
            thing=Thing(
                title=actor.name,
                at_type=DeviceKind.LOCK,
                properties={"bolt": Affordance()},
                actions={"unlock": Affordance()},
            ),
        ),
        actor.key,
    )


@pytest.fixture
def newcomer() -> Actor:
    return Actor(made_key("newcomer"), name="Cellar door")


async def test_anybody_may_ask_which_home_answers(door: Door, newcomer: Actor) -> None:
    known = await door.device(newcomer).well_known()
    assert known.home == door.hub.made.id_text
    assert known.hub == door.hub.did
    assert known.clock_ms == door.hub.clock.wall_ms()
    assert known.residents_port == door.servers.residents_port
    assert not known.pairing_open


async def test_both_sides_arrive_at_the_same_digits(
    door: Door, household: Household, newcomer: Actor
) -> None:
    device = door.device(newcomer)
    description = describe(door, newcomer)
    accepted = await device.register(description.raw)
    shown = (await device.reveal(NONCE)).digits
    assert shown == pairing_digits(
        home=door.hub.home,
        hub=door.hub.did,
        description_id=description.id,
        hub_nonce=unb64u(accepted.hub_nonce),
        device_nonce=NONCE,
    )
    (request,) = (await door.person(household.owner).requests()).devices
    assert request.digits == shown
    assert request.did == newcomer.did
    assert request.description.encode() == description.raw


async def test_a_device_is_unknown_then_pending_then_approved(
    door: Door, household: Household, newcomer: Actor
) -> None:
    device = door.device(newcomer)
    assert (await device.status()).state is DeviceState.UNKNOWN
    description = describe(door, newcomer)
    await device.register(description.raw)
    pending = await device.status()
    assert (pending.state, pending.revealed) == (DeviceState.PENDING, False)
    await device.reveal(NONCE)
    assert (await device.status()).revealed
    await door.person(household.owner).approve_device(
        description.raw.decode(), name="Cellar", area="Cellar"
    )
    approved = await device.status()
    assert (approved.state, approved.name) == (DeviceState.APPROVED, "Cellar")
    assert approved.bundle is not None
    assert digest_text(read_record(approved.bundle.genesis.encode()).id) == door.hub.made.id_text
    assert block_hash(approved.bundle.checkpoint.header) == door.hub.head.hash
    assert [hub.hub for hub in approved.bundle.hubs] == list(door.hub.made.hub_keys)


async def test_the_bundle_is_only_for_the_device_itself(door: Door, household: Household) -> None:
    url = f"{door.devices_url}/v1/devices/{household.lock.did}"
    async with door.http().get(url) as answer:
        status = await answer.json()
    assert status["state"] == "approved"
    assert status["bundle"] is None
    assert status["name"] is None


async def test_the_same_description_gets_the_same_nonce_again(door: Door, newcomer: Actor) -> None:
    device = door.device(newcomer)
    raw = describe(door, newcomer).raw
    first = await device.register(raw)
    assert await device.register(raw) == first
    await device.reveal(NONCE)
    assert await device.register(raw) == first
    assert await device.reveal(NONCE) == await device.reveal(NONCE)
    assert len(door.hub.devices_waiting) == 1


async def test_another_commitment_gets_another_nonce(door: Door, newcomer: Actor) -> None:
    device = door.device(newcomer)
    first = await device.register(describe(door, newcomer).raw)
    other = await device.register(describe(door, newcomer, nonce=bytes(32)).raw)
    assert first.hub_nonce != other.hub_nonce


async def test_a_nonce_that_was_not_committed_to_is_refused(door: Door, newcomer: Actor) -> None:
    device = door.device(newcomer)
    with pytest.raises(HubProblem) as unknown:
        await device.reveal(NONCE)
    assert unknown.value.code == ProblemCode.UNKNOWN_DEVICE
    await device.register(describe(door, newcomer).raw)
    with pytest.raises(HubProblem) as mismatch:
        await device.reveal(bytes(32))
    assert mismatch.value.code == ProblemCode.NONCE_MISMATCH
    assert not door.hub.devices_waiting


async def test_descriptions_for_others_and_by_others_are_refused(
    door: Door, household: Household, newcomer: Actor
) -> None:
    device = door.device(newcomer)
    other_hub = list(door.hub.made.hub_keys)[1]
    forged = describe(door, newcomer).raw[:-8] + b"AAAAAAAA"
    for raw, code in (
        (describe(door, newcomer, home=digest_text(bytes(32))).raw, ProblemCode.WRONG_HOME),
        (describe(door, newcomer, hub=other_hub).raw, ProblemCode.WRONG_HUB),
        (forged, ProblemCode.BAD_SIGNATURE),
        (describe(door, household.owner).raw, ProblemCode.KEY_REFUSED),
        (describe(door, household.lock).raw, ProblemCode.PAIRING_REFUSED),
    ):
        with pytest.raises(HubProblem) as refused:
            await device.register(raw)
        assert refused.value.code == code


async def test_a_retired_key_never_comes_back(door: Door, household: Household) -> None:
    await door.person(household.owner).retire_device(household.lock.did)
    device = door.device(household.lock)
    assert (await device.status()).state is DeviceState.RETIRED
    with pytest.raises(HubProblem) as refused:
        await device.register(describe(door, household.lock).raw)
    assert refused.value.code == ProblemCode.RETIRED
