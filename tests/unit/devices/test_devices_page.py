"""The code on the page for device makers is the code that runs."""

import asyncio
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from homechain.model.records import OutcomeResult
from tests.unit.devices.made_hub import House, MadeHub

PAGE = Path(__file__).parents[3] / "docs" / "devices.md"


def example() -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert isinstance(code, str)
    return code


def test_the_example_is_as_short_as_the_page_says() -> None:
    lines = [line for line in example().splitlines() if line.strip()]
    assert len(lines) <= 60


async def test_the_example_registers_obeys_reports_and_refuses(tmp_path: Path) -> None:
    house = House()
    house.home.now_s = int(time.time())
    hub = await MadeHub(house, 0).start()
    shown: list[Any] = []
    namespace: dict[str, Any] = {"__name__": "example", "print": shown.append}
    exec(compile(example(), str(PAGE), "exec"), namespace)

    lock = namespace["make_lock"](tmp_path / "gate", hubs=[hub.address])
    lock.report("bolt", "locked")
    task: asyncio.Task[None] = asyncio.create_task(lock.run())
    try:
        await house.until(lambda: bool(house.descriptions))
        did = next(iter(house.descriptions))
        house.approve(did, name="Garden gate")
        await house.until(lambda: [r.value for r in house.readings()] == ["locked"])
        for arguments in ({"beeps": 2}, {"beeps": 600}):
            house.send(house.order(house.home.owner, did, "unlock", arguments=arguments)[0])
        await house.until(lambda: len(house.outcomes()) == 2)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await hub.stop()
    done, refused = house.outcomes()
    assert (done.result, done.readings[0].value) == (OutcomeResult.DONE, "unlocked")
    assert (refused.result, refused.reason) == (
        OutcomeResult.REFUSED,
        "beeps must be at most 5",
    )
    assert any(len(getattr(event, "digits", "")) == 6 for event in shown)
