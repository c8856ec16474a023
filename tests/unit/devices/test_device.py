"""Commands: believed only with proof, done at most once, answered always."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from homechain.crypto.hashing import b64u, sha256
from homechain.ledger.errors import ProofRefused
from homechain.model.records import Authorization, GrantRecord, OutcomeResult, Role
from homechain_devices.camera.description import describe as describe_camera
from homechain_devices.sdk import (
    Device,
    DeviceClock,
    DeviceEvent,
    Outcome,
)
from homechain_devices.sdk.events import (
    CommandAnswered,
    CommandRefused,
    DigitsShown,
)
from homechain_devices.steps import Change
from tests.fakes.home import Actor
from tests.unit.devices.made_hub import House
from tests.unit.devices.made_lock import QUICK, MadeLock, nobody, taken_in


async def test_a_permitted_command_is_done_and_answered(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    (outcome,) = house.outcomes()
    assert (outcome.command, outcome.result) == (order.id, OutcomeResult.DONE)
    assert [(r.name, r.value) for r in outcome.readings] == [("bolt", "unlocked")]
    assert lock.acts == [("unlock", {})], "both hubs handed it over; it was done once"


async def test_a_command_for_another_device_is_not_believed(house: House, state_dir: Path) -> None:
    other = house.home.add_device("Back door")
    order, _ = house.order(house.home.owner, other.did, "unlock")
    lock = MadeLock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
        house.send(order)
        await house.until(lambda: bool(lock.heard(CommandRefused)))
    assert lock.heard(CommandRefused)[0].code == "wrong_device"
    assert lock.acts == []
    assert house.outcomes() == []


async def test_a_command_without_enough_commits_is_not_believed(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "unlock")
        commit = order.proof.commit
        thin = msgspec.structs.replace(commit, endorsements=commit.endorsements[:1])
        forged = msgspec.structs.replace(
            order, proof=msgspec.structs.replace(order.proof, commit=thin)
        )
        house.send(forged)
        await house.until(lambda: bool(lock.heard(CommandRefused)))
        assert lock.acts == []
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert lock.heard(CommandRefused)[0].code == "bad_certificate"
    assert lock.acts == [("unlock", {})], "the honest proof of the same command still holds"


async def test_a_late_command_is_refused_in_the_devices_own_word(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "unlock")
        house.home.now_s += 61
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    (outcome,) = house.outcomes()
    assert (outcome.result, outcome.reason) == (OutcomeResult.REFUSED, "the command came too late")
    assert lock.acts == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "set_auto_relock needs seconds"),
        ({"seconds": 99_999}, "seconds must be at most 3600 s"),
        ({"seconds": True}, "seconds must be of type integer"),
        ({"seconds": 5, "force": 1}, "set_auto_relock takes no force"),
    ],
    ids=["missing", "too-large", "wrong-type", "unknown"],
)
async def test_senseless_arguments_are_refused_with_the_reason(
    house: House, state_dir: Path, arguments: dict[str, Any], reason: str
) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "set_auto_relock", arguments=arguments)
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert house.outcomes()[0].reason == reason
    assert lock.acts == []


async def test_a_command_is_not_done_again_after_a_restart(house: House, state_dir: Path) -> None:
    first = MadeLock(house, state_dir)
    async with first.running():
        did = await taken_in(house, first)
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    second = MadeLock(house, state_dir)
    async with second.running():
        second.device.report("door", "open")
        await house.until(lambda: any(hub.connections == 2 for hub in house.hubs))
        await house.until(lambda: len(house.readings()) == 1)
        fresh, _ = house.order(house.home.owner, did, "lock")
        house.send(fresh)
        await house.until(lambda: len(house.outcomes()) == 2)
    assert second.acts == [("lock", {})], "the old order came again and nothing moved"
    assert not second.heard(DigitsShown), "a device that belongs to a home stays there"


async def test_a_command_that_a_stop_interrupted_is_answered_and_not_repeated(
    house: House, state_dir: Path
) -> None:
    first = MadeLock(house, state_dir)
    first.during.clear()
    async with first.running():
        did = await taken_in(house, first)
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: bool(first.acts))
    second = MadeLock(house, state_dir)
    async with second.running():
        await house.until(lambda: len(house.outcomes()) == 1)
    (outcome,) = house.outcomes()
    assert outcome.result is OutcomeResult.FAILED
    assert "stopped before" in outcome.reason
    assert second.acts == []


async def test_a_fault_in_a_handler_is_a_failed_outcome(
    house: House, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = MadeLock(house, state_dir)

    async def burst(arguments: Mapping[str, Any]) -> Outcome:
        raise ZeroDivisionError

    lock.device._handlers.pop("unlock")
    lock.device.action("unlock")(burst)
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert house.outcomes()[0].reason == "a fault in the device's own program"
    assert "ZeroDivisionError" in caplog.text


async def test_a_guest_without_a_grant_moves_nothing(house: House, state_dir: Path) -> None:
    guest = house.home.add_person("Gus", role=Role.GUEST)
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        with pytest.raises(ProofRefused):
            house.order(guest, did, "unlock")
        house.home.commit(
            house.home.sign(house.home.owner, GrantRecord, **_unlock_grant(house, guest, did))
        )
        order, _ = house.order(guest, did, "unlock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert lock.acts == [("unlock", {})]


def _unlock_grant(house: House, guest: Actor, did: str) -> dict[str, Any]:
    return {
        "sub": guest.did,
        "aud": house.home.id_text,
        "nbf": house.home.now_s,
        "exp": house.home.now_s + 3_600,
        "jti": "cleaner-1",
        "authorization_details": [Authorization(devices=[did], actions=["unlock"])],
    }


async def test_a_camera_brings_the_still_before_the_outcome_that_names_it(
    house: House, state_dir: Path
) -> None:
    jpeg = b"\xff\xd8\xff a picture \xff\xd9"
    events: list[DeviceEvent] = []

    def hear(event: DeviceEvent) -> None:
        events.append(event)
        house.tell()

    camera = Device(
        describe_camera(title="Porch"),
        state_dir=state_dir,
        hubs=[hub.address for hub in house.hubs],
        on_event=hear,
        clock=DeviceClock(wall_ms=lambda: house.home.now_s * 1000),
        limits=QUICK,
        search=nobody,
    )

    @camera.action("still")
    async def still(arguments: Mapping[str, Any]) -> Outcome:
        return Outcome.done(last_still=b64u(sha256(jpeg)), jpeg=jpeg)

    @camera.action("set_privacy")
    async def set_privacy(arguments: Mapping[str, Any]) -> Outcome:
        return Outcome.refused("the shutter is stuck")

    task: asyncio.Task[None] = asyncio.create_task(camera.run())
    await house.until(lambda: any(isinstance(event, DigitsShown) for event in events))
    did = next(event.device for event in events if isinstance(event, DigitsShown))
    house.approve(did)
    order, _ = house.order(house.home.owner, did, "still")
    house.send(order)
    await house.until(lambda: len(house.outcomes()) == 1)
    digest = b64u(sha256(jpeg))
    await house.until(lambda: all(digest in hub.media for hub in house.hubs))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert house.outcomes()[0].media == digest
    assert [hub.media[digest] for hub in house.hubs] == [jpeg, jpeg]


async def test_a_handler_that_hangs_has_failed(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir, limits=replace(QUICK, action_s=0.01))
    lock.during.clear()
    async with lock.running():
        did = await taken_in(house, lock)
        house.send(house.order(house.home.owner, did, "unlock")[0])
        await house.until(lambda: len(house.outcomes()) == 1)
    assert house.outcomes()[0].result is OutcomeResult.FAILED
    assert "did not finish within" in house.outcomes()[0].reason


async def test_an_outcome_that_does_not_fit_the_description_is_a_fault_of_the_program(
    house: House, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = MadeLock(house, state_dir)

    async def lie(arguments: Mapping[str, Any]) -> Outcome:
        return Outcome.done(battery=101)

    lock.device._handlers.pop("unlock")
    lock.device.action("unlock")(lie)
    async with lock.running():
        did = await taken_in(house, lock)
        house.send(house.order(house.home.owner, did, "unlock")[0])
        await house.until(lambda: len(house.outcomes()) == 1)
    assert house.outcomes()[0].reason == "a fault in the device's own program"
    assert "battery must be at most 100" in caplog.text


async def test_what_does_not_fit_into_an_outcome_goes_out_beside_it(
    house: House, state_dir: Path
) -> None:
    lock = MadeLock(house, state_dir)

    async def busy(arguments: Mapping[str, Any]) -> Outcome:
        return Outcome.done(*[Change("battery", percent) for percent in range(20)])

    lock.device._handlers.pop("unlock")
    lock.device.action("unlock")(busy)
    async with lock.running():
        did = await taken_in(house, lock)
        house.send(house.order(house.home.owner, did, "unlock")[0])
        await house.until(lambda: len(house.outcomes()) == 1)
        lock.device.report("door", "open")
        await house.until(lambda: len(house.readings()) == 5)
    assert [r.value for r in house.outcomes()[0].readings] == list(range(16))
    assert [r.value for r in house.readings()] == [16, 17, 18, 19, "open"]


async def test_an_action_that_no_device_described_is_refused(house: House, state_dir: Path) -> None:
    lock = MadeLock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        lock.device._handlers.pop("unlatch")
        house.send(house.order(house.home.owner, did, "unlatch")[0])
        await house.until(lambda: len(house.outcomes()) == 1)
    assert house.outcomes()[0].reason == "this device cannot unlatch"


async def test_a_device_full_of_outcomes_acts_on_nothing_more(
    house: House, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = MadeLock(house, state_dir, limits=replace(QUICK, waiting_outcomes=1))
    async with lock.running():
        did = await taken_in(house, lock)
        for hub in house.hubs:
            hub.fault = "not-final-in-time"
        first, second = (house.order(house.home.owner, did, "lock")[0] for _ in range(2))
        house.hubs[0].push(first)
        await house.until(lambda: bool(lock.heard(CommandAnswered)))
        house.hubs[0].push(second)
        posts = sum(hub.posts for hub in house.hubs)
        await house.until(lambda: sum(hub.posts for hub in house.hubs) > posts + 3)
        assert len(lock.acts) == 1
        for hub in house.hubs:
            hub.fault = ""
        await house.until(lambda: len(house.outcomes()) == 1)
        house.hubs[0].push(second)
        await house.until(lambda: len(house.outcomes()) == 2)
    assert "full of outcomes" in caplog.text
