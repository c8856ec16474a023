"""How much a home takes in: signed readings through the device interface, answered when final.

Each sender has one connection and sends the next post when the one before is final, so what is
measured is what devices get that wait for their receipts. Everything is signed before the clock
starts, and the senders do not live in a hub's process.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from homechain.api.client.transport import JOSE_MEDIA_TYPE, JSON_MEDIA_TYPE
from homechain.api.schema.records import BatchResult, Receipt, ReceiptStatus
from homechain.cli.bench.figures import Figure, percentile
from homechain.cli.bench.home import BenchFailed, BenchHome, Plan, Stored
from homechain.cli.bench.rest import cpu_between
from homechain.cli.bench.sensors import Sensor, batch_body
from homechain.cli.bench.wire import Answer, Connection, post
from homechain.cli.output import warn

WARM_UP_POSTS: Final = 10
WARM_UP_S: Final = 3.0
MARGIN: Final = 1.5
"""So much more is signed than the last run needed, that no sender runs dry."""
PATH: Final = "/v1/events"


class Load(Struct, frozen=True, kw_only=True):
    """Who sends how much at once."""

    name: str
    senders: int
    sensors_each: int = 1
    """More than one behind a gateway."""
    records_per_post: int = 1
    readings: int = 1
    """In one record."""


LOADS: Final = (
    Load(name="records_1_device", senders=1),
    Load(name="records_16_devices", senders=16),
    Load(name="records_64_devices", senders=64),
    Load(name="readings_50_a_record", senders=64, readings=50),
    Load(name="records_100_a_post", senders=8, sensors_each=8, records_per_post=100),
)


class Done(Struct, frozen=True, kw_only=True):
    """One post whose records are all final."""

    at_s: float
    took_s: float


class Run(Struct, frozen=True, kw_only=True):
    """What one run showed."""

    records_per_s: float
    p50_ms: float
    hub_cpu_us: float
    """Of one hub for one record."""
    stored_bytes: float
    """In one hub's ledger for one record."""


async def measure_load(home: BenchHome, plan: Plan, load: Load) -> list[Figure]:
    """Records a second, and what a record costs in waiting, processor and disk."""
    sensors = await home.sensors()
    warn(f"{load.name}: warming up…")
    warm = await _run(home, load, sensors, posts=WARM_UP_POSTS, seconds=WARM_UP_S)
    most = warm.records_per_s
    runs: list[Run] = []
    for number in range(1, plan.runs + 1):
        posts = posts_for(load, records_per_s=most, seconds=plan.seconds)
        # Another sensor and another hub each time: no run profits from the one before.
        turned = sensors[number:] + sensors[:number]
        run = await _run(home, load, turned, posts=posts, seconds=plan.seconds, first_hub=number)
        runs.append(run)
        most = max(most, run.records_per_s)
        warn(f"{load.name}: run {number} of {plan.runs}: {run.records_per_s:,.0f} records/s")
    return _figures(plan, load, runs)


def posts_for(load: Load, *, records_per_s: float, seconds: float) -> int:
    """Posts that each sender needs for `seconds`, with some to spare."""
    posts_per_s = records_per_s / load.records_per_post / load.senders
    return math.ceil(posts_per_s * seconds * MARGIN) + 2


def _figures(plan: Plan, load: Load, runs: Sequence[Run]) -> list[Figure]:
    rates = [run.records_per_s for run in runs]
    figures = []
    if load.readings > 1:
        readings = [rate * load.readings for rate in rates]
        figures.append(plan.figure(load.name, "readings/s", readings))
        figures.append(plan.figure(f"{load.name}_records", "records/s", rates))
    else:
        figures.append(plan.figure(load.name, "records/s", rates))
    figures += [
        plan.figure(f"{load.name}_p50", "ms/post", [run.p50_ms for run in runs]),
        plan.figure(f"{load.name}_hub_cpu", "µs/record", [run.hub_cpu_us for run in runs]),
        plan.figure(f"{load.name}_stored", "bytes/record", [run.stored_bytes for run in runs]),
    ]
    return figures


