"""The stream that a device opens to be told what to do."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from homechain.api.client import HubProblem, HubUnreachable
from homechain.api.schema.commands import CommandKeepAlive, CommandLife, CommandLine, CommandOrder
from homechain.api.schema.problems import ProblemCode
from homechain.api.server.limits import ApiLimits
from homechain.ledger.proofs import anchor_from_genesis, check_command
from homechain.model.ids import digest_text
from homechain.node.feed import Resync
from tests.unit.api.conftest import Door, Household

Stream = AsyncGenerator[CommandLine, None]


async def next_order(stream: Stream) -> CommandOrder:
    """The next command of a stream, past its keep-alives."""
    async with asyncio.timeout(20):
        async for line in stream:
            if isinstance(line, CommandOrder):
                return line
    raise AssertionError("the stream ended")


async def test_a_device_is_handed_what_waited_and_then_what_comes(
    door: Door, household: Household
) -> None:
    owner = door.person(household.owner)
    waited = await owner.command(household.lock.did, "unlock")
    async with aclosing(door.device(household.lock).commands()) as stream:
        assert (await next_order(stream)).id == waited.id
        came = await owner.command(household.lock.did, "lock")
        order = await next_order(stream)
    assert order.id == came.id


async def test_the_proof_convinces_the_device(door: Door, household: Household) -> None:
    await door.person(household.guest).command(household.lock.did, "unlock")
    async with aclosing(door.device(household.lock).commands()) as stream:
        order = await next_order(stream)
    accepted = check_command(
        order.proof,
        anchor=anchor_from_genesis(household.home.genesis.raw, home=household.home.id),
        device=household.lock.did,
        now_ms=door.hub.clock.wall_ms(),
    )
    assert digest_text(accepted.id) == order.id
    assert accepted.command.action == "unlock"


async def test_denied_expired_and_answered_commands_are_not_handed_over(
    door: Door, household: Household
) -> None:
    home, lock = household.home, household.lock
    owner = door.person(household.owner)
    denied = await door.person(household.guest).command(lock.did, "unlatch")
    assert denied.decision is not None
    assert not denied.decision.allowed
    await owner.command(lock.did, "lock")
    answered = home.built[-1].records[0]
    await door.device(lock).post_record(home.outcome_record(lock, answered).raw)
    await owner.command(lock.did, "unlatch", lifetime_s=5)
    door.hub.clock.pass_s(10)
    async with aclosing(door.device(lock).commands()) as stream:
        assert isinstance(await anext(stream), CommandKeepAlive)
        fresh = await owner.command(lock.did, "unlock")
        assert (await next_order(stream)).id == fresh.id


async def test_a_stream_that_lost_notices_looks_for_itself(
    door: Door, household: Household
) -> None:
    async with aclosing(door.device(household.lock).commands()) as stream:
        assert isinstance(await anext(stream), CommandKeepAlive)
        command = household.home.command_record(household.owner, household.lock)
        household.home.commit(command)
        door.hub._learn_blocks()  # its notice is lost
        door.hub.feed.publish(Resync())
        assert (await next_order(stream)).id == digest_text(command.id)


async def test_delivery_is_part_of_a_commands_life(door: Door, household: Household) -> None:
    owner = door.person(household.owner)
    receipt = await owner.command(household.lock.did, "unlock")
    before = (await owner.record(receipt.id)).command
    assert before is not None
    assert before.life is CommandLife.FINAL
    async with aclosing(door.device(household.lock).commands()) as stream:
        await next_order(stream)
    after = (await owner.record(receipt.id)).command
    assert after is not None
    assert after.life is CommandLife.DELIVERED
    assert after.delivered_ms == door.hub.clock.wall_ms()


async def test_a_newer_stream_ends_the_older_one(door: Door, household: Household) -> None:
    async with (
        aclosing(door.device(household.lock).commands()) as older,
        aclosing(door.device(household.lock).commands()) as newer,
    ):
        await anext(older)
        await anext(newer)
        assert (await door.person(household.owner).device(household.lock.did)).connected
        await door.person(household.owner).command(household.lock.did, "unlock")
        await next_order(newer)
        with pytest.raises(AssertionError, match="ended"):
            await next_order(older)


async def test_a_retired_device_is_cut_off(door: Door, household: Household) -> None:
    async with aclosing(door.device(household.lock).commands()) as stream:
        await anext(stream)
        await door.person(household.owner).retire_device(household.lock.did)
        with pytest.raises(AssertionError, match="ended"):
            await next_order(stream)
    with pytest.raises(HubProblem) as refused:
        await anext(door.device(household.lock).commands())
    assert refused.value.code == ProblemCode.RETIRED


class TestQuiet:
    @pytest.fixture
    def limits(self) -> ApiLimits:
        return ApiLimits(keep_alive_s=0.01)

    async def test_a_quiet_stream_says_that_it_is_alive(
        self, door: Door, household: Household
    ) -> None:
        async with aclosing(door.device(household.lock).commands()) as stream:
            for _ in range(3):
                assert isinstance(await anext(stream), CommandKeepAlive)


async def test_a_hub_that_stops_ends_its_streams(door: Door, household: Household) -> None:
    async with aclosing(door.device(household.lock).commands()) as stream:
        await anext(stream)
        door.hub.feed.close()
        with pytest.raises((StopAsyncIteration, HubUnreachable)):
            await anext(stream)
