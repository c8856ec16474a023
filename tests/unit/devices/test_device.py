"""The device kit against hubs over real HTTP: registration, commands, fail-over, crashes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from homechain.api.client.transport import ClientTimeouts
from homechain.crypto.hashing import b64u, sha256
from homechain.ledger.errors import ProofRefused
from homechain.model.records import Authorization, GrantRecord, OutcomeResult, Role
from homechain_devices.camera.description import describe as describe_camera
from homechain_devices.lock.description import describe
from homechain_devices.sdk import (
    BadDescription,
    BadValue,
    Device,
    DeviceClock,
    DeviceEvent,
    DeviceLimits,
    NotTakenIn,
    Outcome,
)
from homechain_devices.sdk.events import (
    CommandRefused,
    DigitsShown,
    HubLost,
    RecordRefused,
    TakenIn,
)
from tests.fakes.home import Actor
from tests.unit.devices.made_hub import House, MadeHub

QUICK = DeviceLimits(backoff_first_ms=1, backoff_most_ms=5, poll_ms=1, search_pause_ms=1)


class Lock:
    """A lock made with the kit, and what it noticed."""

    def __init__(self, house: House, state_dir: Path, *, limits: DeviceLimits = QUICK) -> None:
        self.events: list[DeviceEvent] = []
        self.acts: list[tuple[str, Mapping[str, Any]]] = []
        self.house = house
        self.device = Device(
            describe(title="Front door"),
            state_dir=state_dir,
            hubs=[hub.address for hub in house.hubs],
            on_event=self._hear,
            clock=DeviceClock(wall_ms=lambda: house.home.now_s * 1000),
            limits=limits,
            timeouts=ClientTimeouts(connect_s=1, answer_s=2, stream_silence_s=20),
            search=_nobody,
        )
        self.during = asyncio.Event()
        self.during.set()
        for name in ("lock", "unlock", "unlatch", "set_auto_relock"):
            self.device.action(name)(self._handler(name))

    def _handler(self, name: str) -> Any:
        async def act(arguments: Mapping[str, Any]) -> Outcome:
            self.acts.append((name, arguments))
            self.house.tell()
            await self.during.wait()
            return Outcome.done(bolt="locked" if name == "lock" else "unlocked")

        return act

    def _hear(self, event: DeviceEvent) -> None:
        self.events.append(event)
        self.house.tell()

    def heard(self, kind: type[DeviceEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task: asyncio.Task[None] = asyncio.create_task(self.device.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _nobody() -> list[str]:
    return []


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    for number in range(2):
        await MadeHub(house, number).start()
    yield house
    for hub in house.hubs:
        await hub.stop()


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "device"


async def taken_in(house: House, lock: Lock) -> str:
    """The device's name, once it is approved and listens to both hubs."""
    await house.until(lambda: bool(lock.heard(DigitsShown)))
    did: str = lock.heard(DigitsShown)[0].device
    house.approve(did)
    await house.until(lambda: sum(hub.connections > 0 for hub in house.hubs) == 2)
    return did


async def test_a_device_registers_shows_its_own_digits_and_is_taken_in(
    house: House, state_dir: Path
) -> None:
    lock = Lock(house, state_dir)
    lock.device.report("bolt", "locked")
    async with lock.running():
        did = await taken_in(house, lock)
        await house.until(lambda: len(house.readings()) == 1)
    assert len(lock.heard(DigitsShown)[0].digits) == 6
    assert lock.heard(TakenIn)[0].name == "Front door"
    assert house.readings()[0].value == "locked"
    assert house.records[0].signer == did
    assert (state_dir / "device.key").stat().st_mode & 0o077 == 0


async def test_a_hub_that_shows_other_digits_is_not_believed(house: House, state_dir: Path) -> None:
    house.hubs[0].lying_digits = True
    lock = Lock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
    assert "other digits" in lock.heard(HubLost)[0].reason
    assert lock.heard(DigitsShown)[0].hub == house.hubs[1].did


async def test_a_permitted_command_is_done_and_answered(house: House, state_dir: Path) -> None:
    lock = Lock(house, state_dir)
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
    lock = Lock(house, state_dir)
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
    lock = Lock(house, state_dir)
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
    lock = Lock(house, state_dir)
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
    lock = Lock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "set_auto_relock", arguments=arguments)
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert house.outcomes()[0].reason == reason
    assert lock.acts == []


async def test_a_command_is_not_done_again_after_a_restart(house: House, state_dir: Path) -> None:
    first = Lock(house, state_dir)
    async with first.running():
        did = await taken_in(house, first)
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    second = Lock(house, state_dir)
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
    first = Lock(house, state_dir)
    first.during.clear()
    async with first.running():
        did = await taken_in(house, first)
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: bool(first.acts))
    second = Lock(house, state_dir)
    async with second.running():
        await house.until(lambda: len(house.outcomes()) == 1)
    (outcome,) = house.outcomes()
    assert outcome.result is OutcomeResult.FAILED
    assert "stopped before" in outcome.reason
    assert second.acts == []


