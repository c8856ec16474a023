"""`Authorization: Homechain <JWS>`: one device, one request, once."""

import json
from typing import Any

import pytest

from homechain.api.schema.pairing import DeviceState
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.session import RequestClaims
from homechain.crypto.hashing import b64u
from homechain.crypto.jws import sign_compact
from homechain.model.records import EventRecord
from tests.fakes.home import Actor, made_key
from tests.unit.api.conftest import Door, Household, problem_of


def authorization(
    door: Door, actor: Actor, method: str, path: str, *, jti: bytes = bytes(32), **changes: Any
) -> str:
    claims = {
        "iss": actor.did,
        "aud": door.hub.did,
        "htm": method,
        "htu": path,
        "iat": door.hub.clock.wall_ms() // 1000,
        "jti": b64u(jti),
        **changes,
    }
    typ = claims.pop("typ", RequestClaims.TYP)
    key = claims.pop("key", actor.key)
    return "Homechain " + sign_compact(json.dumps(claims).encode(), typ=typ, key=key).decode()


SIGNED_REQUESTS: dict[str, tuple[dict[str, Any], ProblemCode]] = {
    "another method": ({"htm": "PUT"}, ProblemCode.UNAUTHENTICATED),
    "another path": ({"htu": "/v1/events"}, ProblemCode.UNAUTHENTICATED),
    "another hub": ({"aud": made_key("hub 1").public.did}, ProblemCode.WRONG_HUB),
    "too old": ({"iat": 1_700_000_000}, ProblemCode.CLOCK_DIFFERS),
    "from the future": ({"iat": 1_900_000_000}, ProblemCode.CLOCK_DIFFERS),
    "another typ": ({"typ": EventRecord.TYP}, ProblemCode.UNAUTHENTICATED),
    "another key": ({"key": made_key("nobody")}, ProblemCode.UNAUTHENTICATED),
    "an unknown claim": ({"admin": True}, ProblemCode.UNAUTHENTICATED),
    "a name that is no key": (
        {"iss": "did:key:z6Mk" + "1" * 44},
        ProblemCode.UNAUTHENTICATED,
    ),
}


@pytest.mark.parametrize("name", SIGNED_REQUESTS)
async def test_a_signed_request_has_to_be_right_in_every_part(
    door: Door, household: Household, name: str
) -> None:
    changes, code = SIGNED_REQUESTS[name]
    path = f"/v1/devices/{household.lock.did}/commands"
    header = authorization(door, household.lock, "GET", path, **changes)
    headers = {"Authorization": header}
    async with door.http().get(door.devices_url + path, headers=headers) as answer:
        assert (await problem_of(answer)).code == code


@pytest.mark.parametrize("scheme", ["", "Bearer x", "Homechain", "Homechain a.b.c", "Basic eDp4"])
async def test_no_stream_without_a_signed_request(
    door: Door, household: Household, scheme: str
) -> None:
    path = f"/v1/devices/{household.lock.did}/commands"
    headers = {"Authorization": scheme} if scheme else {}
    async with door.http().get(door.devices_url + path, headers=headers) as answer:
        assert (await problem_of(answer)).code == ProblemCode.UNAUTHENTICATED
        assert answer.headers["WWW-Authenticate"]


async def test_a_signed_request_works_once(door: Door, household: Household) -> None:
    path = f"/v1/devices/{household.lock.did}"
    headers = {"Authorization": authorization(door, household.lock, "GET", path)}
    http = door.http()
    async with http.get(door.devices_url + path, headers=headers) as answer:
        assert (await answer.json())["state"] == DeviceState.APPROVED
    async with http.get(door.devices_url + path, headers=headers) as answer:
        assert (await problem_of(answer)).code == ProblemCode.REPLAYED_REQUEST


async def test_a_device_hears_only_its_own_commands(door: Door, household: Household) -> None:
    path = f"/v1/devices/{household.lock.did}/commands"
    headers = {"Authorization": authorization(door, household.camera, "GET", path)}
    async with door.http().get(door.devices_url + path, headers=headers) as answer:
        assert (await problem_of(answer)).code == ProblemCode.FORBIDDEN
