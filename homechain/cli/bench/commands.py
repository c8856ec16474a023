"""How long a person waits: from a signed request to the lock's own word that it is done."""

import asyncio
import time
from typing import Final

from homechain.api.client.hub import HubClient
from homechain.api.schema.commands import CommandLife, CommandView
from homechain.api.schema.live import LiveCommand
from homechain.cli.bench.figures import Figure, percentile
from homechain.cli.bench.home import LOCK, BenchFailed, BenchHome, Plan
from homechain.cli.output import warn
from homechain.model.limits import COMMAND_LIFETIME_S
from homechain.model.records import CommandRecord

OUTCOME_S: Final = 20.0
PAUSE_S: Final = 0.05
"""Between commands, so that each meets an idle home."""
_ENDS: Final = frozenset(
    {
        CommandLife.DONE,
        CommandLife.DENIED,
        CommandLife.REFUSED,
        CommandLife.FAILED,
        CommandLife.EXPIRED,
    }
)


class Outcomes:
    """Commands that came to their end, as the live feed tells."""

    def __init__(self) -> None:
        self._ended: dict[str, CommandView] = {}
        self._news = asyncio.Event()

    async def watch(self, client: HubClient) -> None:
        """Reads the feed until cancelled."""
        async for item in client.stream():
            if isinstance(item, LiveCommand) and item.command.life in _ENDS:
                self._ended[item.command.id] = item.command
            self._news.set()

    async def opened(self) -> None:
        """Returns once the feed has spoken."""
        await self._news.wait()

    async def of(self, command: str) -> CommandView:
        """The command's end."""
        while command not in self._ended:
            self._news.clear()
            await self._news.wait()
        return self._ended.pop(command)


async def measure_commands(home: BenchHome, plan: Plan) -> list[Figure]:
    """Request to decision, and request to outcome: median and 99th percentile of each run."""
    devices = {device.name: device.did for device in await home.anna.devices()}
    outcomes = Outcomes()
    decided: list[list[float]] = []
    done: list[list[float]] = []
    async with home.household.owner() as watcher:
        watching = asyncio.create_task(outcomes.watch(watcher))
        try:
            await outcomes.opened()
            for run in range(1, plan.runs + 1):
                decided.append([])
                done.append([])
                for number in range(plan.commands):
                    action = "unlock" if number % 2 == 0 else "lock"
                    marks = await _command(home.anna, outcomes, devices[LOCK.name], action)
                    decided[-1].append(1000 * marks[0])
                    done[-1].append(1000 * marks[1])
                    await asyncio.sleep(PAUSE_S)
                warn(f"commands: run {run} of {plan.runs}: {percentile(done[-1], 50):.1f} ms")
        finally:
            watching.cancel()
    return [
        plan.figure("command_decided_p50", "ms", [percentile(run, 50) for run in decided]),
        plan.figure("command_p50", "ms", [percentile(run, 50) for run in done]),
        plan.figure("command_p99", "ms", [percentile(run, 99) for run in done]),
    ]


async def _command(
    anna: HubClient, outcomes: Outcomes, device: str, action: str
) -> tuple[float, float]:
    """Seconds to the final decision, and to the final outcome."""
    raw = await anna.sign(
        CommandRecord,
        device=device,
        action=action,
        arguments={},
        exp=int(time.time()) + COMMAND_LIFETIME_S,
    )
    began_s = time.perf_counter()
    try:
        async with asyncio.timeout(OUTCOME_S):
            receipt = await anna.post_record(raw)
            decided_s = time.perf_counter() - began_s
            ended = await outcomes.of(receipt.id)
    except TimeoutError as error:
        raise BenchFailed(f"no outcome of {action} within {OUTCOME_S:g} s") from error
    if ended.life is not CommandLife.DONE:
        raise BenchFailed(f"{action} ended as {ended.life.value}")
    return decided_s, time.perf_counter() - began_s
