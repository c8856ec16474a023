"""A person's client: pinned hubs, fail-over, records that enter once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from homechain.api.client import (
    HubClient,
    HubEndpoint,
    HubProblem,
    HubUnreachable,
    LiveLost,
    endpoints_of,
)
from homechain.api.schema.live import LiveBlock, LiveHello
from homechain.api.schema.problems import ProblemCode
from homechain.api.server.limits import ApiLimits
from homechain.crypto.hashing import b64u
from homechain.mesh.certificate import make_certificate
from homechain.model.records import HubDescription
from tests.fakes.home import made_key
from tests.fakes.hub import FakeHub
from tests.unit.api.conftest import TIMEOUTS, Door, Household, opened


async def nothing(seconds: float) -> None:
    """A pause that takes no time."""


class Doors:
    """Three hubs of one home."""

    def __init__(self, doors: list[Door]) -> None:
        self.doors = doors

    @property
    def endpoints(self) -> list[HubEndpoint]:
        return [door.pinned for door in self.doors]

    async def stop(self, number: int) -> None:
        await self.doors[number].servers.__aexit__(None, None, None)


@pytest.fixture
async def doors(household: Household) -> AsyncIterator[Doors]:
    limits = ApiLimits(final_wait_s=0.05)
    made = [await opened(FakeHub(household.home, number=n), limits) for n in range(3)]
    yield Doors(made)
    for door in made:
        await door.close()
        await door.servers.__aexit__(None, None, None)


async def test_the_next_hub_answers_when_one_is_gone(doors: Doors, household: Household) -> None:
    client = doors.doors[0].person(household.owner, *doors.endpoints)
    assert (await client.home()).hub == doors.doors[0].hub.did
    await doors.stop(0)
    assert (await client.home()).hub == doors.doors[1].hub.did
    assert client.endpoint == doors.endpoints[1]


async def test_a_record_that_one_hub_cannot_finish_enters_once_through_another(
    doors: Doors, household: Household
) -> None:
    first, second, _ = doors.doors
    first.hub.hold()
    client = first.person(household.owner, *doors.endpoints)
    receipt = await client.command(household.lock.did, "lock")
    assert client.endpoint == doors.endpoints[1]
    assert second.hub.head.height == receipt.height
    commands = [r for b in household.home.built for r in b.records if r.kind == "command"]
    assert len(commands) == 1


async def test_what_every_hub_says_is_told_when_none_can_help(
    doors: Doors, household: Household
) -> None:
    for door in doors.doors:
        door.hub.hold()
    client = doors.doors[0].person(household.owner, *doors.endpoints)
    with pytest.raises(HubProblem) as refused:
        await client.command(household.lock.did, "lock")
    assert refused.value.code == ProblemCode.NOT_FINAL_IN_TIME


async def test_a_refusal_is_not_carried_from_hub_to_hub(doors: Doors, household: Household) -> None:
    client = doors.doors[0].person(household.guest, *doors.endpoints)
    with pytest.raises(HubProblem) as refused:
        await client.mesh()
    assert refused.value.code == ProblemCode.FORBIDDEN
    assert client.endpoint == doors.endpoints[0]


async def test_nobody_else_can_answer_for_a_pinned_hub(doors: Doors, household: Household) -> None:
    stranger = HubEndpoint(
        url=doors.endpoints[0].url,
        hub=doors.endpoints[0].hub,
        certificate=make_certificate(made_key("a man in the middle")),
    )
    with pytest.raises(HubUnreachable):
        await doors.doors[0].person(household.owner, stranger).home()


async def test_another_hub_under_a_known_address_is_noticed(
    doors: Doors, household: Household
) -> None:
    wrong = HubEndpoint.loopback(doors.doors[0].servers.loopback_port, hub=doors.doors[1].hub.did)
    with pytest.raises(HubUnreachable, match="another hub"):
        await doors.doors[0].person(household.owner, wrong).home()


def test_a_session_never_runs_in_the_clear_over_a_network() -> None:
    for endpoint in (
        HubEndpoint(url="http://192.0.2.7:8441"),
        HubEndpoint(url="https://192.0.2.7:8441"),
        HubEndpoint(url="ftp://192.0.2.7"),
    ):
        with pytest.raises(ValueError, match=r"192\.0\.2\.7"):
            HubClient([endpoint], key=made_key("Anna"))
    with pytest.raises(ValueError, match="at least one"):
        HubClient([], key=made_key("Anna"))


def test_the_ledger_says_where_residents_reach_which_key() -> None:
    key = made_key("hub 0")
    description = HubDescription(
        hub=key.public.did,
        name="Kitchen",
        certificate=b64u(make_certificate(key)),
        mesh=[],
        api=[],
        residents=["192.0.2.7:8441", "[fd00::7]:8441"],
    )
    assert endpoints_of([description]) == [
        HubEndpoint(url=f"https://{where}", hub=key.public.did, certificate=make_certificate(key))
        for where in ("192.0.2.7:8441", "[fd00::7]:8441")
    ]


async def test_the_feed_goes_on_at_another_hub(doors: Doors, household: Household) -> None:
    client = doors.doors[0].person(household.owner, *doors.endpoints, pause=nothing)
    feed = client.stream()
    async with asyncio.timeout(20):
        assert isinstance(await anext(feed), LiveHello)
        await doors.stop(0)
        household.home.commit(household.home.event_record(household.lock, bolt="locked"))
        for door in doors.doors[1:]:
            await door.hub.catch_up()
        kinds = [type(await anext(feed)) for _ in range(2)]
        assert kinds == [LiveLost, LiveHello]
        household.home.commit(household.home.event_record(household.lock, bolt="unlocked"))
        for door in doors.doors[1:]:
            await door.hub.catch_up()
        async for item in feed:
            if isinstance(item, LiveBlock) and item.height == household.home.head.header.height:
                break


async def test_no_hub_at_all_is_said_plainly(household: Household) -> None:
    async with HubClient(
        [HubEndpoint.loopback(1)], key=household.owner.key, timeouts=TIMEOUTS
    ) as client:
        with pytest.raises(HubUnreachable, match=r"127\.0\.0\.1:1"):
            await client.home()
