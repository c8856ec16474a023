"""Whole homes of real drivers: what residents are promised, under broken links and dying hubs."""

import asyncio

import pytest

from homechain.ledger.errors import Inadmissible
from homechain.model.records import Role
from homechain.node.node import HubStopped
from homechain.node.ports import StoreFailed
from homechain.node.queries import RecordRow
from tests.fakes.driven_home import DrivenHome
from tests.fakes.home import Actor, made_key
from tests.fakes.virtual_time import on_virtual_time


def actor(name: str) -> Actor:
    return Actor(made_key(name), name=name)


@on_virtual_time
async def test_a_record_becomes_final_everywhere() -> None:
    async with DrivenHome() as home:
        settled = await home.hubs[1].settle(home.made.person_record(actor("Ben")))
        assert settled.row.height == 1
        for hub in home.hubs:
            await hub.reaches(1)
            assert hub.node.state.person(actor("Ben").did) is not None


@on_virtual_time
async def test_a_hub_alone_is_a_home() -> None:
    async with DrivenHome(hubs=1) as home:
        assert (await home.hubs[0].settle(home.made.person_record(actor("Ben")))).row.height == 1


@on_virtual_time
async def test_the_same_record_twice_at_once_has_one_place() -> None:
    async with DrivenHome() as home:
        record = home.made.person_record(actor("Ben"))
        one, two, other = await asyncio.gather(
            home.hubs[0].settle(record), home.hubs[0].settle(record), home.hubs[1].settle(record)
        )
        assert one.row.index == two.row.index == other.row.index
        again = await home.hubs[2].submit(record)
        assert (await again.final).row.index == one.row.index


@on_virtual_time
async def test_a_record_that_became_final_meanwhile_answers_with_its_place() -> None:
    async with DrivenHome() as home:
        record = home.made.person_record(actor("Ben"))
        first = await home.hubs[0].settle(record)
        asked = home.hubs[0].queries.record
        too_soon = [True]

        async def too_early(record_id: bytes) -> RecordRow | None:
            return None if too_soon and too_soon.pop() else await asked(record_id)

        home.hubs[0].queries.record = too_early  # type: ignore[method-assign]  # the race itself
        again = await home.hubs[0].submit(record)
        assert again.already is not None
        assert again.already.index == first.row.index


@on_virtual_time
async def test_a_waiting_record_under_a_broken_signature_is_refused_and_not_kept() -> None:
    async with DrivenHome() as home:
        hub = home.hubs[0]
        for other in home.hubs[1:]:
            await other.stop()
        record = home.made.person_record(actor("Ben"))
        await hub.submit(record)
        head, _, signature = record.raw.rpartition(b".")
        bent = head + b"." + signature[:10] + bytes([signature[10] ^ 1]) + signature[11:]
        with pytest.raises(Inadmissible):
            await hub.node.submit(bent)
        assert hub.store.pending == {record.id: record.raw}


@on_virtual_time
async def test_a_killed_leader_is_replaced_and_comes_back() -> None:
    async with DrivenHome() as home:
        await home.hubs[0].settle(home.made.person_record(actor("Ben")))
        killed = home.leader()
        await killed.stop()
        survivor = home.follower()
        await survivor.settle(home.made.person_record(actor("Cem")))
        await killed.start()
        await killed.reaches(survivor.height)
        await killed.settle(home.made.person_record(actor("Dora")))


@on_virtual_time
async def test_what_was_acknowledged_without_a_quorum_survives_a_power_cut_and_is_flooded() -> None:
    async with DrivenHome() as home:
        await home.hubs[0].settle(home.made.person_record(actor("Ben")))
        alone = home.hubs[0]
        home.isolate(alone)
        await alone.submit(home.made.person_record(actor("Cem")))
        await alone.stop()
        home.rejoin(alone)
        await alone.start()
        await home.hubs[1].until(
            lambda: home.hubs[1].node.state.person(actor("Cem").did) is not None
        )


@on_virtual_time
async def test_a_record_that_comes_before_its_signer_is_known_waits_for_the_block() -> None:
    async with DrivenHome() as home:
        ben = actor("Ben")
        late = await home.led()
        origin = home.follower()
        await origin.settle(home.made.person_record(ben, role=Role.OWNER))
        await late.reaches(1)
        cem = actor("Cem")
        later = home.made.person_record(cem, role=Role.OWNER)
        by_cem = home.made.person_record(actor("Dora"), by=cem)
        # The leader hears of Cem's record before it hears of Cem.
        late.node._spreading.admit([by_cem], origin.did)
        assert by_cem.id not in late.node.engine.pool
        await origin.settle(later)
        await late.until(lambda: late.node.state.person(actor("Dora").did) is not None)


@on_virtual_time
async def test_a_record_whose_flooding_was_lost_is_shown_again() -> None:
    async with DrivenHome() as home:
        leader = await home.led()
        origin = home.follower()
        home.network.cut(origin.did, leader.did)
        third = next(hub for hub in home.hubs if hub not in (origin, leader))
        home.network.cut(origin.did, third.did)
        term = leader.node.engine.core.term
        submission = await origin.submit(home.made.person_record(actor("Ben")))
        # The links heal without either end noticing that anything was missed.
        home.network._cuts.clear()
        for hub in home.hubs:
            hub.peers._linked = {other.did for other in home.hubs if other is not hub}
        await asyncio.wait_for(submission.final, 60)
        assert leader.node.engine.core.term <= term + 2


