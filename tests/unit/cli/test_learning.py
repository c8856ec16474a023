"""What a profile believes of the hubs: only what owners of its own home signed."""

from itertools import count

import pytest

from homechain.cli.learning import hubs_of
from homechain.crypto.hashing import b64u
from homechain.crypto.keys import PrivateKey
from homechain.ledger.errors import LedgerError
from homechain.ledger.records import SignedRecord, read_record, sign_record
from homechain.model.ids import digest_text
from homechain.model.records import Genesis, HubDescription, HubRecord, PersonRecord, Role

ANNA, BEN, MALLORY = (PrivateKey.from_seed(bytes([seed]) * 32) for seed in (1, 2, 3))


def hub(name: str) -> HubDescription:
    key = PrivateKey.from_seed(name.encode().ljust(32, b"."))
    return HubDescription(
        hub=key.public.did, name=name, certificate="AAAA", mesh=[], api=[], residents=[]
    )


def founded(owner: PrivateKey = ANNA) -> SignedRecord:
    genesis = Genesis(
        iss=owner.public.did,
        ctr=1,
        iat=0,
        name="Linden Street",
        owner_name="Anna",
        time_zone="UTC",
        hubs=[hub("Hall")],
        nonce=b64u(bytes(32)),
    )
    return sign_record(genesis, owner)


HOME = digest_text(founded().id)
counters = count(2)


def put(
    name: str, *, by: PrivateKey = ANNA, home: str = HOME, removed: bool = False
) -> SignedRecord:
    record = HubRecord(
        iss=by.public.did, ctr=next(counters), iat=0, home=home, hub=hub(name), removed=removed
    )
    return sign_record(record, by)


def owns(person: PrivateKey, *, role: Role = Role.OWNER, removed: bool = False) -> SignedRecord:
    record = PersonRecord(
        iss=ANNA.public.did,
        ctr=next(counters),
        iat=0,
        home=HOME,
        person=person.public.did,
        name="Ben",
        role=role,
        removed=removed,
    )
    return sign_record(record, ANNA)


def names(*records: SignedRecord) -> list[str]:
    return [each.name for each in hubs_of(HOME, list(records))]


def test_hubs_come_and_go_as_owners_sign() -> None:
    assert names(founded()) == ["Hall"]
    assert names(founded(), put("Attic")) == ["Hall", "Attic"]
    assert names(founded(), put("Attic"), put("Hall", removed=True)) == ["Attic"]


def test_no_order_of_the_records_brings_a_removed_hub_back() -> None:
    added, removed = put("Attic"), put("Attic", removed=True)
    assert names(founded(), added, removed) == ["Hall"]
    assert names(founded(), removed, added) == ["Hall"]
    assert names(founded(), added, removed, added) == ["Hall"]


def test_an_owner_who_was_added_counts_until_removed() -> None:
    assert names(founded(), owns(BEN), put("Attic", by=BEN)) == ["Hall", "Attic"]
    gone = owns(BEN, removed=True)
    assert names(founded(), owns(BEN), gone, put("Attic", by=BEN)) == ["Hall"]


@pytest.mark.parametrize("role", [Role.GUEST, Role.RESIDENT])
def test_others_add_no_hubs(role: Role) -> None:
    assert names(founded(), owns(BEN, role=role), put("Attic", by=BEN)) == ["Hall"]


def test_a_hub_cannot_be_invented() -> None:
    forged = put("Trap").raw[:-6] + b"AAAAAA"
    for record in (
        put("Trap", by=MALLORY),
        read_record(forged),
        put("Trap", home=digest_text(founded(MALLORY).id)),
    ):
        assert names(founded(), record) == ["Hall"]


def test_another_homes_beginning_is_refused() -> None:
    for records in ([], [put("Attic")], [founded(MALLORY)]):
        with pytest.raises(LedgerError):
            hubs_of(HOME, records)
