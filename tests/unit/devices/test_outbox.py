"""What a device has said survives crashes, under one counter and as the same bytes."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from homechain.crypto.hashing import b64u, sha256
from homechain.ledger.records import read_record, verify_record
from homechain.model import limits as record_limits
from homechain.model.records import EventRecord, OutcomeRecord, OutcomeResult, Reading
from homechain_devices.sdk import BadValue, DeviceLimits, StateDamaged
from homechain_devices.sdk.device_file import DeviceFile, Signed, Waiting
from homechain_devices.sdk.limits import JPEG_BYTES
from homechain_devices.sdk.media import MediaStore
from homechain_devices.sdk.outbox import Outbox, OutcomeDraft
from homechain_devices.sdk.sending import REQUEST_BYTES, fitting
from tests.fakes.home import made_key

KEY = made_key("a device with an outbox")
HOME = b64u(sha256(b"a home"))
NOW_MS = 1_750_000_000_000


@asynccontextmanager
async def opened(
    directory: Path, *, limits: DeviceLimits | None = None, first_counter: int = 1
) -> AsyncIterator[Outbox]:
    outbox = await Outbox.open(
        directory, key=KEY, limits=limits or DeviceLimits(), first_counter=first_counter
    )
    outbox.belong_to(HOME)
    try:
        yield outbox
    finally:
        await outbox.close()


def reading(value: object, *, name: str = "battery") -> Reading:
    return Reading(at=NOW_MS, name=name, value=value)  # type: ignore[arg-type] # any JSON value


def picture(number: int) -> bytes:
    return b"\xff\xd8\xff picture %d \xff\xd9" % number


def command_id(number: int) -> str:
    return b64u(sha256(b"command", str(number).encode()))


async def events(outbox: Outbox) -> list[Waiting]:
    return await outbox.to_send(outcomes=False, now_ms=NOW_MS)


async def outcomes(outbox: Outbox) -> list[Waiting]:
    return await outbox.to_send(outcomes=True, now_ms=NOW_MS)


def payload(waiting: Waiting) -> EventRecord | OutcomeRecord:
    record = read_record(waiting.raw)
    assert verify_record(record)
    assert isinstance(record.payload, EventRecord | OutcomeRecord)
    return record.payload


def values(waiting: list[Waiting]) -> list[object]:
    return [r.value for one in waiting for r in payload(one).readings]


async def begin(outbox: Outbox, number: int) -> bool:
    return await outbox.begin(
        command_id(number), expires_s=NOW_MS // 1_000 + 30, now_ms=NOW_MS, papers={}
    )


async def finish(outbox: Outbox, number: int) -> None:
    draft = OutcomeDraft(command=command_id(number), result=OutcomeResult.DONE, at_ms=NOW_MS)
    await outbox.finish(draft, now_ms=NOW_MS)


async def test_a_record_is_the_same_bytes_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        await outbox.add_readings([reading(90)])
        before = await events(outbox)
        await outbox.add_readings([reading(89)])
    async with opened(tmp_path) as outbox:
        after = await events(outbox)
        assert after[0] == before[0]
        assert [payload(one).ctr for one in after] == [1, 2]
        await outbox.forget([after[0].id])
        assert values(await events(outbox)) == [89]


async def test_readings_share_records_up_to_their_limits(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        await outbox.add_readings([reading(value) for value in range(600)])
        waiting = await events(outbox)
    assert values(waiting) == list(range(600))
    assert all(len(one.raw) <= record_limits.RECORD_BYTES for one in waiting)
    assert len(waiting) <= 6


async def test_few_records_are_on_their_way_and_the_rest_waits_to_share(tmp_path: Path) -> None:
    limits = DeviceLimits(records_in_flight=2)
    async with opened(tmp_path, limits=limits) as outbox:
        for value in range(5):
            await outbox.add_readings([reading(value)])
            await events(outbox)
        first, second = await events(outbox)
        assert (values([first]), values([second])) == ([0], [1])
        await outbox.forget([first.id])
        assert values(await events(outbox)) == [1, 2, 3, 4]


async def test_the_oldest_readings_are_dropped_and_the_gap_is_told(tmp_path: Path) -> None:
    limits = DeviceLimits(waiting_readings=10)
    async with opened(tmp_path, limits=limits) as outbox:
        assert await outbox.add_readings([reading(value) for value in range(10)]) == 0
        assert await outbox.add_readings([reading(10), reading(11)]) == 2
        (waiting,) = await events(outbox)
    told = payload(waiting).readings
    assert (told[0].name, told[0].value) == ("readings_dropped", 2)
    assert [one.value for one in told[1:]] == list(range(2, 12))


async def test_outcomes_are_never_dropped_but_stop_the_device(tmp_path: Path) -> None:
    limits = DeviceLimits(waiting_readings=1, waiting_outcomes=3)
    async with opened(tmp_path, limits=limits) as outbox:
        for number in range(3):
            assert not await outbox.is_full()
            assert await begin(outbox, number)
            await finish(outbox, number)
        await outbox.add_readings([reading(value) for value in range(10)])
        assert await outbox.is_full()
        assert len(await outcomes(outbox)) == 3
        await outbox.forget([(await outcomes(outbox))[0].id])
        assert not await outbox.is_full()


async def test_a_command_is_begun_once_also_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        assert await begin(outbox, 1)
        assert not await begin(outbox, 1)
        assert await begin(outbox, 2)
        await finish(outbox, 2)
    async with opened(tmp_path) as outbox:
        assert not await begin(outbox, 1)
        assert not await begin(outbox, 2)
        assert await outbox.interrupted() == [command_id(1)]


async def test_commands_long_past_are_forgotten(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        assert await begin(outbox, 1)
        later_ms = NOW_MS + 90_000_000
        assert await outbox.begin(
            command_id(2), expires_s=later_ms // 1_000, now_ms=later_ms, papers={}
        )
        assert await outbox.interrupted() == [command_id(2)]


async def test_papers_are_kept_with_the_command_that_taught_them(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        await outbox.keep_papers({"home": b"one", "anchor": b"old"})
        await outbox.begin(command_id(1), expires_s=1, now_ms=1_000, papers={"anchor": b"new"})
    async with opened(tmp_path) as outbox:
        assert await outbox.papers() == {"home": b"one", "anchor": b"new"}


async def test_a_new_file_counts_from_where_it_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path, first_counter=1_000_000) as outbox:
        await outbox.add_readings([reading(1)])
        assert payload((await events(outbox))[0]).ctr == 1_000_000


def test_a_failed_signature_leaves_everything_as_it_was(tmp_path: Path) -> None:
    file = DeviceFile(tmp_path / "device.sqlite3", first_counter=1)
    file.add_readings([b"1", b"2"], most=10)

    def fail(counter: int, readings: list[bytes], dropped: int) -> Signed:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        file.pack_readings(fail, records=8, readings_per_record=1, bytes_per_record=100)
    seen: list[tuple[int, list[bytes]]] = []

    def sign(counter: int, readings: list[bytes], dropped: int) -> Signed:
        seen.append((counter, readings))
        return Signed(str(counter), b"")

    file.pack_readings(sign, records=8, readings_per_record=1, bytes_per_record=100)
    file.close()
    assert seen == [(1, [b"1"]), (2, [b"2"])]


def test_a_damaged_file_is_told_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "device.sqlite3"
    path.write_bytes(b"this is not a database, although it is long enough" * 100)
    with pytest.raises(StateDamaged):
        DeviceFile(path, first_counter=1)
    assert path.read_bytes().startswith(b"this is not")


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.unit.devices.test_outbox import begin, events, finish, opened, reading

async def main():
    async with opened(Path(sys.argv[1])) as outbox:
        for number in range(10_000):
            await outbox.add_readings([reading(number)])
            assert await begin(outbox, number)
            await finish(outbox, number)
            if number % 7 == 0:
                await events(outbox)
            print(number, flush=True)

asyncio.run(main())
"""