@on_virtual_time
async def test_a_hub_that_slept_through_two_changes_of_membership_votes_again() -> None:
    async with DrivenHome() as home:
        sleeper = home.hubs[0]
        await home.hubs[1].settle(home.made.person_record(actor("Ben")))
        await sleeper.stop()
        third = home.hubs[2]
        # Three hubs become two and one of them is away: only then is it needed for the quorum.
        await home.hubs[1].settle(home.made.hub_record("hub 2", removed=True))
        assert third.node.state.hub(third.did) is not None
        await third.stop()
        waiting = await home.hubs[1].submit(home.made.person_record(actor("Cem")))
        await sleeper.start()
        await asyncio.wait_for(waiting.final, 60)
        await sleeper.until(lambda: sleeper.node.state.person(actor("Cem").did) is not None)
        assert sleeper.node.engine.core.epoch == 1


@on_virtual_time
async def test_a_hub_that_catches_up_past_the_start_of_an_epoch_can_vote_in_it() -> None:
    async with DrivenHome() as home:
        sleeper = home.hubs[0]
        await sleeper.stop()
        newcomer = home.add("hub 3")
        await newcomer.start()
        await home.hubs[1].settle(home.made.person_record(actor("Ben")))
        await newcomer.reaches(1)
        await sleeper.start()  # growing to four takes all three
        await home.hubs[1].settle(home.made.hub_record("hub 3"))
        await sleeper.reaches(2)
        await sleeper.stop()
        for number in range(3):
            await home.hubs[1].settle(home.made.person_record(actor(f"guest {number}")))
        await home.hubs[1].settle(home.made.hub_record("hub 2", removed=True))
        await home.hubs[2].stop()
        for number in range(3, 6):
            await home.hubs[1].settle(home.made.person_record(actor(f"guest {number}")))
        await newcomer.stop()
        # Everything since came in one page: the epoch's first blocks too. Now two of three vote.
        waiting = await home.hubs[1].submit(home.made.person_record(actor("Cem")))
        await sleeper.start()
        await asyncio.wait_for(waiting.final, 60)


@on_virtual_time
async def test_a_hub_is_taken_in_and_leads_and_signs() -> None:
    async with DrivenHome(hubs=1) as home:
        first = home.hubs[0]
        await first.settle(home.made.person_record(actor("Ben")))
        second = home.add("hub 1")
        await second.start()
        await second.reaches(1)
        assert not second.votes()
        await first.settle(home.made.hub_record("hub 1"))
        await second.reaches(2)
        assert second.votes()
        await second.settle(home.made.person_record(actor("Cem")))
        assert first.epochs == second.epochs == [1]


@on_virtual_time
async def test_a_failing_disk_stops_the_hub_and_tells_those_who_wait() -> None:
    async with DrivenHome() as home:
        hub = await home.led()
        others = [other for other in home.hubs if other is not hub]
        for other in others:
            home.network.cut(hub.did, other.did)
        submission = await hub.submit(home.made.person_record(actor("Ben")))
        hub.store.failure = StoreFailed("no medium")
        # Its own write fails, or one of the core's before it: the hub is over either way.
        with pytest.raises((StoreFailed, HubStopped)):
            await hub.submit(home.made.person_record(actor("Cem")))
        await asyncio.wait([hub.ended])
        assert isinstance(hub.ended.exception(), StoreFailed)
        with pytest.raises(HubStopped):
            await submission.final
        with pytest.raises(HubStopped):
            await hub.submit(home.made.person_record(actor("Dora")))
        home.network.leave(hub.did)


@on_virtual_time
async def test_a_hub_whose_clock_is_wrong_follows_reports_and_recovers() -> None:
    async with DrivenHome() as home:
        await home.hubs[0].settle(home.made.person_record(actor("Ben")))
        leader = home.leader()
        wrong = home.follower()
        await wrong.reaches(1)
        wrong.clock.wrong_by_ms = 86_400_000
        await home.passes(1)
        await leader.settle(home.made.person_record(actor("Cem")))
        await wrong.reaches(2)
        assert wrong.node.clock_faults > 0
        wrong.clock.wrong_by_ms = 0
        await home.passes(1)
        faults = wrong.node.clock_faults
        third = next(hub for hub in home.hubs if hub not in (leader, wrong))
        await third.stop()
        await leader.settle(home.made.person_record(actor("Dora")))
        await wrong.reaches(3)
        assert wrong.node.clock_faults == faults


@on_virtual_time
async def test_clocks_that_were_all_ahead_do_not_halt_the_home_when_they_are_set_back() -> None:
    async with DrivenHome() as home:
        for hub in home.hubs:
            hub.clock.wrong_by_ms = 365 * 86_400_000
        await home.hubs[0].settle(home.made.person_record(actor("Ben")))
        ahead_ms = home.hubs[0].node.head.header.time_ms
        for hub in home.hubs:
            await hub.reaches(1)
            hub.clock.wrong_by_ms = 0
        await home.hubs[0].settle(home.made.person_record(actor("Cem")))
        assert home.hubs[0].node.head.header.time_ms == ahead_ms
        assert home.hubs[0].node.time_ms() == ahead_ms


@on_virtual_time
async def test_a_line_of_hubs_agrees_although_its_ends_never_meet() -> None:
    async with DrivenHome() as home:
        home.network.cut(home.hubs[0].did, home.hubs[2].did)
        await home.hubs[0].settle(home.made.person_record(actor("Ben")))
        await home.hubs[2].settle(home.made.person_record(actor("Cem")))
        for hub in home.hubs:
            await hub.reaches(2)
