import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from homechain.api.schema.commands import CommandLife
from homechain.model.records import Role
from homechain_tui.session import HomeSession, short_reason
from tests.fakes.dashboard_client import DashboardClient, client_of, problem
from tests.fakes.dashboard_home import DashboardHome
from tests.fakes.dashboard_morning import lived_in_home


@asynccontextmanager
async def followed(
    home: DashboardHome, client: DashboardClient | None = None
) -> AsyncIterator[HomeSession]:
    session = HomeSession(client or client_of(home), now_ms=lambda: home.now_ms)
    task = asyncio.create_task(session.follow())
    await settled()
    yield session
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def is_live(session: HomeSession) -> bool:
    return session.state.connection.live


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_session_reads_everything_and_follows() -> None:
    home = lived_in_home()
    async with followed(home) as session:
        assert session.state.home is not None
        assert is_live(session)
        home.event(home.front, ("bolt", "unlocked"))
        await settled()
        assert session.state.devices[home.front].properties["bolt"].value == "unlocked"
        assert session.state.height == home.chain.height


async def test_every_change_is_told_to_who_listens_until_they_stop() -> None:
    home = lived_in_home()
    async with followed(home) as session:
        told: list[int] = []
        stop = session.subscribe(lambda: told.append(session.state.height))
        home.event(home.front, ("bolt", "unlocked"))
        await settled()
        count = len(told)
        assert count > 0
        stop()
        home.event(home.front, ("bolt", "locked"))
        await settled()
        assert len(told) == count


async def test_a_wish_is_in_the_state_before_the_hub_answers() -> None:
    home = lived_in_home()
    home.device_answers = False
    async with followed(home) as session:
        lives: list[CommandLife] = []
        session.subscribe(
            lambda: lives.extend(act.life for act in session.state.acts_on(home.front)[:1])
        )
        answer = await session.command(home.front, "unlock", {})
        assert lives[0] is CommandLife.REQUESTED
        assert answer.receipt is not None
        assert short_reason(answer) == ""
        await settled()
        assert session.state.acts[answer.receipt.id].life is CommandLife.DELIVERED
        home.answer(answer.receipt.id)
        await settled()
        assert session.state.acts[answer.receipt.id].life is CommandLife.DONE


async def test_a_denial_is_told_with_its_reason() -> None:
    home = lived_in_home()
    async with followed(home, client_of(home, home.maria)) as session:
        answer = await session.command(home.garden, "unlock", {})
        assert short_reason(answer) == "Maria may not unlock Garden door: no grant covers it"


async def test_what_cannot_be_signed_is_a_sentence() -> None:
    home = lived_in_home()
    async with followed(home) as session:
        answer = await session.command(home.front, "No Such Word!", {})
        assert "cannot be signed" in short_reason(answer)


async def test_a_refused_record_leaves_its_trouble_in_the_state() -> None:
    home = lived_in_home()
    client = client_of(home)
    async with followed(home, client) as session:
        client.refusals.append(problem("busy", "Busy", "Try again in a minute."))
        answer = await session.command(home.front, "unlock", {})
        assert answer.trouble == "Busy: Try again in a minute."
        (act,) = [act for act in session.state.acts_on(home.front) if act.trouble]
        assert act.life is CommandLife.REQUESTED


async def test_a_lost_connection_comes_back_by_itself_with_what_was_missed() -> None:
    home = lived_in_home()
    async with followed(home) as session:
        home.lose()
        await settled()
        assert not is_live(session)
        streams, home.streams = home.streams, []
        home.event(home.front, ("bolt", "unlocked"))
        home.streams = streams
        home.come_back()
        await settled()
        assert is_live(session)
        assert session.state.devices[home.front].properties["bolt"].value == "unlocked"


async def test_what_could_not_be_read_is_read_with_the_next_sign_of_life() -> None:
    home = lived_in_home()
    home.unreachable = True
    async with followed(home) as session:
        home.tell(home.hello())  # the feed is back before the rest is
        await settled()
        assert session.state.home is None
        assert "No hub answers" in await session.refresh()
        home.come_back()
        await settled()
        assert session.state.home is not None


async def test_a_hub_that_refuses_this_person_ends_the_following() -> None:
    home = lived_in_home()
    async with followed(home) as session:
        refusal = problem("forbidden", "Not of this home", "Ask an owner.", status=403)
        home.tell(refusal)
        await settled()
        assert session.state.connection.refused
        assert session.state.connection.reason == "Not of this home: Ask an owner."


async def test_a_person_that_was_taken_in_is_known_at_once() -> None:
    home = lived_in_home()
    otto = home.add_person(9, "Otto", Role.GUEST)
    del home.persons[otto]
    async with followed(home) as session:
        answer = await session.ask(session.client.put_person(otto, name="Otto", role=Role.GUEST))
        assert answer.receipt is not None
        assert session.state.person_name(otto) == "Otto"


async def test_the_hubs_can_be_read_by_themselves() -> None:
    home = lived_in_home()
    async with followed(home) as session:
        home.linked = 2
        await session.read_mesh()
        assert session.state.mesh is not None
        assert [hub.linked for hub in session.state.mesh.hubs] == [True, True, False]
        home.unreachable = True
        await session.read_mesh()
        assert session.state.mesh is not None


async def test_a_reading_call_that_fails_is_a_sentence() -> None:
    home = lived_in_home()
    async with followed(home) as session:
        home.unreachable = True
        read = await session.read(session.client.access(home.front))
        assert isinstance(read, str)
        answer = await session.ask(session.client.revoke("cleaner-friday"))
        assert answer.trouble == read
