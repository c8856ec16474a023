"""What devices hand in: receipts, batches, repeats, waiting."""

import pytest

from homechain.api.client import HubProblem
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import ReceiptStatus
from homechain.api.server.limits import ApiLimits
from homechain.crypto.hashing import sha256
from homechain.model.ids import digest_text
from tests.unit.api.conftest import Door, Household

JPEG = b"\xff\xd8\xff\xe0 a very small picture \xff\xd9"


async def test_an_event_gets_a_receipt_once_it_is_final(door: Door, household: Household) -> None:
    event = household.home.event_record(household.lock, bolt="locked")
    receipt = await door.device(household.lock).post_record(event.raw)
    assert receipt.status is ReceiptStatus.FINAL
    assert receipt.id == digest_text(event.id)
    assert receipt.height == door.hub.head.height
    row = await door.hub.queries.record(event.id)
    assert row is not None
    assert (receipt.index, receipt.time_ms) == (row.index, row.time_ms)


async def test_a_repeat_gets_the_same_receipt_and_changes_nothing(
    door: Door, household: Household
) -> None:
    event = household.home.event_record(household.lock, bolt="locked")
    device = door.device(household.lock)
    first = await device.post_record(event.raw)
    height = door.hub.head.height
    assert await device.post_record(event.raw) == first
    assert door.hub.head.height == height


async def test_a_bad_record_does_not_sink_the_others(door: Door, household: Household) -> None:
    good = household.home.event_record(household.lock, bolt="locked")
    forged = household.home.event_record(household.lock, bolt="unlocked").raw[:-8] + b"AAAAAAAA"
    replayed = household.home.sign(
        household.lock,
        type(good.payload),  # type: ignore[arg-type]  # an event is a record of a home
        ctr=good.payload.ctr,
        readings=[{"at": 1, "name": "bolt", "value": 1}],
    )
    command = household.home.command_record(household.owner, household.lock)
    results = await door.device(household.lock).post_records(
        [good.raw, forged, replayed.raw, command.raw, good.raw]
    )
    assert [each.problem.code if each.problem else "final" for each in results] == [
        "final",
        ProblemCode.BAD_SIGNATURE,
        ProblemCode.REPLAYED_COUNTER,
        ProblemCode.WRONG_KIND,
        "final",
    ]


async def test_a_sender_that_does_not_wait_hears_that_the_record_is_safe(
    door: Door, household: Household
) -> None:
    door.hub.hold()
    device = door.device(household.lock)
    event = household.home.event_record(household.lock, bolt="locked")
    receipt = await device.post_record(event.raw, wait=False)
    assert receipt.status is ReceiptStatus.ACCEPTED
    assert receipt.height is None
    await door.hub.release()
    assert (await device.post_record(event.raw, wait=False)).status is ReceiptStatus.FINAL


class TestNoQuorum:
    @pytest.fixture
    def limits(self) -> ApiLimits:
        return ApiLimits(final_wait_s=0.05)

    async def test_a_record_that_waits_too_long_is_kept_and_may_be_sent_again(
        self, door: Door, household: Household
    ) -> None:
        door.hub.hold()
        device = door.device(household.lock)
        event = household.home.event_record(household.lock, bolt="locked")
        for _ in range(2):
            with pytest.raises(HubProblem) as refused:
                await device.post_record(event.raw)
            assert refused.value.code == ProblemCode.NOT_FINAL_IN_TIME
        await door.hub.release()
        assert (await device.post_record(event.raw)).status is ReceiptStatus.FINAL


async def test_a_still_is_kept_under_its_hash_for_who_may_see_it(
    door: Door, household: Household
) -> None:
    await door.device(household.camera).put_media(sha256(JPEG), JPEG)
    await door.device(household.camera).put_media(sha256(JPEG), JPEG)
    name = digest_text(sha256(JPEG))
    assert await door.person(household.resident).media(name) == JPEG
    with pytest.raises(HubProblem) as refused:
        await door.person(household.guest).media(name)
    assert refused.value.code == ProblemCode.NOT_FOUND


async def test_a_guest_sees_the_still_that_they_took(door: Door, household: Household) -> None:
    home, guest, camera = household.home, household.guest, household.camera
    home.commit(
        home.grant_record(guest, jti="guest-still", devices=[camera], actions=["take_still"])
    )
    await door.hub.catch_up()
    receipt = await door.person(guest).command(camera.did, "take_still")
    assert receipt.decision is not None
    assert receipt.decision.allowed
    name = digest_text(sha256(JPEG))
    await door.device(camera).put_media(sha256(JPEG), JPEG)
    command = home.built[-1].records[0]
    await door.device(camera).post_record(home.outcome_record(camera, command, media=name).raw)
    assert await door.person(guest).media(name) == JPEG


async def test_a_still_is_a_jpeg_and_has_the_hash_that_it_is_sent_under(
    door: Door, household: Household
) -> None:
    device = door.device(household.camera)
    for name, data, code in (
        (sha256(b"another"), JPEG, ProblemCode.WRONG_HASH),
        (sha256(b"<script>"), b"<script>", ProblemCode.NOT_A_JPEG),
    ):
        with pytest.raises(HubProblem) as refused:
            await device.put_media(name, data)
        assert refused.value.code == code
    assert not door.hub.media.stills
