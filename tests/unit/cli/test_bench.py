"""`homechain bench`: its arithmetic, what it reads of the machine, and how it tells."""

import argparse
import asyncio
import json
import os
from pathlib import Path

import msgspec
import pytest

from homechain import cli
from homechain.api.schema.records import RecordBatch
from homechain.cli import bench
from homechain.cli.bench.figures import Figure, percentile, ratio, rows, shortened, spelled
from homechain.cli.bench.home import BenchFailed, Plan
from homechain.cli.bench.load import LOADS, Done, check_final, posts_for, summed
from homechain.cli.bench.machine import (
    describe_machine,
    file_system,
    memory_gib,
    processor_model,
)
from homechain.cli.bench.rest import cpu_between
from homechain.cli.bench.sensors import Sensor, batch_body
from homechain.cli.bench.usage import (
    TICKS_PER_S,
    Usage,
    busy_s,
    busy_seconds,
    cpu_seconds,
    resident_bytes,
    usage_of,
)
from homechain.cli.bench.wire import Answer, Connection, post, read_answer
from homechain.crypto.hashing import b64u, sha256
from homechain.crypto.keys import PrivateKey
from homechain.ledger.records import read_description, read_record, verify_record
from homechain.model.limits import RECORD_BYTES
from homechain.model.records import EventRecord

HOME = b64u(sha256(b"a home"))
HUB = PrivateKey.from_seed(bytes(32)).public.did


def figure(name: str, *values: float) -> Figure:
    return Figure(name=name, unit="1/s", values=values, command="homechain bench")


# ---------------------------------------------------------------- figures


def test_a_figure_tells_its_spread_and_its_command() -> None:
    assert figure("verify", 16_512.7, 18_000.0, 12.345).facts() == {
        "name": "verify",
        "unit": "1/s",
        "median": 16_513,
        "min": 12.3,
        "max": 18_000,
        "runs": 3,
        "command": "homechain bench",
    }


@pytest.mark.parametrize(
    ("value", "short", "words"),
    [
        (0.0, 0, "0"),
        (0.012345, 0.0123, "0.0123"),
        (9.996, 10.0, "10.0"),
        (99.96, 100.0, "100"),
        (123.4, 123, "123"),
        (1_234_567.8, 1_234_568, "1,234,568"),
    ],
)
def test_figures_show_no_digits_that_mean_nothing(value: float, short: float, words: str) -> None:
    assert shortened(value) == short
    assert spelled(value) == words


def test_percentiles_are_values_that_were_measured() -> None:
    marks = [float(mark) for mark in range(100, 0, -1)]
    assert percentile(marks, 50) == 50
    assert percentile(marks, 99) == 99
    assert percentile(marks, 100) == 100
    assert percentile([7.0], 1) == 7


def test_a_table_row_holds_median_unit_and_spread() -> None:
    assert rows([figure("verify", 3.0, 1.0, 2.0)]) == [
        ("verify", "2.00", "1/s", "1.00", "3.00", "3")
    ]


def test_a_ratio_needs_both_figures() -> None:
    both = [figure("load", 50.0), figure("verify", 200.0)]
    found = ratio(both, name="load_to_verify", of="load", to="verify", unit="x")
    assert found is not None
    assert found.values == (0.25,)
    assert ratio(both[:1], name="load_to_verify", of="load", to="verify", unit="x") is None


def test_ratios_give_a_record_in_bare_verifications() -> None:
    measured = [
        figure("verify", 20_000.0),
        figure("records_64_devices", 5_000.0),
        figure("records_64_devices_hub_cpu", 100.0, 150.0),
    ]
    found = {each.name: each.values for each in bench.ratios(measured)}
    assert found == {
        "records_64_devices_to_verify": (0.25,),
        "records_64_devices_hub_cpu_worth": (2.0, 3.0),
    }


def test_a_figure_says_how_to_get_it_again() -> None:
    plan = Plan(words=("--only", "verify", "--dir", "a place"))
    assert plan.figure("verify", "1/s", [1.0]).command == (
        "homechain bench --only verify --dir 'a place'"
    )


# ---------------------------------------------------------------- the machine


def test_processor_time_is_read_behind_a_hostile_name() -> None:
    fields = ["S", *["0"] * 10, str(3 * TICKS_PER_S), str(2 * TICKS_PER_S), "99"]
    assert cpu_seconds(f"42 (a ) 7 (b) {' '.join(fields)}\n") == 5.0


