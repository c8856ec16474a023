"""A profile keeps up with its home: which hubs there are now, as owners signed it.

A hub that answers may lie. It can keep back what it does not want known, but it cannot invent a
hub: genesis is what the home's id says, and every record after it is checked against the owners
that the records before it name.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from homechain.api.client.errors import ClientError
from homechain.cli import CommandFailed
from homechain.crypto.errors import CryptoError
from homechain.ledger.errors import LedgerError
from homechain.ledger.records import SignedRecord, read_record, verify_record
from homechain.model.ids import digest_text
from homechain.model.records import Genesis, HubDescription, HubRecord, PersonRecord, Role

if TYPE_CHECKING:
    from homechain.api.client.hub import HubClient
    from homechain.cli.profile import Profile

PATIENCE_S = 5.0
"""The command itself is done: nobody waits long for what only the next one may need."""
PAGE_RECORDS = 100
KINDS = (Genesis.KIND, PersonRecord.KIND, HubRecord.KIND)


async def learn_hubs(client: "HubClient", profile: "Profile") -> None:
    """Writes the home's hubs into `profile` if they are others than it knows.

    Guests are not told about hubs; they, and whoever hears nothing of use, keep what they have.
    """
    with contextlib.suppress(ClientError, LedgerError, CryptoError, CommandFailed, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            home = profile.home()
            members = {hub.did for hub in (await client.mesh()).hubs if hub.member}
            if members == {hub.hub for hub in home.hubs}:
                return
            hubs = hubs_of(home.home, await _records(client))
        if members == {hub.hub for hub in hubs}:
            profile.write_home(msgspec.structs.replace(home, hubs=hubs))


def hubs_of(home: str, records: list[SignedRecord]) -> list[HubDescription]:
    """The hubs that owners put into the home, by `records` in the order of the ledger.

    Records that no owner signed change nothing. `LedgerError` if the first does not found `home`.
    """
    if not records or not isinstance(genesis := records[0].payload, Genesis):
        raise LedgerError("the records do not begin with a genesis record")
    if digest_text(records[0].id) != home or not verify_record(records[0]):
        raise LedgerError("the genesis record is that of another home")
    owners = {genesis.iss}
    hubs = {hub.hub: hub for hub in genesis.hubs}
    removed: set[str] = set()
    for record in records[1:]:
        payload = record.payload
        if payload.iss not in owners or digest_text(record.home) != home:
            continue
        if not verify_record(record):
            continue
        if isinstance(payload, PersonRecord):
            owners.discard(payload.person)
            if payload.role is Role.OWNER and not payload.removed:
                owners.add(payload.person)
        elif isinstance(payload, HubRecord):
            if payload.removed:
                removed.add(payload.hub.hub)
            else:
                hubs[payload.hub.hub] = payload.hub
    # A used key never comes back, so no order in which a liar shows the records revives one.
    return [hub for did, hub in hubs.items() if did not in removed]


async def _records(client: "HubClient") -> list[SignedRecord]:
    found: list[SignedRecord] = []
    before = None
    while True:
        page = await client.records(kinds=KINDS, before=before, limit=PAGE_RECORDS)
        for view in page.records:
            detail = await client.record(view.id)
            found.append(read_record(detail.raw.encode("ascii")))
        if not page.more or not page.records:
            return found[::-1]
        before = page.records[-1].index