async def _run(
    home: BenchHome,
    load: Load,
    sensors: Sequence[Sensor],
    *,
    posts: int,
    seconds: float,
    first_hub: int = 0,
) -> Run:
    addresses = home.addresses
    signed = []
    for sender in range(load.senders):
        behind = sensors[sender * load.sensors_each : (sender + 1) * load.sensors_each]
        address = addresses[(first_hub + sender) % len(addresses)]
        signed.append((address, [_post(load, behind, host=address) for _ in range(posts)]))
    connections = [await Connection.open(address) for address, _ in signed]
    stored, used = home.stored(), home.usage()
    try:
        began_s = time.perf_counter()
        sent = await asyncio.gather(
            *(
                _send_all(connection, requests, until_s=began_s + seconds)
                for connection, (_, requests) in zip(connections, signed, strict=True)
            )
        )
    finally:
        for connection in connections:
            connection.close()
    done_records = sum(len(done) for done in sent) * load.records_per_post
    spent_s = cpu_between(used, home.usage())
    return summed(
        sent,
        began_s=began_s,
        until_s=began_s + seconds,
        posts=posts,
        records_per_post=load.records_per_post,
        hub_cpu_us=1e6 * sum(spent_s) / len(spent_s) / done_records,
        stored_bytes=_growth(stored, home.stored()),
    )


def summed(
    sent: Sequence[Sequence[Done]],
    *,
    began_s: float,
    until_s: float,
    posts: int,
    records_per_post: int,
    hub_cpu_us: float,
    stored_bytes: float,
) -> Run:
    """The run in figures.

    It ends where the first sender ran dry, if that was before its time, but not before each sender
    had one post final.
    """
    dry_s = [done[-1].at_s for done in sent if len(done) == posts]
    end_s = max(min([until_s, *dry_s]), *(done[0].at_s for done in sent))
    counted = [done for each in sent for done in each if done.at_s <= end_s]
    return Run(
        records_per_s=len(counted) * records_per_post / (end_s - began_s),
        p50_ms=1000 * percentile([done.took_s for done in counted], 50),
        hub_cpu_us=hub_cpu_us,
        stored_bytes=stored_bytes,
    )


async def _send_all(
    connection: Connection, requests: Sequence[bytes], *, until_s: float
) -> list[Done]:
    done: list[Done] = []
    for request in requests:
        began_s = time.perf_counter()
        if done and began_s >= until_s:
            break
        check_final(await connection.send(request))
        at_s = time.perf_counter()
        done.append(Done(at_s=at_s, took_s=at_s - began_s))
    return done


def check_final(answer: Answer) -> None:
    """Raise `BenchFailed` unless everything that was posted is final."""
    if answer.status == 200:
        if b'"results"' in answer.body[:16]:
            results = msgspec.json.decode(answer.body, type=BatchResult).results
            receipts = [result.receipt for result in results]
        else:
            receipts = [msgspec.json.decode(answer.body, type=Receipt)]
        if all(each is not None and each.status is ReceiptStatus.FINAL for each in receipts):
            return
    words = answer.body[:300].decode("utf-8", errors="replace")
    raise BenchFailed(f"a hub answered {answer.status}: {words}")


def _post(load: Load, sensors: Sequence[Sensor], *, host: str) -> bytes:
    records = [
        sensors[number % len(sensors)].sign(readings=load.readings)
        for number in range(load.records_per_post)
    ]
    if len(records) == 1:
        return post(PATH, records[0], media_type=JOSE_MEDIA_TYPE, host=host)
    return post(PATH, batch_body(records), media_type=JSON_MEDIA_TYPE, host=host)


def _growth(before: Stored, after: Stored) -> float:
    return (after.ledger_bytes - before.ledger_bytes) / max(1, after.records - before.records)
