"""A home in which nothing happens: what its hubs take all the same, and what others take."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Final

from homechain.cli.bench.figures import Figure
from homechain.cli.bench.home import BenchHome, Plan
from homechain.cli.bench.usage import Usage, busy_s
from homechain.cli.output import warn

SETTLE_S: Final = 2.0
MIB: Final = 1024**2


async def measure_rest(home: BenchHome, plan: Plan) -> list[Figure]:
    """Processor and memory of each hub, one value a hub and run. One lock is connected.

    `others_cpu` is what all other programs took of the machine meanwhile: where it is not small,
    figures that hold a time are too high, and rates too low.
    """
    await asyncio.sleep(SETTLE_S)
    shares: list[float] = []
    resident: list[float] = []
    others: list[float] = []
    for run in range(1, plan.runs + 1):
        warn(f"idle: run {run} of {plan.runs}, {plan.idle_seconds:g} s…")
        before, busy_before_s, began_s = home.usage(), busy_s(), time.monotonic()
        await asyncio.sleep(plan.idle_seconds)
        after, busy_after_s, passed_s = home.usage(), busy_s(), time.monotonic() - began_s
        spent_s = cpu_between(before, after)
        shares += [100 * each / passed_s for each in spent_s]
        resident += [usage.resident_bytes / MIB for usage in after]
        cores_s = passed_s * (os.cpu_count() or 1)
        others.append(100 * max(0.0, busy_after_s - busy_before_s - sum(spent_s)) / cores_s)
    return [
        plan.figure("others_cpu", "% of all cores", others),
        plan.figure("idle_cpu", "% of a core", shares),
        plan.figure("idle_memory", "MiB", resident),
    ]


def cpu_between(before: Sequence[Usage], after: Sequence[Usage]) -> list[float]:
    """Seconds of processor time that each hub took."""
    return [b.cpu_s - a.cpu_s for a, b in zip(before, after, strict=True)]


def measure_memory_after_load(home: BenchHome, plan: Plan) -> list[Figure]:
    """Memory of each hub now."""
    resident = [usage.resident_bytes / MIB for usage in home.usage()]
    return [plan.figure("memory_after_load", "MiB", resident)]
