"""Simulated devices behave like the thing, over HTTP, before hubs that they do not trust."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from homechain.crypto.hashing import b64u, sha256
from homechain.model.records import EventRecord, OutcomeRecord, OutcomeResult
from homechain_devices.sdk import DeviceClock, DeviceEvent, DeviceLimits
from homechain_devices.sdk.events import DigitsShown
from homechain_devices.simulators import Poke, SimulatorOptions, run_simulator
from homechain_devices.simulators.chance import HandAct, Movements, Visitors
from homechain_devices.simulators.scene import HEIGHT, WIDTH, draw_still
from homechain_devices.thermostat.model import Action, Thermostat
from tests.unit.devices.made_hub import House, MadeHub

QUICK = DeviceLimits(backoff_first_ms=1, backoff_most_ms=5, poll_ms=1)
HOUR_MS = 3_600_000


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await MadeHub(house, 0).start()
    yield house
    await house.hubs[0].stop()


class Clocks:
    """A device's two clocks; a test lets time pass, for the home as well."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.ahead_ms = 0
        self.clock = DeviceClock(
            wall_ms=lambda: house.home.now_s * 1_000,
            monotonic_ms=lambda: int(asyncio.get_running_loop().time() * 1_000) + self.ahead_ms,
        )

    def passes(self, seconds: int) -> None:
        self.ahead_ms += seconds * 1_000
        self.house.home.now_s += seconds


@asynccontextmanager
async def simulated(
    kind: str, house: House, tmp_path: Path, **options: Any
) -> AsyncIterator[tuple[str, Clocks]]:
    """A simulated device that was taken in: its name and its clocks."""
    shown: list[DigitsShown] = []

    def hear(event: DeviceEvent) -> None:
        if isinstance(event, DigitsShown):
            shown.append(event)
        house.tell()

    clocks = Clocks(house)
    life = SimulatorOptions(
        name=f"The {kind}",
        state_dir=tmp_path / kind,
        hubs=[hub.address for hub in house.hubs],
        on_event=hear,
        limits=QUICK,
        clock=clocks.clock,
        **options,
    )
    task: asyncio.Task[None] = asyncio.create_task(run_simulator(kind, life))
    try:
        await house.until(lambda: bool(shown))
        house.approve(shown[0].device)
        await house.until(lambda: house.hubs[0].connections > 0)
        yield shown[0].device, clocks
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def latest(house: House, name: str) -> Any:
    payloads = [record.payload for record in house.records]
    said = [p for p in payloads if isinstance(p, EventRecord | OutcomeRecord)]
    found = [r.value for payload in said for r in payload.readings if r.name == name]
    return found[-1] if found else None


def answered(house: House, count: int) -> bool:
    return len(house.outcomes()) == count


async def test_a_simulated_lock_unlocks_and_locks_itself(house: House, tmp_path: Path) -> None:
    async with simulated("lock", house, tmp_path, visits_per_hour=0) as (did, clocks):
        await house.until(lambda: latest(house, "bolt") == "locked")
        house.send(house.order(house.home.owner, did, "unlock")[0])
        await house.until(lambda: len(house.outcomes()) == 1)
        assert [r.value for r in house.outcomes()[0].readings if r.name == "bolt"] == ["unlocked"]
        told = len(house.readings())
        clocks.passes(31)
        await house.until(lambda: len(house.readings()) > told)
    assert [r.value for r in house.readings() if r.name == "bolt"] == ["locked", "locked"]


async def test_a_lock_that_jams_says_so(house: House, tmp_path: Path) -> None:
    async with simulated("lock", house, tmp_path, visits_per_hour=0, jam_probability=1.0) as (
        did,
        _,
    ):
        house.send(house.order(house.home.owner, did, "unlock")[0])
        await house.until(lambda: len(house.outcomes()) == 1)
    outcome = house.outcomes()[0]
    assert (outcome.result, outcome.reason) == (OutcomeResult.FAILED, "the bolt is jammed")
    assert {r.name: r.value for r in outcome.readings}["jammed"] is True


async def test_what_people_do_by_hand_is_reported_without_a_command(
    house: House, tmp_path: Path
) -> None:
    async with simulated("lock", house, tmp_path, visits_per_hour=60.0, seed=3) as (_, clocks):
        clocks.passes(3_600)
        await house.until(lambda: latest(house, "door") == "closed" and len(house.readings()) > 6)
    assert house.outcomes() == []
    assert "open" in [r.value for r in house.readings() if r.name == "door"]


