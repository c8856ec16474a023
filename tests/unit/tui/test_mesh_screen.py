from typing import Any

import pytest
from msgspec.structs import replace

from homechain.api.schema.records import RecordPage
from homechain.model.records import HubRecord
from homechain_tui.screens.mesh import advice, newest_description
from tests.fakes.dashboard_client import client_of
from tests.fakes.dashboard_morning import lived_in_home
from tests.fakes.dashboard_views import mesh_view
from tests.unit.tui.driving import driven


async def test_hubs_their_lag_and_their_clocks_are_shown() -> None:
    home = lived_in_home()
    home.linked = 2
    async with driven(home) as dashboard:
        await dashboard.press("5")
        kitchen, attic, cellar = dashboard.lines("#hubs")
        assert kitchen.split() == ["●", "kitchen", "leader", "this", "one", "#15"]
        assert attic.split()[2:] == [
            "member",
            "linked",
            "#14",
            "(1",
            "behind)",
            "0.8",
            "ms",
            "+12",
            "ms",
        ]
        assert cellar.startswith("✗ cellar")
        assert "NO LINK" in cellar
        assert home.hubs[0] in dashboard.text("#hub")
        await dashboard.press("down")
        assert home.hubs[1] in dashboard.text("#hub")
        assert "192.0.2.11:8442" in dashboard.text("#hub")


async def test_an_owner_removes_a_hub_after_a_question() -> None:
    home = lived_in_home()
    async with driven(home) as dashboard:
        await dashboard.press("5", "down", "r")
        assert dashboard.text(".question") == "Remove the hub attic from this home?"
        await dashboard.press("y")
        newest = home.chain.views[-1]
        assert (newest.kind, newest.payload["removed"]) == (HubRecord.KIND, True)
        assert newest.payload["hub"]["hub"] == home.hubs[1]
        assert dashboard.notes() == ["attic is no hub of this home any more."]


async def test_nobody_else_removes_a_hub() -> None:
    home = lived_in_home()
    async with driven(home, person=home.ben) as dashboard:
        await dashboard.press("5", "r")
        assert dashboard.place == "MeshScreen"
        assert dashboard.notes() == ["Only an owner removes a hub. Ask one."]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 1}, "let a second and a third one join"),
        ({"size": 2}, "Two hubs cannot lose one"),
        ({"fresh": False}, "nothing new is decided"),
        ({}, "Safe with 0 lying hubs, keeps going with 1 down."),
    ],
)
def test_the_home_is_told_what_it_survives(changes: dict[str, Any], words: str) -> None:
    mesh = replace(mesh_view(lived_in_home()), **changes)
    assert words in advice(mesh).plain


async def test_the_newest_record_describes_a_hub() -> None:
    home = lived_in_home()
    page = await client_of(home).records(kinds=("hub",))
    description = newest_description(page, home.hubs[2])
    assert not isinstance(description, str)
    assert description.name == "cellar"
    missing = newest_description(RecordPage(records=[], more=False), home.hubs[2])
    assert isinstance(missing, str)
    genesis = replace(
        page.records[0], kind="genesis", payload={"hubs": [page.records[0].payload["hub"]]}
    )
    founded = newest_description(RecordPage(records=[genesis], more=False), home.hubs[2])
    assert founded == description
