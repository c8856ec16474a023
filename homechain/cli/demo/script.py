"""The demo without a terminal: tries the promises on real processes and says how it went."""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from homechain.api.client.errors import ClientError
from homechain.api.client.hub import HubClient
from homechain.api.schema.commands import CommandLife, CommandView
from homechain.api.schema.live import LiveCommand
from homechain.api.schema.records import Receipt
from homechain.cli.demo.household import DemoFailed, Household, HubPlace
from homechain.cli.demo.processes import Child
from homechain.ledger.records import read_record
from homechain.model.ids import digest_text
from homechain.storage.chain import stored_chain

OUTCOME_S: Final = 20.0
RECOVERY_S: Final = 60.0
COMMANDS_LEAST: Final = 10
PAUSE_S: Final = 0.2
_ENDS: Final = {
    CommandLife.DONE,
    CommandLife.DENIED,
    CommandLife.REFUSED,
    CommandLife.FAILED,
    CommandLife.EXPIRED,
}


class Report(Struct, kw_only=True):
    """What the script saw."""

    hubs: int
    height: int = 0
    records_committed: int = 0
    records_lost: int = 0
    guest_unlock: str = "not tried"
    guest_camera: str = "not tried"
    unlock_after_kill: str = "not tried"
    recovery_seconds: float | None = None
    latencies_ms: list[float] = []
    verified: list[bool] = []

    def facts(self) -> dict[str, Any]:
        """The JSON object of `homechain demo --headless --json`."""
        marks = sorted(self.latencies_ms)
        return {
            "hubs": self.hubs,
            "height": self.height,
            "records_committed": self.records_committed,
            "records_lost": self.records_lost,
            "guest_unlock": self.guest_unlock,
            "guest_camera": self.guest_camera,
            "unlock_after_kill": self.unlock_after_kill,
            "recovery_seconds": self.recovery_seconds,
            "command_ms": {
                "p50": round(statistics.median(marks), 1) if marks else None,
                "p99": round(marks[max(0, -(-len(marks) * 99 // 100) - 1)], 1) if marks else None,
                "count": len(marks),
            },
            "verified": self.verified,
        }

    def complaints(self) -> list[str]:
        """What did not hold; empty if all did."""
        checks = {
            "an acknowledged record is missing": self.records_lost == 0,
            "the guest could not unlock the front door": self.guest_unlock == "allowed",
            "the guest was not refused the camera": self.guest_camera == "denied",
            "the door did not open after a hub was killed": self.unlock_after_kill == "allowed",
            "nothing became final after a hub was killed": self.recovery_seconds is not None,
            "a hub's ledger does not verify": len(self.verified) == self.hubs
            and all(self.verified),
        }
        return [complaint for complaint, holds in checks.items() if not holds]


class Witness:
    """Remembers every record that the home acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()

    def saw(self, receipt: Receipt) -> Receipt:
        """It is final, says a hub."""
        self.acknowledged.add(receipt.id)
        return receipt


async def try_promises(
    household: Household, *, seconds: float, on_step: Callable[[str], None]
) -> Report:
    """Unlocks as the guest, is refused, kills the leader, unlocks again, verifies every ledger."""
    began_s = time.monotonic()
    report = Report(hubs=len(household.hubs))
    witness = Witness()
    async with household.guest() as guest, household.owner() as anna:
        devices = {device.name: device.did for device in await anna.devices()}
        front, porch = devices["Front door"], devices["Porch camera"]
        on_step("The cleaner unlocks the front door…")
        report.guest_unlock = await _unlock(guest, anna, front, witness)
        on_step("…and is refused the camera.")
        receipt = witness.saw(await guest.command(porch, "still"))
        assert receipt.decision is not None, "a command's receipt carries its decision"
        report.guest_camera = "allowed" if receipt.decision.allowed else "denied"
        until_s = began_s + seconds / 2
        while len(report.latencies_ms) < COMMANDS_LEAST or time.monotonic() < until_s:
            action = "lock" if len(report.latencies_ms) % 2 == 0 else "unlock"
            began = time.monotonic()
            await _outcome(guest, anna, front, action, witness)
            report.latencies_ms.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(PAUSE_S)
        leader = await leader_of(household, anna)
        on_step(f"Hub {leader.name} leads. Killing it…")
    report.recovery_seconds, report.unlock_after_kill = await _kill(
        household, leader, front, witness
    )
    on_step(f"Final again after {report.recovery_seconds} s. Starting {leader.name} again…")
    await household.restart_hub(leader)
    await all_level(household)
    rest_s = began_s + seconds - time.monotonic()
    if rest_s > 0:
        await asyncio.sleep(rest_s)
    await asyncio.gather(*(device.stop() for device in household.devices.values()))
    await all_level(household)
    await asyncio.gather(*(hub.child.stop() for hub in household.hubs))
    on_step("Verifying every hub's ledger…")
    await _verify(household, report, witness)
    return report


async def _unlock(guest: HubClient, anna: HubClient, device: str, witness: Witness) -> str:
    seen = await _outcome(guest, anna, device, "unlock", witness)
    if not seen.decision.allowed:
        return "denied"
    return "allowed" if seen.life is CommandLife.DONE else seen.life.value


async def _outcome(
    guest: HubClient, watcher: HubClient, device: str, action: str, witness: Witness
) -> CommandView:
    """Sends a command and waits, on the live feed, for the device's own word to be final."""
    ended: dict[str, CommandView] = {}
    news = asyncio.Event()

    async def watch() -> None:
        async for item in watcher.stream():
            if isinstance(item, LiveCommand) and item.command.life in _ENDS:
                ended[item.command.id] = item.command
            news.set()

    watching = asyncio.create_task(watch())
    try:
        async with asyncio.timeout(OUTCOME_S):
            await news.wait()  # the feed is open
            receipt = witness.saw(await guest.command(device, action))
            while receipt.id not in ended:
                news.clear()
                await news.wait()
            return ended[receipt.id]
    except TimeoutError as error:
        raise DemoFailed(f"no outcome of {action} within {OUTCOME_S:g} s") from error
    finally:
        watching.cancel()


async def leader_of(household: Household, anna: HubClient) -> HubPlace:
    """The hub that leads, as the hub that answers sees it. `DemoFailed` if none does."""
    mesh = await anna.mesh()
    leader = next((hub.did for hub in mesh.hubs if hub.leader), None)
    for hub in household.hubs:
        if hub.description.hub == leader:
            return hub
    raise DemoFailed("no hub leads")


async def _kill(
    household: Household, leader: HubPlace, front: str, witness: Witness
) -> tuple[float | None, str]:
    """SIGKILL to the leader; seconds until the next final record, and whether the door opens."""
    await leader.child.kill()
    killed_s = time.monotonic()
    # Clients made now do not know the dead hub, so what is measured is the home and not a client.
    async with household.guest() as guest, household.owner() as anna:
        recovery_s = None
        async with asyncio.timeout(RECOVERY_S):
            while recovery_s is None:
                try:
                    witness.saw(await guest.command(front, "lock"))
                    recovery_s = round(time.monotonic() - killed_s, 3)
                except ClientError:
                    await asyncio.sleep(PAUSE_S / 10)
        return recovery_s, await _unlock(guest, anna, front, witness)


async def all_level(household: Household) -> None:
    """Waits until every hub has the same head; `TimeoutError` after `RECOVERY_S`."""
    async with household.owner() as anna, asyncio.timeout(RECOVERY_S):
        while True:
            mesh = await anna.mesh()
            if all(hub.lag == 0 for hub in mesh.hubs) and len(mesh.hubs) == len(household.hubs):
                return
            await asyncio.sleep(PAUSE_S)


async def _verify(household: Household, report: Report, witness: Witness) -> None:
    heights = []
    for hub in household.hubs:
        words = ["ledger", "verify", str(hub.directory.path), "--json"]
        child = Child(f"verify-{hub.child.name}", words, directory=household.place)
        code = await child.run()
        lines = child.log.read_text(encoding="utf-8").splitlines()
        facts = msgspec.json.decode(lines[-1]) if lines else {}
        report.verified.append(code == 0 and facts.get("verified") is True)
        heights.append(facts.get("final_height", 0))
        found = await asyncio.to_thread(_record_ids, hub.directory.path)
        report.records_committed = max(report.records_committed, len(found))
        report.records_lost = max(report.records_lost, len(witness.acknowledged - found))
    report.height = max(heights)


def _record_ids(directory: Path) -> set[str]:
    return {
        digest_text(read_record(raw).id)
        for block in stored_chain(directory)
        for raw in block.block.records
    }
