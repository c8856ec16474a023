"""The big list of naughty strings, through every name that people will read."""

import json
from pathlib import Path

import aiohttp
import pytest

from homechain.api.client import HubProblem
from homechain.crypto.hashing import b64u
from homechain.crypto.jws import sign_compact
from homechain.ledger.names import forbidden_character
from homechain.ledger.pairing import commitment_to
from homechain.model.errors import FormatError
from homechain.model.records import DeviceDescription, DeviceKind, Role, Thing, write_payload
from tests.fakes.home import made_key
from tests.unit.api.conftest import Door, Household

NAUGHTY: list[str] = json.loads(
    (Path(__file__).parents[2] / "vectors/blns/blns.json").read_text(encoding="utf-8")
)
JOSE = {"Content-Type": "application/jose"}


@pytest.mark.parametrize("place", range(0, len(NAUGHTY), 8))
async def test_naughty_names_are_refused_or_kept_as_they_are(
    door: Door, household: Household, place: int
) -> None:
    """Through a person's name, a device's own title, and queries."""
    owner, http = door.person(household.owner), door.http()
    await owner.home()
    refusals: list[int] = []
    for offset, text in enumerate(NAUGHTY[place : place + 8]):
        stranger = made_key(f"stranger {place + offset}").public.did
        try:
            await owner.put_person(stranger, name=text, role=Role.GUEST)
        except FormatError:
            continue  # never signed
        except HubProblem as refused:
            refusals.append(refused.status)
        else:
            shown = {person.did: person.name for person in await owner.persons()}
            assert shown[stranger] == text
        params = {"area": text[:256]}
        headers = {"Authorization": f"Bearer {next(iter(owner._ring._tokens.values()))}"}
        url = door.residents_url + "/v1/devices"
        async with http.get(url, params=params, headers=headers) as answer:
            assert answer.status in {200, 400}
    assert all(status < 500 for status in refusals)


async def test_naughty_titles_of_devices_never_reach_a_resident(
    door: Door, household: Household
) -> None:
    http: aiohttp.ClientSession = door.http()
    for place, text in enumerate(NAUGHTY):
        key = made_key(f"stranger {place}")
        description = DeviceDescription(
            iss=key.public.did,
            home=household.home.id_text,
            hub=door.hub.did,
            iat=1,
            commitment=commitment_to(bytes(32)),
            thing=Thing(title=text, at_type=DeviceKind.OTHER),
        )
        raw = sign_compact(write_payload(description), typ=DeviceDescription.TYP, key=key)
        async with http.post(door.devices_url + "/v1/devices", data=raw, headers=JOSE) as answer:
            assert answer.status in {202, 400, 429}, text
            if forbidden_character(text) is not None:
                assert answer.status != 202
        door.hub.clock.pass_s(5)
        await http.put(
            f"{door.devices_url}/v1/devices/{key.public.did}/pairing",
            json={"device_nonce": b64u(bytes(32))},
        )
        door.hub.clock.pass_s(3600)
    titles = [each.title for each in (await door.person(household.owner).requests()).devices]
    assert titles
    assert not [title for title in titles if forbidden_character(title) is not None]
