"""A second hub joins through the command line, and the owner's profile gets to know it."""

import asyncio
from pathlib import Path

import pytest

from homechain import cli
from homechain.cli.demo.processes import Child
from homechain.cli.profile import Profile
from tests.unit.cli.conftest import HERE, Home, Run, Said, run

pytestmark = pytest.mark.slow

__all__ = ["run"]  # the fixture

TRIES = 400
"""Each takes as long as a command does."""


async def until(ask: Run, *words: str, shows: str) -> None:
    """Asks again until the answer shows this."""
    for _ in range(TRIES):
        told = await asyncio.to_thread(ask, *words)
        if told.code == cli.DONE and shows in told.out:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"never said {shows}")


def hub_process(home: Home) -> Child:
    words = ["hub", "run", "--state-dir", str(home.hub), "--config", str(home.config)]
    return Child("hub", words, directory=home.place)


async def test_a_profile_reaches_the_home_by_a_hub_that_came_later(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir(mode=0o700)
    (tmp_path / "second").mkdir(mode=0o700)
    first = Home(tmp_path / "first")
    second = Home(tmp_path / "second", name="Attic")
    await asyncio.to_thread(first.found)

    def ask(*words: str | Path) -> Said:
        return run(*words, *first.as_owner)

    hubs = [hub_process(first), hub_process(second)]
    try:
        await hubs[0].start()
        await until(ask, "hub", "status", shows="Hall")
        code = (await asyncio.to_thread(ask, "hub", "pair", "--json")).facts["code"]
        place = ["--state-dir", second.hub, "--config", second.config]
        words = ["hub", "join", "--code", code, "--address", f"{HERE}:{first.ports[3]}", *place]
        joined = await asyncio.to_thread(run, *words)
        assert joined.code == cli.DONE, joined.err
        assert "Two things are left" in joined.out
        await hubs[1].start()
        await until(ask, "hub", "requests", shows="Attic")
        await until(ask, "hub", "approve", "Attic", shows="Attic belongs to the home")
        await until(ask, "hub", "status", shows="safe with 1 lying hub")
        assert [hub.name for hub in Profile(first.owner).home().hubs] == ["Hall", "Attic"]
        await hubs[0].kill()
        told = await asyncio.to_thread(ask, "person", "list")
        assert (told.code, "Anna" in told.out) == (cli.DONE, True)
    finally:
        for hub in hubs:
            await hub.stop()
