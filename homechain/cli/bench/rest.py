"""A home in which nothing happens: what its hubs take all the same."""

import asyncio
import time
from typing import Final

from homechain.cli.bench.figures import Figure
from homechain.cli.bench.home import BenchHome, Plan
from homechain.cli.output import warn

SETTLE_S: Final = 2.0
MIB: Final = 1024**2


async def measure_rest(home: BenchHome, plan: Plan) -> list[Figure]:
    """Processor and memory of each hub, one value a hub and run. One lock is connected."""
    await asyncio.sleep(SETTLE_S)
    shares: list[float] = []
    resident: list[float] = []
    for run in range(1, plan.runs + 1):
        warn(f"idle: run {run} of {plan.runs}, {plan.idle_seconds:g} s…")
        before, began_s = home.usage(), time.monotonic()
        await asyncio.sleep(plan.idle_seconds)
        after, passed_s = home.usage(), time.monotonic() - began_s
        shares += [100 * (b.cpu_s - a.cpu_s) / passed_s for a, b in zip(before, after, strict=True)]
        resident += [usage.resident_bytes / MIB for usage in after]
    return [
        plan.figure("idle_cpu", "% of a core", shares),
        plan.figure("idle_memory", "MiB", resident),
    ]


def measure_memory_after_load(home: BenchHome, plan: Plan) -> list[Figure]:
    """Memory of each hub now."""
    resident = [usage.resident_bytes / MIB for usage in home.usage()]
    return [plan.figure("memory_after_load", "MiB", resident)]