def test_memory_is_what_is_resident() -> None:
    assert resident_bytes("Name:\tpython\nVmPeak:\t  900 kB\nVmRSS:\t  512 kB\n") == 512 * 1024
    with pytest.raises(ValueError, match="VmRSS"):
        resident_bytes("Name:\tgone\n")


def test_a_machine_is_busy_with_all_but_waiting() -> None:
    stat = (
        f"cpu  {TICKS_PER_S} {TICKS_PER_S} {TICKS_PER_S} 900 900 0 0 {TICKS_PER_S} 77 0\ncpu0 1 1\n"
    )
    assert busy_seconds(stat) == 4.0
    assert busy_s() > 0


def test_a_hub_is_charged_for_what_it_took_meanwhile() -> None:
    before = [Usage(cpu_s=1.0, resident_bytes=1), Usage(cpu_s=2.0, resident_bytes=1)]
    after = [Usage(cpu_s=1.5, resident_bytes=1), Usage(cpu_s=4.0, resident_bytes=1)]
    assert cpu_between(before, after) == [0.5, 2.0]


def test_usage_of_this_very_process() -> None:
    usage = usage_of(os.getpid())
    assert usage.cpu_s > 0
    assert usage.resident_bytes > 1024**2


def test_the_machine_is_described(tmp_path: Path) -> None:
    told = "\n".join(describe_machine(tmp_path))
    assert "SQLite" in told
    assert "cores" in told


def test_processors_are_named_on_large_and_small_boxes() -> None:
    assert processor_model("processor\t: 0\nmodel name\t: Fast One\n") == "Fast One"
    assert processor_model("processor\t: 0\nModel\t\t: Raspberry Pi 5\n") == "Raspberry Pi 5"
    assert processor_model("") == "unknown processor"
    assert memory_gib("MemTotal:  2097152 kB\n") == 2.0
    assert memory_gib("") == 0.0


def test_the_file_system_is_the_one_mounted_deepest() -> None:
    mounts = "/dev/a / ext4 rw 0 0\ntmpfs /var tmpfs rw 0 0\n/dev/b /var/lib\\040x btrfs rw 0 0\n"
    assert file_system(mounts, Path("/srv/hub")) == "ext4"
    assert file_system(mounts, Path("/var/hub")) == "tmpfs"
    assert file_system(mounts, Path("/var/lib x/hub")) == "btrfs"


# ---------------------------------------------------------------- the wire


def test_an_answer_is_read_once_it_is_whole() -> None:
    whole = b"HTTP/1.1 202 Accepted\r\ncontent-Length: 4\r\nX: y\r\n\r\nbody"
    assert [read_answer(whole[:end]) for end in range(len(whole))] == [None] * len(whole)
    assert read_answer(whole) == Answer(202, b"body")
    with pytest.raises(ConnectionError, match="length"):
        read_answer(b"HTTP/1.1 200 OK\r\n\r\n")


async def test_a_connection_serves_one_request_after_the_other() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(head + await reader.readexactly(5))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = await Connection.open(f"127.0.0.1:{port}")
        request = post("/v1/events", b"hello", media_type="text/plain", host="127.0.0.1")
        assert await connection.send(request) == Answer(200, b"ok")
        assert await connection.send(request) == Answer(200, b"ok")
        with pytest.raises(ConnectionError):
            await connection.send(request)
        connection.close()
    assert seen == [request, request]


# ---------------------------------------------------------------- the load


def test_sensors_sign_what_a_hub_takes() -> None:
    sensor = Sensor.make(HOME)
    first, second = (read_record(sensor.sign(readings=50)) for _ in range(2))
    assert verify_record(first)
    assert len(first.raw) <= RECORD_BYTES
    assert isinstance(first.payload, EventRecord)
    assert isinstance(second.payload, EventRecord)
    assert second.payload.ctr == first.payload.ctr + 1
    times = [each.at for each in first.payload.readings + second.payload.readings]
    assert times == sorted(set(times))


def test_sensors_describe_themselves_as_devices_do() -> None:
    sensor = Sensor.make(HOME)
    description = read_description(sensor.describe(HUB).encode("ascii")).payload
    assert (description.iss, description.home, description.hub) == (sensor.did, HOME, HUB)


