"""Whatever is thrown at a hub gets a stable problem, changes nothing, and is never a 500."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

import pytest
from yarl import URL

from homechain.api.client import HubProblem
from homechain.api.schema.problems import Problem, ProblemCode
from homechain.api.server.ports import HubBusy, HubFailed
from homechain.crypto.jws import sign_compact
from homechain.model.records import (
    CommandRecord,
    EventRecord,
)
from tests.fakes.home import Actor, made_key
from tests.unit.api.conftest import Door, Household, problem_of
from tests.unit.api.test_signed_requests import authorization

JOSE = {"Content-Type": "application/jose"}
JSON = {"Content-Type": "application/json"}


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def jws(header: Any, payload: Any, signature: bytes = bytes(64)) -> bytes:
    return f"{part(header)}.{part(payload)}.{part(signature)}".encode()


HEADER = {"alg": "EdDSA", "typ": EventRecord.TYP}


def signed(household: Household, payload: bytes, *, typ: str = EventRecord.TYP) -> bytes:
    """Any payload at all, under the lock's good signature."""
    return sign_compact(payload, typ=typ, key=household.lock.key)


def event_json(household: Household, **changes: Any) -> dict[str, Any]:
    fields = {
        "iss": household.lock.did,
        "ctr": 77,
        "iat": household.home.now_s,
        "home": household.home.id_text,
        "readings": [{"at": 1, "name": "bolt", "value": "locked"}],
    }
    return {**fields, **changes}


def event(household: Household, **changes: Any) -> bytes:
    return signed(household, json.dumps(event_json(household, **changes)).encode())


def committed(household: Household) -> bytes:
    """An event whose counter an earlier, final event has used."""
    first = household.home.event_record(household.lock, bolt="locked")
    household.home.commit(first)
    return event(household, ctr=first.payload.ctr)


