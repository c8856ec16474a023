"""Whom to ask, what time it is, what values fit: the pure parts of the device kit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from homechain.model.records import Affordance, DeviceKind, Thing
from homechain_devices.sdk import BadDescription, BadValue, Change, DeviceClock, Outcome, WrongHome
from homechain_devices.sdk.arguments import check_arguments, check_value
from homechain_devices.sdk.discovery import api_addresses, is_of_home
from homechain_devices.sdk.readings import Readings, Unsaved
from homechain_devices.sdk.roster import HubRoster
from homechain_devices.sdk.trust import Trust
from homechain_devices.steps import Step
from tests.unit.devices.made_hub import House, MadeHub

A, B, C = "192.0.2.1:8440", "192.0.2.2:8440", "[2001:db8::3]:8440"


def roster(*addresses: str) -> HubRoster:
    return HubRoster(addresses, backoff_first_ms=100, backoff_most_ms=1_000, chance=lambda: 1.0)


# ---------------------------------------------------------------- whom to ask


def test_the_hub_that_worked_last_is_asked_first() -> None:
    hubs = roster(A, B, C)
    assert hubs.best(0) == (A, 0)
    hubs.worked(B, 10)
    assert hubs.best(20) == (B, 0)
    assert hubs.best(20, but={B}) == (A, 0)


def test_a_hub_that_failed_is_left_alone_for_longer_each_time() -> None:
    hubs = roster(A)
    waits = []
    for _ in range(6):
        hubs.failed(A, 0)
        found = hubs.best(0)
        assert found is not None
        waits.append(found[1])
    assert waits == [100, 200, 400, 800, 1_000, 1_000]
    hubs.worked(A, 0)
    assert hubs.best(0) == (A, 0)


def test_a_hub_that_never_failed_comes_before_one_that_did() -> None:
    hubs = roster(A, B)
    hubs.failed(A, 0)
    assert hubs.best(0) == (B, 0)
    assert hubs.best(500) == (B, 0), "also when it may be asked again"


def test_what_is_known_of_hubs_survives_a_new_list() -> None:
    hubs = roster(A, B)
    hubs.failed(A, 0)
    hubs.replace([A, C])
    assert hubs.best(0) == (C, 0)
    assert hubs.best(0, but={C}) == (A, 100)
    hubs.replace([])
    assert hubs.best(0) is None
    hubs.failed(B, 0)
    hubs.worked(B, 0)


# ---------------------------------------------------------------- what time it is


class Box:
    """A box whose clocks are set by hand."""

    def __init__(self) -> None:
        self.wall_ms = 0
        self.passed_ms = 0
        self.clock = DeviceClock(wall_ms=lambda: self.wall_ms, monotonic_ms=lambda: self.passed_ms)


def test_a_box_without_a_clock_keeps_time_from_what_was_proven() -> None:
    box = Box()
    box.clock.learn(5_000)
    box.passed_ms = 700
    assert box.clock.now_ms() == 5_700
    box.clock.learn(5_100)
    assert box.clock.now_ms() == 5_700, "an older header says nothing"


def test_a_clock_that_is_set_back_revives_nothing() -> None:
    box = Box()
    box.wall_ms = 9_000
    box.clock.learn(8_000)
    box.wall_ms = 1_000
    assert box.clock.now_ms() == 8_000


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 10_000)), max_size=30))
def test_proven_time_never_goes_back(steps: list[tuple[int, int]]) -> None:
    box = Box()
    before = box.clock.now_ms()
    for passed_ms, proven_ms in steps:
        box.passed_ms += passed_ms
        box.clock.learn(proven_ms)
        assert box.clock.now_ms() >= max(before + passed_ms, proven_ms)
        before = box.clock.now_ms()


# ---------------------------------------------------------------- what values fit


@pytest.mark.parametrize(
    ("affordance", "value", "reason"),
    [
        (Affordance(type="integer"), 1.5, "x must be of type integer"),
        (Affordance(type="integer"), True, "x must be of type integer"),
        (Affordance(type="number"), float("nan"), "x must be of type number"),
        (Affordance(type="boolean"), 1, "x must be of type boolean"),
        (Affordance(type="string"), None, "x must be of type string"),
        (Affordance(type="object"), "{}", "x must be of type object"),
        (Affordance(enum=["a", "b"]), "c", "x must be one of a, b"),
        (Affordance(minimum=5, unit="°C"), 4.9, "x must be at least 5 °C"),
        (Affordance(maximum=30), 31, "x must be at most 30"),
        (Affordance(type="string"), "y" * 300, "x is longer than 256 characters"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_bound(
    affordance: Affordance, value: Any, reason: str
) -> None:
    with pytest.raises(BadValue, match=reason):
        check_value("x", affordance, value)


def test_values_that_fit_pass() -> None:
    check_value("x", Affordance(type="number", minimum=5, maximum=30), 21)
    check_value("x", Affordance(), {"any": "thing"})
    check_arguments("a", Affordance(), {})
    declared = Affordance(input={"x": Affordance(type="integer"), "y": Affordance()})
    check_arguments("a", declared, {"x": 1}, optional=("y",))


def test_readings_are_what_a_strict_reader_takes() -> None:
    thing = Thing(title="T", at_type=DeviceKind.OTHER, properties={"x": Affordance()})
    readings = Readings(thing)
    assert readings.make("x", {"nested": [1, 2]}, at_ms=5).value == {"nested": [1, 2]}
    for value in (2**60, "\ud800", {"deep": {"er": "y" * 4_000}}, {"set": {1, object()}}):
        with pytest.raises(BadValue):
            readings.make("x", value, at_ms=5)
    with pytest.raises(BadDescription):
        readings.make("y", 1, at_ms=5)


def test_readings_before_the_disk_are_bounded() -> None:
    unsaved = Unsaved(most=2)
    readings = Readings(Thing(title="T", at_type=DeviceKind.OTHER, properties={"x": Affordance()}))
    dropped = [unsaved.add(readings.make("x", value, at_ms=0)) for value in range(3)]
    assert dropped == [0, 0, 1]
    assert [reading.value for reading in unsaved.take()] == [1, 2]
    assert unsaved.take() == []


def test_an_outcome_says_what_a_models_step_says() -> None:
    change = Change("bolt", "jammed")
    assert Outcome.of(Step(None, (change,), "the bolt is jammed")) == Outcome.failed(
        "the bolt is jammed", change
    )
    assert Outcome.of(Step(None, (change,))) == Outcome.done(bolt="jammed")


# ---------------------------------------------------------------- where hubs are, and which


def test_addresses_heard_by_mdns_are_read_with_suspicion() -> None:
    hosts = ["192.0.2.1", "fe80::1%eth0"]
    assert api_addresses({b"api": b"8440"}, hosts) == ["192.0.2.1:8440", "[fe80::1%eth0]:8440"]
    for port in (b"", b"0", b"70000", b"-1", b"8440/", b"\xb2", None):
        assert api_addresses({b"api": port}, hosts) == []
    assert api_addresses({}, hosts) == []


def test_of_two_homes_that_are_heard_only_the_wanted_one_counts() -> None:
    ours: dict[bytes, bytes | None] = {b"home": b"7FynfFyHp9xL"}
    assert is_of_home(ours, "")
    assert is_of_home(ours, "7FynfFyHp9xL-uv7NuTwUDddugTjl_VpU9v0xCao8vY")
    assert is_of_home(ours, "7Fyn")
    assert not is_of_home(ours, "8Fyn")
    assert not is_of_home({b"home": b""}, "7Fyn")
    assert not is_of_home({b"home": b"\xff"}, "7Fyn")


def hubs_at(house: House, *addresses: str) -> None:
    for number, address in enumerate(addresses):
        MadeHub(house, number).address = address


def trust_in(house: House) -> Trust:
    return Trust.from_bundle(house.bundle(), home=house.home.id_text, name="n", area="a")


async def test_papers_of_another_home_are_refused() -> None:
    house = House()
    other = replace(house.bundle(), home="A" * 43)
    with pytest.raises(WrongHome):
        Trust.from_bundle(house.bundle(), home="A" * 43, name="n", area="a")
    with pytest.raises(WrongHome):
        trust_in(house).take_bundle(other)


async def test_a_checkpoint_without_a_quorum_is_refused() -> None:
    house = House()
    trust = trust_in(house)
    house.home.add_device("Door")
    bundle = house.bundle()
    commit = bundle.checkpoint.commit
    assert commit is not None
    thin = replace(commit, endorsements=commit.endorsements[:1])
    with pytest.raises(WrongHome):
        trust.take_bundle(replace(bundle, checkpoint=replace(bundle.checkpoint, commit=thin)))
    before = trust.proven_ms
    trust.take_bundle(bundle)
    assert trust.proven_ms > before


async def test_a_liar_cannot_hide_the_other_hubs() -> None:
    house = House()
    hubs_at(house, A, B)
    trust = trust_in(house)
    assert set(trust.paper.addresses()) == {A, B}
    lie = [replace(hub, api=["198.51.100.9:1"]) for hub in house.bundle().hubs[:1]]
    stranger = replace(lie[0], hub=house.home.owner.did)
    trust.take_bundle(replace(house.bundle(), hubs=[*lie, stranger]))
    assert set(trust.paper.addresses()) == {"198.51.100.9:1", A, B}
    assert {hub.hub for hub in trust.paper.hubs} <= set(house.home.hub_keys)


async def test_papers_come_back_from_the_disk() -> None:
    house = House()
    hubs_at(house, A, B)
    trust = trust_in(house)
    again = Trust.from_papers(trust.papers())
    assert again is not None
    assert again.papers() == trust.papers()
    assert Trust.from_papers({}) is None