def test_a_gateway_posts_its_sensors_records_in_one_body() -> None:
    records = [Sensor.make(HOME).sign(readings=1) for _ in range(3)]
    batch = msgspec.json.decode(batch_body(records), type=RecordBatch)
    assert [record.encode("ascii") for record in batch.records] == records


def test_loads_are_named_as_the_command_line_names_them() -> None:
    assert tuple(load.name for load in LOADS) == bench.LOADS


def test_senders_get_more_than_they_can_send() -> None:
    gateway = LOADS[-1]
    assert (
        gateway.senders
        * gateway.records_per_post
        * posts_for(gateway, records_per_s=8_000, seconds=3)
        >= 1.5 * 8_000 * 3
    )


def marks(*at_s: float) -> list[Done]:
    return [Done(at_s=each, took_s=0.25) for each in at_s]


def test_a_run_counts_what_was_final_in_its_time() -> None:
    run = summed(
        [marks(10.5, 11.5, 12.25), marks(11.0)],
        began_s=10.0,
        until_s=12.0,
        posts=99,
        records_per_post=10,
        hub_cpu_us=1.0,
        stored_bytes=2.0,
    )
    assert run.records_per_s == 15
    assert run.p50_ms == 250


def test_a_run_ends_when_a_sender_has_nothing_more_to_send() -> None:
    run = summed(
        [marks(10.5, 11.0), marks(10.75, 11.75)],
        began_s=10.0,
        until_s=20.0,
        posts=2,
        records_per_post=1,
        hub_cpu_us=1.0,
        stored_bytes=2.0,
    )
    assert run.records_per_s == 3


def test_a_run_lasts_until_each_sender_had_an_answer() -> None:
    run = summed(
        [marks(11.0, 12.0), marks(14.0)],
        began_s=10.0,
        until_s=11.5,
        posts=99,
        records_per_post=4,
        hub_cpu_us=1.0,
        stored_bytes=2.0,
    )
    assert run.records_per_s == 3


FINAL = b'{"id":"%s","status":"final"}' % HOME.encode("ascii")
ACCEPTED = FINAL.replace(b"final", b"accepted")


@pytest.mark.parametrize("body", [FINAL, b'{"results":[{"receipt":%s}]}' % FINAL])
def test_what_is_final_counts(body: bytes) -> None:
    check_final(Answer(200, body))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, b'{"title":"slow down"}'),
        Answer(200, ACCEPTED),
        Answer(200, b'{"results":[{"receipt":%s},{"receipt":%s}]}' % (FINAL, ACCEPTED)),
        Answer(200, b'{"results":[{}]}'),
    ],
)
def test_what_is_refused_or_not_final_fails_the_bench(answer: Answer) -> None:
    with pytest.raises(BenchFailed, match=f"answered {answer.status}"):
        check_final(answer)


# ---------------------------------------------------------------- the command


def test_figures_are_chosen_by_name() -> None:
    parser = argparse.ArgumentParser()
    bench.configure(parser)
    assert parser.parse_args(["--only", "fsync,failover"]).only == ("fsync", "failover")
    assert parser.parse_args([]).only == (*bench.BARE, *bench.AT_HOME)


@pytest.mark.parametrize(
    "words", [["--only", "warp"], ["--runs", "0"], ["--seconds", "0"], ["--seconds", "nan"]]
)
def test_nonsense_is_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", *words])
    assert ended.value.code == cli.USAGE
    assert "error" in capsys.readouterr().err


def test_json_is_one_object_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "--only", "verify,fsync", "--runs", "1", "--dir", str(tmp_path), "--json"]
    assert cli.main(words) == cli.DONE
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["name"] for each in told] == ["verify", "fsync"]
    assert all(each["min"] <= each["median"] <= each["max"] for each in told)
    assert list(tmp_path.iterdir()) == []


def test_people_get_a_table_under_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--only", "fsync", "--runs", "1"]) == cli.DONE
    told = capsys.readouterr().out.splitlines()
    assert "cores" in told[0]
    assert told[-3].startswith("load average after")
    assert told[-2].split() == ["FIGURE", "MEDIAN", "UNIT", "MIN", "MAX", "RUNS"]
    assert told[-1].startswith("fsync")