async def test_a_camera_takes_real_pictures_and_keeps_privacy(house: House, tmp_path: Path) -> None:
    async with simulated("camera", house, tmp_path, movements_per_hour=0) as (did, _):
        for number in (1, 2):
            house.send(house.order(house.home.owner, did, "still")[0])
            await house.until(partial(answered, house, number))
        house.send(house.order(house.home.owner, did, "set_privacy", arguments={"on": True})[0])
        await house.until(lambda: len(house.outcomes()) == 3)
        house.send(house.order(house.home.owner, did, "still")[0])
        await house.until(lambda: len(house.outcomes()) == 4)
    first, second, _, refused = house.outcomes()
    assert first.media != second.media
    for outcome in (first, second):
        jpeg = house.hubs[0].media[str(outcome.media)]
        assert b64u(sha256(jpeg)) == outcome.media
        assert Image.open(BytesIO(jpeg)).size == (WIDTH, HEIGHT)
    assert (refused.result, refused.reason) == (OutcomeResult.REFUSED, "privacy mode is on")
    assert refused.media is None


async def test_a_camera_reports_motion(house: House, tmp_path: Path) -> None:
    async with simulated("camera", house, tmp_path, movements_per_hour=3_000.0) as (_, clocks):
        clocks.passes(12)
        await house.until(lambda: latest(house, "motion") is True)


async def test_a_room_warms_up_within_a_minute_of_demo_time(house: House, tmp_path: Path) -> None:
    async with simulated("thermostat", house, tmp_path, time_scale=60.0) as (did, clocks):
        await house.until(lambda: latest(house, "action") == "heating")
        cold_c = latest(house, "temperature")
        clocks.passes(60)
        await house.until(lambda: latest(house, "temperature") > cold_c + 2)
        house.send(house.order(house.home.owner, did, "set_setpoint", arguments={"setpoint": 6})[0])
        await house.until(lambda: len(house.outcomes()) == 1)
    assert latest(house, "setpoint") == 6.0
    assert latest(house, "action") == "idle"


@pytest.mark.parametrize(
    ("arguments", "result", "reason"),
    [
        ({"setpoint": 31, "for_good": True}, "refused", "setpoint must be at most 30 °C"),
        ({"setpoint": 21}, "refused", "set_hold needs one of until, for_hours and for_good"),
        ({"setpoint": 21, "until": 5}, "refused", "the hold would end in the past"),
        ({"setpoint": 21, "until": 5, "for_hours": 1}, "refused", "set_hold needs one of"),
        ({"setpoint": 21, "for_hours": 2}, "done", ""),
        ({"setpoint": 21, "for_good": True}, "done", ""),
    ],
    ids=["too-warm", "no-end", "past", "two-ends", "hours", "for-good"],
)
async def test_a_hold_needs_one_end_that_makes_sense(
    house: House, tmp_path: Path, arguments: dict[str, Any], result: str, reason: str
) -> None:
    async with simulated("thermostat", house, tmp_path) as (did, _):
        house.send(house.order(house.home.owner, did, "set_hold", arguments=arguments)[0])
        await house.until(lambda: len(house.outcomes()) == 1)
    (outcome,) = house.outcomes()
    assert str(outcome.result) == result
    assert outcome.reason.startswith(reason)


@pytest.mark.parametrize("kind", ["other", "toaster"])
async def test_there_is_no_simulator_of_other_things(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"simulator|toaster"):
        await run_simulator(kind, SimulatorOptions(name="T", state_dir=tmp_path))


def test_pictures_show_the_hour_and_never_repeat() -> None:
    def picture(hour: int, *, seed: int, figure: float | None = None) -> bytes:
        at = datetime(2025, 6, 15, hour, 6, tzinfo=UTC)
        return draw_still(name="Porch", at=at, figure=figure, chance=Random(seed))

    def brightness(jpeg: bytes) -> float:
        return Image.open(BytesIO(jpeg)).convert("L").resize((1, 1)).tobytes()[0]

    assert brightness(picture(13, seed=1)) > brightness(picture(1, seed=1)) + 40
    assert len({picture(12, seed=seed) for seed in range(3)}) == 3
    assert picture(12, seed=1, figure=0.4) != picture(12, seed=1)
    assert len(picture(12, seed=1, figure=0.4)) < 128 * 1024


