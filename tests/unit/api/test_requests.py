"""What waits to be taken in, as residents see it; and the door that only TLS opens."""

import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.gates import private
from homechain.api.server.refusals import Refused
from homechain.doorway import is_loopback
from homechain.model.messages import PendingDevice, PendingHub
from tests.fakes.home import hub_description, made_key
from tests.unit.api.conftest import Door, Household


async def test_a_hub_that_waits_is_shown_and_unreadable_ones_are_not(
    door: Door, household: Household
) -> None:
    newcomer = hub_description(made_key("new hub"), name="Attic")
    naughty = msgspec.structs.replace(newcomer, name="\x1b[2J")
    door.hub.hubs_waiting = [
        PendingHub(description=data, via=door.hub.did, seen_ms=1)
        for data in (
            b"\xff",
            b"{}",
            msgspec.json.encode(naughty),
            msgspec.json.encode(newcomer),
        )
    ]
    (shown,) = (await door.person(household.owner).requests()).hubs
    assert (shown.did, shown.name) == (newcomer.hub, "Attic")
    assert shown.description == newcomer


async def test_an_unreadable_device_of_another_hub_is_not_shown(
    door: Door, household: Household
) -> None:
    door.hub.devices_waiting = [
        PendingDevice(
            description=raw, hub_nonce=b"short", device_nonce=b"", hub=door.hub.did, seen_ms=1
        )
        for raw in (b"\xff", household.home.genesis.raw)
    ]
    assert (await door.person(household.owner).requests()).devices == []


async def test_residents_need_tls_from_another_machine() -> None:
    request = make_mocked_request("GET", "/v1/home").clone(remote="192.0.2.7")

    async def handler(_: object) -> None:
        raise AssertionError("the door is shut")

    with pytest.raises(Refused) as refused:
        await private(request, handler)  # type: ignore[arg-type]  # never called
    assert refused.value.code is ProblemCode.TLS_REQUIRED


def test_this_machine_is_known_by_its_addresses() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("192.0.2.7", "fe80::1%eth0", "", None, "localhost")))