async def test_nothing_that_was_acknowledged_is_lost_to_kill_9(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    assert writer.stdout is not None
    acknowledged = -1
    while acknowledged < 40:
        acknowledged = int(await writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    rest = (await writer.stdout.read()).split()
    assert await writer.wait() == -signal.SIGKILL
    acknowledged = max([acknowledged, *map(int, rest)])
    async with opened(tmp_path, limits=DeviceLimits(records_in_flight=1_000)) as outbox:
        said = await outcomes(outbox)
        commands = {payload(one).command for one in said}  # type: ignore[union-attr] # outcomes
        told = await events(outbox)
        counters = [payload(one).ctr for one in (*said, *told)]
        assert {command_id(number) for number in range(acknowledged + 1)} <= commands
        assert set(range(acknowledged + 1)) <= set(values(told))
        assert len(set(counters)) == len(counters)


def test_a_request_holds_as_many_records_as_fit() -> None:
    def record(size: int) -> Waiting:
        return Waiting("id", b"x" * size, None)

    assert len(fitting([record(100)] * 500)) == 64
    assert len(fitting([record(16_000)] * 10)) == 3
    assert len(fitting([record(REQUEST_BYTES * 2)] * 2)) == 1


async def test_stills_without_an_outcome_are_cleared_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        kept, lost = await outbox.stills.keep(picture(1)), await outbox.stills.keep(picture(2))
        await begin(outbox, 1)
        draft = OutcomeDraft(
            command=command_id(1), result=OutcomeResult.DONE, at_ms=NOW_MS, media=kept
        )
        await outbox.finish(draft, now_ms=NOW_MS)
    async with opened(tmp_path) as outbox:
        assert await outbox.stills.read(kept) == picture(1)
        assert await outbox.stills.read(lost) is None


@pytest.mark.parametrize("size", [0, JPEG_BYTES + 1])
async def test_a_still_that_no_hub_takes_is_not_kept(tmp_path: Path, size: int) -> None:
    with pytest.raises(BadValue):
        await MediaStore(tmp_path).keep(picture(7)[:size].ljust(size))