async def test_a_fault_in_a_handler_is_a_failed_outcome(
    house: House, state_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = Lock(house, state_dir)

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


async def test_another_hub_takes_over_when_one_is_gone(house: House, state_dir: Path) -> None:
    lock = Lock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        await house.hubs[0].stop()
        for bolt in ("unlocked", "locked"):
            lock.device.report("bolt", bolt)
        order, _ = house.order(house.home.owner, did, "lock")
        house.hubs[1].push(order)
        await house.until(lambda: len(house.outcomes()) == 1 and len(house.readings()) == 2)
        await house.hubs[1].stop()
        lock.device.report("door", "open")
        await house.hubs[0].start()
        await house.until(lambda: len(house.readings()) == 3)
    assert [reading.value for reading in house.readings()] == ["unlocked", "locked", "open"]


async def test_the_same_bytes_are_sent_again_until_they_are_final(
    house: House, state_dir: Path
) -> None:
    lock = Lock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
        for hub in house.hubs:
            hub.fault = "not-final-in-time"
        lock.device.report("door", "open")
        await house.until(lambda: sum(hub.posts for hub in house.hubs) >= 3)
        house.hubs[1].fault = ""
        await house.until(lambda: len(house.readings()) == 1)
    assert len(house.records) == 1
    assert house.records[0].payload.ctr == 1


async def test_readings_that_had_to_wait_share_records(house: House, state_dir: Path) -> None:
    lock = Lock(house, state_dir, limits=DeviceLimits(backoff_most_ms=5, poll_ms=1))
    for percent in range(100):
        lock.device.report("battery", percent)
    async with lock.running():
        await taken_in(house, lock)
        await house.until(lambda: len(house.readings()) == 100)
    assert len(house.records) <= 2
    assert [reading.value for reading in house.readings()] == list(range(100))


async def test_a_guest_without_a_grant_moves_nothing(house: House, state_dir: Path) -> None:
    guest = house.home.add_person("Gus", role=Role.GUEST)
    lock = Lock(house, state_dir)
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
        search=_nobody,
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


async def test_a_device_that_was_approved_while_it_was_off_is_taken_in(
    house: House, state_dir: Path
) -> None:
    first = Lock(house, state_dir)
    async with first.running():
        await house.until(lambda: bool(first.heard(DigitsShown)))
    shown = first.heard(DigitsShown)[0]
    second = Lock(house, state_dir)
    async with second.running():
        await house.until(lambda: bool(second.heard(DigitsShown)))
    assert second.heard(DigitsShown)[0] == shown, "a restart does not change the digits"
    house.approve(shown.device)
    third = Lock(house, state_dir)
    async with third.running():
        await house.until(lambda: bool(third.heard(TakenIn)))


def last_is(house: House, value: object) -> bool:
    return [reading.value for reading in house.readings()][-1:] == [value]


async def test_one_lying_hub_cannot_talk_a_device_out_of_its_home(
    house: House, state_dir: Path
) -> None:
    lock = Lock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
        house.hubs[0].verdict = "retired"
        for value in (50, 49):
            lock.device.report("battery", value)
            await house.until(partial(last_is, house, value))
        house.hubs[0].verdict = "malformed-record"
        lock.device.report("battery", 48)
        await house.until(partial(last_is, house, 48))
        order, _ = house.order(house.home.owner, did, "unlock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert not lock.heard(RecordRefused)


async def test_what_two_hubs_refuse_for_good_is_given_up(house: House, state_dir: Path) -> None:
    lock = Lock(house, state_dir)
    async with lock.running():
        await taken_in(house, lock)
        for hub in house.hubs:
            hub.verdict = "malformed-record"
        lock.device.report("battery", 50)
        await house.until(lambda: bool(lock.heard(RecordRefused)))
        for hub in house.hubs:
            hub.verdict = ""
        lock.device.report("battery", 49)
        await house.until(lambda: len(house.readings()) == 1)
    assert house.readings()[0].value == 49


async def test_a_hub_with_two_addresses_gets_one_stream(house: House, state_dir: Path) -> None:
    lock = Lock(house, state_dir)
    port = house.hubs[0].address.rpartition(":")[2]
    lock.device._network.fixed_addresses.append(f"localhost:{port}")
    async with lock.running():
        did = await taken_in(house, lock)
        order, _ = house.order(house.home.owner, did, "lock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert [hub.connections for hub in house.hubs] == [1, 1]


async def test_a_retired_device_stops(house: House, state_dir: Path) -> None:
    lock = Lock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
    house.retired.add(did)
    again = Lock(house, state_dir)
    with pytest.raises(NotTakenIn):
        await again.device.run()


async def test_membership_that_changed_while_the_device_was_away_is_followed(
    house: House, state_dir: Path
) -> None:
    lock = Lock(house, state_dir)
    async with lock.running():
        did = await taken_in(house, lock)
    house.home.commit(house.home.hub_record("hub 3"))
    house.home.commit(house.home.hub_record("hub 2", removed=True))
    again = Lock(house, state_dir)
    async with again.running():
        await house.until(lambda: any(hub.connections == 2 for hub in house.hubs))
        order, _ = house.order(house.home.owner, did, "lock")
        house.send(order)
        await house.until(lambda: len(house.outcomes()) == 1)
    assert again.acts == [("lock", {})]


async def test_a_program_that_does_not_fit_its_description_is_told_at_once(
    house: House, state_dir: Path
) -> None:
    device = Device(describe(title="Front door"), state_dir=state_dir)
    with pytest.raises(BadDescription, match="no action 'fly'"):
        device.action("fly")
    with pytest.raises(BadDescription, match="no property or event 'colour'"):
        device.report("colour", "red")
    with pytest.raises(BadValue, match="battery must be at most 100 %"):
        device.report("battery", 101)
    with pytest.raises(BadDescription, match="no handler for lock, set_auto_relock"):
        await device.run()
