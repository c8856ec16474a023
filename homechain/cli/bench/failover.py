"""How long a home is silent when the hub that leads loses its power."""

import asyncio
import time
from typing import Final

from homechain.api.client.transport import JOSE_MEDIA_TYPE
from homechain.cli.bench.figures import Figure
from homechain.cli.bench.home import BenchFailed, BenchHome, Plan
from homechain.cli.bench.load import PATH, check_final
from homechain.cli.bench.wire import Connection, post
from homechain.cli.demo.script import all_level, leader_of
from homechain.cli.output import warn

RECOVERY_S: Final = 60.0
RETRY_S: Final = 0.01
SETTLE_S: Final = 1.0


async def measure_failover(home: BenchHome, plan: Plan) -> list[Figure]:
    """SIGKILL of the leader to the next final record, handed in at a hub that lives."""
    values = []
    for run in range(1, plan.runs + 1):
        values.append(await _kill_leader(home, run))
        warn(f"failover: run {run} of {plan.runs}: {values[-1]:.2f} s")
    return [plan.figure("failover", "s", values)]


async def _kill_leader(home: BenchHome, run: int) -> float:
    household = home.household
    async with household.owner() as anna:
        leader = await leader_of(household, anna)
        term = (await anna.mesh()).term
    living = [hub.description.api[0] for hub in household.hubs if hub is not leader]
    address = living[run % len(living)]
    record = (await home.sensors())[run % len(await home.sensors())].sign(readings=1)
    request = post(PATH, record, media_type=JOSE_MEDIA_TYPE, host=address)
    began_s = time.perf_counter()
    leader.child.process.kill()
    took_s = await _until_final(address, request) - began_s
    await leader.child.process.wait()
    async with household.owner() as anna:
        if (await anna.mesh()).term == term:
            raise BenchFailed("the hub that was killed did not lead: nothing was measured")
    await household.restart_hub(leader)
    await all_level(household)
    await asyncio.sleep(SETTLE_S)
    return took_s


async def _until_final(address: str, request: bytes) -> float:
    """When the record became final; the same bytes again, as long as it is not."""
    trouble: Exception | None = None
    try:
        async with asyncio.timeout(RECOVERY_S):
            while True:
                try:
                    connection = await Connection.open(address)
                    try:
                        check_final(await connection.send(request))
                        return time.perf_counter()
                    finally:
                        connection.close()
                except (OSError, BenchFailed) as error:
                    trouble = error
                await asyncio.sleep(RETRY_S)
    except TimeoutError as error:
        raise BenchFailed(f"nothing final within {RECOVERY_S:g} s ({trouble})") from error
