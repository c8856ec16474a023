"""The table of devices that wait: bounded, and fair to each source."""

from itertools import count

import pytest

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.desk import Desk
from homechain.api.server.refusals import Refused
from homechain.api.server.signed_requests import SeenRequests
from homechain.ledger.records import SignedDescription
from homechain.model.ids import digest_text
from homechain.model.records import DeviceDescription, DeviceKind, Thing

HOME = digest_text(bytes(32))
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Clock:
    now_s = 0.0


def description(number: int) -> SignedDescription:
    """Unsigned, for speed: whoever calls the desk has checked."""
    digits = "".join(ALPHABET[number // 58**place % 58] for place in range(44))
    return SignedDescription(
        raw=b"a.b.c",
        id=number.to_bytes(32, "big"),
        payload=DeviceDescription(
            iss=f"did:key:z6Mk{digits}",
            home=HOME,
            hub=f"did:key:z6Mk{digits}",
            iat=1,
            commitment=HOME,
            thing=Thing(title="Lock", at_type=DeviceKind.LOCK),
        ),
        signature=bytes(64),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Desk:
    numbers = count()
    return Desk(
        capacity=8,
        per_source=6,
        lifetime_s=60,
        now_s=lambda: clock.now_s,
        nonce=lambda: next(numbers).to_bytes(32, "big"),
    )


def test_a_flood_from_one_address_displaces_nobody_else(desk: Desk) -> None:
    honest = description(1)
    desk.introduce(honest, source="192.0.2.1")
    refused = []
    for number in range(2, 10_002):
        try:
            desk.introduce(description(number), source="192.0.2.66")
        except Refused as error:
            refused.append(error.code)
    assert refused == [ProblemCode.TOO_MANY_REQUESTS_PENDING] * (10_000 - 6)
    assert len(desk) <= 8
    assert desk.find(honest.signer) is not None


def test_a_newcomer_takes_a_place_from_the_greediest(desk: Desk) -> None:
    for number in range(6):
        desk.introduce(description(number), source="192.0.2.66")
    for number, source in ((10, "192.0.2.1"), (11, "192.0.2.2"), (12, "192.0.2.3")):
        desk.introduce(description(number), source=source)
    assert len(desk) == 8
    assert desk.find(description(0).signer) is None
    assert all(desk.find(description(number).signer) for number in (10, 11, 12))


def test_many_addresses_fill_the_table_and_no_more(desk: Desk) -> None:
    for number in range(1_000):
        try:
            desk.introduce(description(number), source=f"192.0.2.{number}")
        except Refused:
            continue
    assert len(desk) == 8


def test_who_waits_too_long_is_forgotten(desk: Desk, clock: Clock) -> None:
    desk.introduce(description(1), source="192.0.2.1")
    clock.now_s = 59
    assert desk.find(description(1).signer)
    clock.now_s = 60
    assert desk.find(description(1).signer) is None
    assert len(desk) == 0


def test_requests_that_were_seen_are_remembered_for_their_time() -> None:
    now_s = 0.0
    seen = SeenRequests(capacity=2, now_s=lambda: now_s)
    seen.remember("a", "1", lifetime_s=10)
    with pytest.raises(Refused) as replayed:
        seen.remember("a", "1", lifetime_s=10)
    assert replayed.value.code is ProblemCode.REPLAYED_REQUEST
    seen.remember("b", "1", lifetime_s=10)
    with pytest.raises(Refused) as full:
        seen.remember("a", "2", lifetime_s=10)
    assert full.value.code is ProblemCode.BUSY, "to forget early would let replays through"
    now_s = 10.0
    seen.remember("a", "2", lifetime_s=10)
    assert len(seen) == 1
