"""How a resident gets in, and how nobody else does."""

import msgspec
import pytest

from homechain.api.client import HubProblem
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.session import Challenge, Session, SessionClaims
from homechain.api.server.limits import ApiLimits
from homechain.api.server.refusals import Refused
from homechain.api.server.sessions import Sessions
from homechain.crypto.jws import sign_compact
from homechain.model.records import Role
from tests.fakes.home import Actor, made_key
from tests.unit.api.conftest import Door, Household, problem_of

HUB = made_key("hub 0").public.did


class Clock:
    now_s = 100.0


def claims_of(challenge: str, person: str) -> SessionClaims:
    return SessionClaims(iss=person, home="A" * 43, aud=HUB, challenge=challenge, iat=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(limits=ApiLimits(sessions=8, sessions_per_person=2), now_s=lambda: clock.now_s)


class TestSessions:
    def test_a_challenge_opens_one_session(self, sessions: Sessions) -> None:
        claims = claims_of(sessions.challenge("Anna"), "Anna")
        token, _ = sessions.open(claims)
        assert sessions.person_of(token) == "Anna"
        with pytest.raises(Refused):
            sessions.open(claims)

    def test_a_challenge_is_for_who_asked(self, sessions: Sessions) -> None:
        with pytest.raises(Refused):
            sessions.open(claims_of(sessions.challenge("Anna"), "Mallory"))

    def test_a_made_up_challenge_opens_nothing(self, sessions: Sessions) -> None:
        with pytest.raises(Refused):
            sessions.open(claims_of("A" * 43, "Anna"))

    def test_a_challenge_grows_old(self, sessions: Sessions, clock: Clock) -> None:
        challenge = sessions.challenge("Anna")
        clock.now_s += 61
        with pytest.raises(Refused):
            sessions.open(claims_of(challenge, "Anna"))

    def test_a_session_ends(self, sessions: Sessions, clock: Clock) -> None:
        token, _ = sessions.open(claims_of(sessions.challenge("Anna"), "Anna"))
        clock.now_s += 12 * 3600
        assert sessions.person_of(token) is None

    def test_the_oldest_session_of_a_person_makes_room(self, sessions: Sessions) -> None:
        tokens = [sessions.open(claims_of(sessions.challenge("Anna"), "Anna"))[0] for _ in range(3)]
        assert [sessions.person_of(token) for token in tokens] == [None, "Anna", "Anna"]

    def test_nobody_has_the_empty_token(self, sessions: Sessions) -> None:
        assert sessions.person_of("") is None


async def test_the_client_is_told_who_it_is(door: Door, household: Household) -> None:
    me = (await door.person(household.guest).home()).me
    assert (me.did, me.name, me.role) == (household.guest.did, "Gina", Role.GUEST)


async def test_residents_are_served_over_tls_pinned_to_the_hub(
    door: Door, household: Household
) -> None:
    home = await door.person(household.owner, door.pinned).home()
    assert home.hub == door.hub.did


async def test_strangers_and_removed_persons_stay_outside(door: Door, household: Household) -> None:
    with pytest.raises(HubProblem) as stranger:
        await door.person(Actor(made_key("stranger"), name="?")).home()
    assert stranger.value.code == ProblemCode.UNAUTHENTICATED
    resident = door.person(household.resident)
    await resident.home()
    await door.person(household.owner).put_person(
        household.resident.did, name="Ben", role=Role.RESIDENT, removed=True
    )
    with pytest.raises(HubProblem) as removed:
        await resident.home()
    assert removed.value.code == ProblemCode.UNAUTHENTICATED


async def test_a_session_ends_and_the_client_opens_another(
    door: Door, household: Household
) -> None:
    owner = door.person(household.owner)
    await owner.home()
    door.hub.clock.pass_s(13 * 3600)
    await owner.home()


@pytest.mark.parametrize("wrong", ["key", "home", "aud", "challenge", "typ"])
async def test_a_proof_has_to_be_right_in_every_part(
    door: Door, household: Household, wrong: str
) -> None:
    http, url = door.http(), door.residents_url
    did = household.owner.did
    async with http.post(url + "/v1/session/challenge", json={"person": did}) as answer:
        challenge = msgspec.json.decode(await answer.read(), type=Challenge)
    claims = SessionClaims(
        iss=did,
        home=challenge.home if wrong != "home" else "A" * 43,
        aud=challenge.hub if wrong != "aud" else did,
        challenge=challenge.challenge if wrong != "challenge" else "A" * 43,
        iat=1,
    )
    proof = sign_compact(
        msgspec.json.encode(claims),
        typ=SessionClaims.TYP if wrong != "typ" else "homechain-command+jws",
        key=household.owner.key if wrong != "key" else household.guest.key,
    )
    headers = {"Content-Type": "application/jose"}
    async with http.post(url + "/v1/session", data=proof, headers=headers) as answer:
        problem = await problem_of(answer)
    assert problem.status in {400, 401, 409}


async def test_a_device_gets_no_session(door: Door, household: Household) -> None:
    with pytest.raises(HubProblem) as refused:
        await door.person(household.lock).home()
    assert refused.value.code == ProblemCode.UNAUTHENTICATED


def test_a_token_is_not_shown(sessions: Sessions) -> None:
    token, session = sessions.open(claims_of(sessions.challenge("Anna"), "Anna"))
    assert token not in repr(session)
    assert token not in repr(sessions.__dict__)
    assert "token" in Session.__struct_fields__