def test_visitors_come_open_and_close_in_that_order() -> None:
    visitors = Visitors(Random(7), per_hour=30, now_ms=0)
    acts = [act for hour in range(5) for act in visitors.due(hour * HOUR_MS)]
    assert acts[:3] == [HandAct.TURN_TO_UNLOCKED, HandAct.OPEN_DOOR, HandAct.CLOSE_DOOR]
    assert 30 < acts.count(HandAct.OPEN_DOOR) < 300
    assert Visitors(Random(7), per_hour=0, now_ms=0).due(HOUR_MS) == []


def test_something_crosses_the_view_from_one_side_to_the_other() -> None:
    movements = Movements(Random(7), per_hour=200, now_ms=0)
    seen = [movements.progress(second * 1_000) for second in range(3_600)]
    crossing = [progress for progress in seen if progress is not None]
    assert None in seen
    assert len(crossing) > 100
    assert all(0 <= progress < 1 for progress in crossing)
    assert Movements(Random(7), per_hour=0, now_ms=0).progress(HOUR_MS) is None


def door_is(house: House, door: str) -> bool:
    return bool(latest(house, "door") == door)


async def test_a_bolt_stays_where_it_was_over_a_restart(house: House, tmp_path: Path) -> None:
    pokes: asyncio.Queue[Poke] = asyncio.Queue()
    async with simulated("lock", house, tmp_path, visits_per_hour=0, pokes=pokes) as (did, _):
        order, _ = house.order(house.home.owner, did, "set_auto_relock", arguments={"seconds": 0})
        house.send(order)
        house.send(house.order(house.home.owner, did, "unlock")[0])
        await house.until(lambda: answered(house, 2))
        for poke, door in ((Poke.OPEN_DOOR, "open"), (Poke.CLOSE_DOOR, "closed")):
            pokes.put_nowait(poke)
            await house.until(partial(door_is, house, door))  # the body is saved once a turn
    told = len(house.readings())
    life = SimulatorOptions(
        name="The lock",
        state_dir=tmp_path / "lock",
        hubs=[house.hubs[0].address],
        limits=QUICK,
        visits_per_hour=0,
        clock=Clocks(house).clock,
    )
    task: asyncio.Task[None] = asyncio.create_task(run_simulator("lock", life))
    await house.until(lambda: len(house.readings()) > told)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    again = {r.name: r.value for r in house.readings()[told:]}
    assert again["bolt"] == "unlocked"
    assert again["auto_relock_s"] == 0


async def test_a_demo_can_let_things_happen(house: House, tmp_path: Path) -> None:
    pokes: asyncio.Queue[Poke] = asyncio.Queue()
    async with simulated("lock", house, tmp_path, visits_per_hour=0, pokes=pokes) as (did, _):
        pokes.put_nowait(Poke.OPEN_DOOR)
        await house.until(lambda: latest(house, "forced") is True)
        for poke in (Poke.CLOSE_DOOR, Poke.UNLOCK_BY_HAND, Poke.JAM):
            pokes.put_nowait(poke)
        await house.until(lambda: latest(house, "bolt") == "unlocked")
        house.send(house.order(house.home.owner, did, "lock")[0])
        await house.until(lambda: answered(house, 1))
        assert house.outcomes()[0].reason == "the bolt is jammed"
        pokes.put_nowait(Poke.LOCK_BY_HAND)
        await house.until(lambda: latest(house, "bolt") == "locked")


async def test_somebody_can_be_sent_across_the_porch(house: House, tmp_path: Path) -> None:
    pokes: asyncio.Queue[Poke] = asyncio.Queue()
    async with simulated("camera", house, tmp_path, movements_per_hour=0, pokes=pokes) as (
        _,
        clocks,
    ):
        pokes.put_nowait(Poke.MOVE)
        await house.until(lambda: latest(house, "motion") is True)
        clocks.passes(30)
        await house.until(lambda: latest(house, "motion") is False)


def test_a_thermostat_resumes_its_settings_with_machines_at_rest() -> None:
    warm = Thermostat(now_ms=0, temperature_c=15.0, everyday_c=21.0).measure(15.0, now_ms=0).state
    assert warm.action is Action.HEATING
    resumed = warm.restarted(now_ms=5_000)
    assert (resumed.action, resumed.setpoint_c) == (Action.IDLE, 21.0)
