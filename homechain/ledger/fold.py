"""What each kind of record changes. The record was admitted; nothing here refuses.

May live here: one short function a kind. May not: rules (`admission`), decisions (`policy`).
"""

import msgspec

from homechain.ledger.counters import UNUSED
from homechain.ledger.entries import Allowance, Device, Grant, Home, Hub, Person
from homechain.ledger.records import SignedRecord
from homechain.ledger.state import Draft
from homechain.model.configuration import Configuration, configuration
from homechain.model.records import (
    DeviceRecord,
    Genesis,
    GrantRecord,
    HubDescription,
    HubRecord,
    PersonRecord,
    RetireRecord,
    RevokeRecord,
    Role,
)


def apply(draft: Draft, record: SignedRecord, *, time_ms: int) -> None:
    """Write what an admitted record changes into `draft`. `time_ms` is the block's time.

    Every record uses up its counter; events, commands and outcomes change nothing else.
    """
    draft.put_counter(record.signer, draft.counter(record.signer).with_used(record.payload.ctr))
    match record.payload:
        case PersonRecord() as payload:
            _apply_person(draft, payload, time_ms=time_ms)
        case HubRecord() as payload:
            _apply_hub(draft, payload)
        case DeviceRecord() as payload:
            _apply_device(draft, payload, record)
        case RetireRecord() as payload:
            _apply_retire(draft, payload)
        case GrantRecord() as payload:
            _apply_grant(draft, payload, time_ms=time_ms)
        case RevokeRecord() as payload:
            _apply_revoke(draft, payload)
        case _:
            pass


def first_draft(genesis: SignedRecord) -> Draft:
    """The state that a genesis record makes, not finished yet."""
    payload = genesis.payload
    assert isinstance(payload, Genesis), "a home is founded by a genesis record"
    draft = Draft.first(
        home=Home(genesis.id, payload.name, payload.time_zone, payload.iss),
        configuration=configuration(
            home=genesis.id, epoch=0, members=tuple(hub.hub for hub in payload.hubs)
        ),
    )
    draft.put_person(Person(payload.iss, payload.owner_name, Role.OWNER, False, payload.iat * 1000))
    for hub in payload.hubs:
        draft.put_hub(_hub(hub, removed=False))
    draft.put_counter(payload.iss, UNUSED.with_used(payload.ctr))
    return draft


def next_configuration(current: Configuration, payload: HubRecord) -> Configuration:
    """The membership after an admitted hub record: the next epoch's."""
    did = payload.hub.hub
    members = [member for member in current.members if member != did]
    if not payload.removed:
        members.append(did)
    return configuration(home=current.home, epoch=current.epoch + 1, members=tuple(members))


def _apply_person(draft: Draft, payload: PersonRecord, *, time_ms: int) -> None:
    known = draft.person(payload.person)
    changed = Person(payload.person, payload.name, payload.role, payload.removed, time_ms)
    if known is not None and known.may_give == changed.may_give:
        changed = Person(
            payload.person, payload.name, payload.role, payload.removed, known.since_ms
        )
    draft.put_person(changed)


def _apply_hub(draft: Draft, payload: HubRecord) -> None:
    draft.put_configuration(next_configuration(draft.configuration, payload))
    known = draft.hub(payload.hub.hub)
    # What a removal says of the hub besides its name is of no interest.
    description = known.description if known is not None else payload.hub
    draft.put_hub(_hub(description, removed=payload.removed))


def _apply_device(draft: Draft, payload: DeviceRecord, record: SignedRecord) -> None:
    assert record.description is not None, "a device record was read with its description"
    description = record.description.payload
    thing = description.thing
    draft.put_device(
        Device(
            did=description.iss,
            kind=thing.at_type,
            name=payload.name,
            area=payload.area,
            actions=tuple(sorted(thing.actions)),
            properties=tuple(sorted(thing.properties)),
            retired=False,
        )
    )


def _apply_retire(draft: Draft, payload: RetireRecord) -> None:
    device = draft.device(payload.device)
    assert device is not None, "an admitted record retires a known device"
    draft.put_device(msgspec.structs.replace(device, retired=True))


def _apply_grant(draft: Draft, payload: GrantRecord, *, time_ms: int) -> None:
    draft.put_grant(
        Grant(
            jti=payload.jti,
            issuer=payload.iss,
            subject=payload.sub,
            allowances=tuple(
                Allowance(tuple(entry.devices), tuple(entry.areas), tuple(entry.actions))
                for entry in payload.authorization_details
            ),
            nbf_s=payload.nbf,
            exp_s=payload.exp,
            given_ms=time_ms,
            revoked=False,
        )
    )


def _apply_revoke(draft: Draft, payload: RevokeRecord) -> None:
    grant = draft.grant(payload.grant)
    assert grant is not None, "an admitted record revokes a known grant"
    draft.put_grant(msgspec.structs.replace(grant, revoked=True))


def _hub(description: HubDescription, *, removed: bool) -> Hub:
    return Hub(
        did=description.hub,
        name=description.name,
        certificate=description.certificate,
        mesh=tuple(description.mesh),
        api=tuple(description.api),
        residents=tuple(description.residents),
        removed=removed,
    )