EVENTS: dict[str, tuple[Callable[[Household], bytes], ProblemCode]] = {
    "nothing": (lambda _: b"", ProblemCode.MALFORMED_RECORD),
    "noise": (lambda _: b"\x00\xff\xfe\x1b[2J", ProblemCode.MALFORMED_RECORD),
    "two segments": (lambda _: b"e30.e30", ProblemCode.MALFORMED_RECORD),
    "padding": (lambda h: event(h) + b"=", ProblemCode.MALFORMED_RECORD),
    "alg none": (
        lambda h: jws({**HEADER, "alg": "none"}, event_json(h)),
        ProblemCode.MALFORMED_RECORD,
    ),
    "alg none without signature": (
        lambda h: jws({**HEADER, "alg": "none"}, event_json(h), b""),
        ProblemCode.MALFORMED_RECORD,
    ),
    "alg HS256": (
        lambda h: jws({**HEADER, "alg": "HS256"}, event_json(h)),
        ProblemCode.MALFORMED_RECORD,
    ),
    "a key of its own": (
        lambda h: jws({**HEADER, "jwk": {"kty": "OKP"}}, event_json(h)),
        ProblemCode.MALFORMED_RECORD,
    ),
    "a kid": (
        lambda h: jws({**HEADER, "kid": "../../etc/passwd"}, event_json(h)),
        ProblemCode.MALFORMED_RECORD,
    ),
    "payload is no JSON": (lambda h: signed(h, b"{"), ProblemCode.MALFORMED_RECORD),
    "payload is a list": (lambda h: signed(h, b"[]"), ProblemCode.MALFORMED_RECORD),
    "NaN": (
        lambda h: signed(h, json.dumps(event_json(h)).replace('"locked"', "NaN").encode()),
        ProblemCode.MALFORMED_RECORD,
    ),
    "infinity": (
        lambda h: signed(h, json.dumps(event_json(h)).replace('"locked"', "1e999").encode()),
        ProblemCode.MALFORMED_RECORD,
    ),
    "the same key twice": (
        lambda h: signed(h, json.dumps(event_json(h)).replace("{", '{"ctr":1,', 1).encode()),
        ProblemCode.MALFORMED_RECORD,
    ),
    "nested deeply": (
        lambda h: signed(
            h,
            json.dumps(event_json(h))
            .replace('"locked"', '{"a":' * 3000 + "1" + "}" * 3000)
            .encode()[:11_000],
        ),
        ProblemCode.MALFORMED_RECORD,
    ),
    "a number beyond every double": (
        lambda h: event(h, ctr=10**40),
        ProblemCode.MALFORMED_RECORD,
    ),
    "half a surrogate pair": (
        lambda h: signed(h, json.dumps(event_json(h)).replace('"locked"', '"\\ud800"').encode()),
        ProblemCode.MALFORMED_RECORD,
    ),
    "an unknown member": (lambda h: event(h, admin=True), ProblemCode.MALFORMED_RECORD),
    "a counter of zero": (lambda h: event(h, ctr=0), ProblemCode.MALFORMED_RECORD),
    "a negative counter": (lambda h: event(h, ctr=-1), ProblemCode.MALFORMED_RECORD),
    "a counter that is text": (lambda h: event(h, ctr="1"), ProblemCode.MALFORMED_RECORD),
    "a name with a slash": (
        lambda h: event(h, readings=[{"at": 1, "name": "../bolt", "value": 1}]),
        ProblemCode.MALFORMED_RECORD,
    ),
    "no readings": (lambda h: event(h, readings=[]), ProblemCode.MALFORMED_RECORD),
    "too many readings": (
        lambda h: event(h, readings=[{"at": 1, "name": "b", "value": 1}] * 257),
        ProblemCode.MALFORMED_RECORD,
    ),
    "longer than a record": (
        lambda h: event(h, readings=[{"at": 1, "name": "b", "value": "x" * 17_000}]),
        ProblemCode.BODY_TOO_LARGE,
    ),
    "another home": (lambda h: event(h, home="A" * 43), ProblemCode.WRONG_HOME),
    "an unknown typ": (
        lambda h: signed(h, json.dumps(event_json(h)).encode(), typ="JWT"),
        ProblemCode.MALFORMED_RECORD,
    ),
    "the typ of another kind": (
        lambda h: signed(h, json.dumps(event_json(h)).encode(), typ=CommandRecord.TYP),
        ProblemCode.MALFORMED_RECORD,
    ),
    "a command": (
        lambda h: h.home.command_record(h.owner, h.lock).raw,
        ProblemCode.WRONG_KIND,
    ),
    "the genesis record again": (lambda h: h.home.genesis.raw, ProblemCode.WRONG_KIND),
    "a forged signature": (
        lambda h: event(h)[:-8] + b"AAAAAAAA",
        ProblemCode.BAD_SIGNATURE,
    ),
    "the wrong key": (
        lambda h: sign_compact(
            json.dumps(event_json(h)).encode(), typ=EventRecord.TYP, key=h.camera.key
        ),
        ProblemCode.BAD_SIGNATURE,
    ),
    "an unknown device": (
        lambda h: h.home.event_record(Actor(made_key("nobody"), name="?"), bolt=1).raw,
        ProblemCode.UNKNOWN_SIGNER,
    ),
    "a person": (lambda h: h.home.event_record(h.owner, bolt=1).raw, ProblemCode.NOT_ALLOWED),
    "a key of small order": (
        lambda h: event(h, iss="did:key:z6MkeTG3bFFSLYVU7VqhgZxqr6YzpaGrQtFMh1uvqGy1vDnP"),
        ProblemCode.KEY_REFUSED,
    ),
    "a replayed counter": (committed, ProblemCode.REPLAYED_COUNTER),
}


@pytest.mark.parametrize("name", EVENTS)
async def test_a_bad_event_is_refused_and_changes_nothing(
    door: Door, household: Household, name: str
) -> None:
    make, code = EVENTS[name]
    body = make(household)
    await door.hub.catch_up()
    head = door.hub.head
    url = door.devices_url + "/v1/events"
    async with door.http().post(url, data=body, headers=JOSE) as answer:
        problem = await problem_of(answer)
    assert problem.code == code, problem
    assert 400 <= problem.status < 500
    assert door.hub.head == head


@pytest.mark.parametrize("name", [name for name, (_, code) in EVENTS.items()])
async def test_a_bad_event_in_a_batch_never_sinks_it(
    door: Door, household: Household, name: str
) -> None:
    body = EVENTS[name][0](household)
    await door.hub.catch_up()
    good = household.home.event_record(household.camera, motion=True).raw.decode()
    batch = {"records": [body.decode("latin-1"), good]}
    url = door.devices_url + "/v1/events"
    async with door.http().post(url, json=batch) as answer:
        data = await answer.read()
        assert answer.status in {200, 400, 413}, data
    if answer.status == 200:
        results = json.loads(data)["results"]
        assert results[0]["receipt"] is None
        assert results[1]["receipt"]["status"] == "final"


BODIES: dict[str, tuple[bytes, dict[str, str], ProblemCode]] = {
    "no media type": (b"{}", {"Content-Type": ""}, ProblemCode.UNSUPPORTED_MEDIA_TYPE),
    "a form": (
        b"a=b",
        {"Content-Type": "application/x-www-form-urlencoded"},
        ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    ),
    "compressed": (
        b"\x1f\x8b",
        {**JSON, "Content-Encoding": "gzip"},
        ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    ),
    "no JSON": (b"{", JSON, ProblemCode.MALFORMED_JSON),
    "no UTF-8": (b'{"records":["\xff"]}', JSON, ProblemCode.MALFORMED_JSON),
    "UTF-16": ("{}".encode("utf-16"), JSON, ProblemCode.MALFORMED_JSON),
    "NaN": (b'{"records":[NaN]}', JSON, ProblemCode.MALFORMED_JSON),
    "the same key twice": (b'{"records":["a"],"records":["b"]}', JSON, ProblemCode.MALFORMED_JSON),
    "nested deeply": (b"[" * 30_000, JSON, ProblemCode.MALFORMED_JSON),
    "a long number": (b"9" * 60_000, JSON, ProblemCode.MALFORMED_JSON),
    "a list": (b"[]", JSON, ProblemCode.INVALID_PARAMETER),
    "no records": (b'{"records":[]}', JSON, ProblemCode.INVALID_PARAMETER),
    "too many records": (
        json.dumps({"records": ["a.b.c"] * 257}).encode(),
        JSON,
        ProblemCode.INVALID_PARAMETER,
    ),
    "an unknown member": (b'{"records":["a.b.c"],"x":1}', JSON, ProblemCode.INVALID_PARAMETER),
    "one byte too long": (b" " * (64 * 1024 + 1), JSON, ProblemCode.BODY_TOO_LARGE),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_bad_body_is_refused(door: Door, name: str) -> None:
    body, headers, code = BODIES[name]
    url = door.devices_url + "/v1/events"
    async with door.http().post(url, data=body, headers=headers) as answer:
        assert (await problem_of(answer)).code == code


async def test_a_body_of_unknown_length_is_cut_off_too(door: Door) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 1024

    url = door.devices_url + "/v1/events"
    async with door.http().post(url, data=endless(), headers=JSON) as answer:
        assert (await problem_of(answer)).code == ProblemCode.BODY_TOO_LARGE


async def test_media_has_its_own_limit(door: Door, household: Household) -> None:
    path = f"/v1/media/{'A' * 43}"
    headers = {"Authorization": authorization(door, household.camera, "PUT", path)}
    headers["Content-Type"] = "image/jpeg"
    body = BytesIO(bytes(2_000_001))
    async with door.http().put(door.devices_url + path, data=body, headers=headers) as answer:
        assert (await problem_of(answer)).code == ProblemCode.BODY_TOO_LARGE


PATHS = [
    "/v1/devices/..%2f..%2fetc%2fpasswd",
    "/v1/devices/%2e%2e",
    "/v1/devices/did:key:z6Mk%00",
    "/v1/devices/did:key:z6MkA",
    "/v1/media/..%2f..%2fhub.key",
    "/v1/media/" + "A" * 42,
    "/v1/media/" + "_" * 43,
    "/v1/media/" + "é" * 43,
    "/v1/records/../../etc/passwd",
    "/../../../../etc/passwd",
    "/v1/devices/did:web:example.com",
    "//evil.example/v1/home",
]


@pytest.mark.parametrize("path", PATHS)
async def test_ids_have_a_fixed_alphabet(door: Door, household: Household, path: str) -> None:
    owner = door.person(household.owner)
    await owner.home()
    token = next(iter(owner._ring._tokens.values()))
    for base, headers in (
        (door.devices_url, {}),
        (door.residents_url, {"Authorization": f"Bearer {token}"}),
    ):
        async with door.http().get(URL(base + path, encoded=True), headers=headers) as answer:
            problem = await problem_of(answer)
        assert problem.code in {
            ProblemCode.INVALID_PARAMETER,
            ProblemCode.NOT_FOUND,
            ProblemCode.METHOD_NOT_ALLOWED,
            ProblemCode.MALFORMED_REQUEST,
        }


@pytest.mark.parametrize(
    ("host", "welcome"),
    [
        ("127.0.0.1:8440", True),
        ("[::1]:8440", True),
        ("[fe80::1%eth0]:8440", True),
        ("localhost", True),
        ("kitchen.local:8440", True),
        ("KITCHEN.LOCAL.", True),
        ("hub.example", True),
        ("evil.example", False),
        ("evil.example:8440", False),
        ("local", False),
        ("kitchen.local.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("a@127.0.0.1", False),
        ("", False),
    ],
)
async def test_only_names_of_this_hub_are_answered(door: Door, host: str, welcome: bool) -> None:  # noqa: FBT001 - a column of the table
    url = door.devices_url + "/.well-known/homechain"
    async with door.http().get(url, headers={"Host": host}) as answer:
        if welcome:
            assert answer.status == 200
        else:
            assert (await problem_of(answer)).code == ProblemCode.HOST_REFUSED


async def test_web_pages_have_no_access(door: Door) -> None:
    for origin in ("https://evil.example", "null", door.devices_url):
        url = door.devices_url + "/.well-known/homechain"
        async with door.http().get(url, headers={"Origin": origin}) as answer:
            assert (await problem_of(answer)).code == ProblemCode.ORIGIN_REFUSED
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_unknown_paths_and_methods(door: Door) -> None:
    http = door.http()
    async with http.get(door.devices_url + "/v1/home") as answer:
        assert (await problem_of(answer)).code == ProblemCode.NOT_FOUND
    async with http.delete(door.devices_url + "/v1/events") as answer:
        assert (await problem_of(answer)).code == ProblemCode.METHOD_NOT_ALLOWED
        assert answer.headers["Allow"] == "POST"
    async with http.options(door.devices_url + "/v1/events") as answer:
        assert (await problem_of(answer)).code == ProblemCode.METHOD_NOT_ALLOWED


QUERIES = [
    "/v1/devices?kind=teapot",
    "/v1/devices?colour=red",
    "/v1/devices?area=a&area=b",
    "/v1/records?limit=0",
    "/v1/records?limit=1001",
    "/v1/records?limit=9999999999999999999999",
    "/v1/records?before=-1",
    "/v1/records?kind=genesis,../x",
    "/v1/records?signer=did:web:x",
    "/v1/blocks?from=NaN",
    "/v1/explain",
    "/v1/explain?person=x&device=y&action=z",
    "/v1/stream?after=-1",
    "/v1/stream?after=now",
]


@pytest.mark.parametrize("path", QUERIES)
async def test_a_bad_query_is_refused(door: Door, household: Household, path: str) -> None:
    owner = door.person(household.owner)
    await owner.home()
    headers = {"Authorization": f"Bearer {next(iter(owner._ring._tokens.values()))}"}
    async with door.http().get(door.residents_url + path, headers=headers) as answer:
        assert (await problem_of(answer)).code == ProblemCode.INVALID_PARAMETER


async def test_an_expired_command_is_refused(door: Door, household: Household) -> None:
    owner = door.person(household.owner)
    raw = household.home.command_record(household.owner, household.lock).raw
    door.hub.clock.pass_s(120)
    head = door.hub.head
    problem = await refused(lambda: owner.post_record(raw))
    assert problem.code == ProblemCode.EXPIRED
    assert door.hub.head == head


async def test_nobody_hands_in_what_another_signed(door: Door, household: Household) -> None:
    raw = household.home.command_record(household.owner, household.lock).raw
    problem = await refused(lambda: door.person(household.guest).post_record(raw))
    assert problem.code == ProblemCode.FORBIDDEN


async def refused(call: Callable[[], Awaitable[object]]) -> Problem:
    with pytest.raises(HubProblem) as caught:
        await call()
    return caught.value.problem


@pytest.mark.parametrize(
    ("failure", "code"),
    [(HubFailed(), ProblemCode.STORAGE_FAILED), (HubBusy(), ProblemCode.BUSY)],
)
async def test_a_hub_in_trouble_says_to_try_another(
    door: Door, household: Household, failure: Exception, code: ProblemCode
) -> None:
    door.hub.failure = failure
    raw = household.home.event_record(household.lock, bolt="locked").raw
    url = door.devices_url + "/v1/events"
    async with door.http().post(url, data=raw, headers=JOSE) as answer:
        assert (await problem_of(answer)).code == code
        assert answer.status == 503


async def test_a_fault_of_the_hub_tells_nothing_of_its_inside(
    door: Door, household: Household, caplog: pytest.LogCaptureFixture
) -> None:
    door.hub.failure = RuntimeError("/var/lib/homechain/hub.key is upside down")
    raw = household.home.event_record(household.lock, bolt="locked").raw
    url = door.devices_url + "/v1/events"
    async with door.http().post(url, data=raw, headers=JOSE) as answer:
        body = await answer.read()
        assert (await problem_of(answer)).code == ProblemCode.INTERNAL
    assert b"hub.key" not in body
    assert b"Traceback" not in body
    assert "upside down" in caplog.text
