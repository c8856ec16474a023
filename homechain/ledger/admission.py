"""Which records may enter the ledger: one function, `check`, and the rules behind it.

May live here: rules that keep senseless, replayed or unauthorised records out. May not: whether a
command is permitted; that is a decision (`policy`), and denials are recorded like permissions.
"""

from collections.abc import Iterable

from homechain.ledger.counters import CounterUse
from homechain.ledger.entries import Person
from homechain.ledger.errors import Inadmissible
from homechain.ledger.names import BadName, check_name
from homechain.ledger.records import SignedRecord, names_in
from homechain.ledger.state import StateView
from homechain.model import limits
from homechain.model.records import (
    CommandRecord,
    DeviceRecord,
    EventRecord,
    Genesis,
    GrantRecord,
    HubRecord,
    OutcomeRecord,
    PersonRecord,
    RetireRecord,
    RevokeRecord,
    Role,
)


def check(view: StateView, record: SignedRecord, *, time_ms: int) -> None:
    """Raise `Inadmissible` if a record that arrived may not enter. `time_ms` is the hub's own time.

    Beyond the rules of a block it refuses what a block would carry in vain or what depends on this
    machine's Unicode tables: `command_expired`, `bad_name`. The record's signature is verified.
    """
    check_in_block(view, record, time_ms=time_ms)
    payload = record.payload
    if isinstance(payload, CommandRecord) and time_ms >= payload.exp * 1000:
        raise Inadmissible("command_expired", "the command came after its own end")
    check_names(names_in(payload))


def check_in_block(view: StateView, record: SignedRecord, *, time_ms: int) -> None:
    """Raise `Inadmissible` if a record may not stand in a block of time `time_ms`.

    The same answer on every hub for ever.
    """
    payload = record.payload
    if isinstance(payload, Genesis):
        raise Inadmissible("second_genesis", "this home is founded already")
    if record.home != view.home_id:
        raise Inadmissible("wrong_home", "the record is for another home")
    if isinstance(payload, EventRecord | OutcomeRecord):
        _check_device(view, record)
        _check_counter(view, record)
    else:
        person = _check_person(view, record)
        _check_counter(view, record)
        _check_content(view, record, person, time_ms=time_ms)


def _check_content(view: StateView, record: SignedRecord, person: Person, *, time_ms: int) -> None:
    match record.payload:
        case CommandRecord() as payload:
            _check_command(view, payload)
        case PersonRecord() as payload:
            _need_owner(person)
            _check_person_record(view, payload)
        case HubRecord() as payload:
            _need_owner(person)
            _check_hub_record(view, payload)
        case DeviceRecord():
            _need_giver(person)
            _check_device_record(view, record)
        case RetireRecord() as payload:
            _need_giver(person)
            _check_retire(view, payload)
        case GrantRecord() as payload:
            _need_giver(person)
            _check_grant(view, payload, time_ms=time_ms)
        case RevokeRecord() as payload:
            _check_revoke(view, payload, person)
        case _:
            raise Inadmissible("malformed", f"no rule for a {record.kind} record")


def check_names(names: Iterable[str]) -> None:
    """Raise `Inadmissible` (`bad_name`) unless each is a name exactly as it stands."""
    for name in names:
        try:
            check_name(name)
        except BadName as error:
            raise Inadmissible("bad_name", f"{name!a}: {error}") from error


def _check_counter(view: StateView, record: SignedRecord) -> None:
    match view.counter(record.signer).use_of(record.payload.ctr):
        case CounterUse.REPLAYED:
            raise Inadmissible("counter_replayed", "the signer used this counter before")
        case CounterUse.TOO_OLD:
            raise Inadmissible(
                "counter_too_old",
                f"the counter is more than {limits.COUNTER_WINDOW - 1} below the highest",
            )
        case CounterUse.FRESH:
            pass


def _check_device(view: StateView, record: SignedRecord) -> None:
    device = view.device(record.signer)
    if device is None:
        if view.person(record.signer) is not None or view.hub(record.signer) is not None:
            raise Inadmissible("wrong_signer", f"only a device signs a record of {record.kind}")
        raise Inadmissible("unknown_signer", "the signer is no device of this home")
    if device.retired:
        raise Inadmissible("signer_removed", f"{device.name} is no longer in service")


def _check_person(view: StateView, record: SignedRecord) -> Person:
    person = view.person(record.signer)
    if person is None:
        if view.device(record.signer) is not None or view.hub(record.signer) is not None:
            raise Inadmissible("wrong_signer", f"only a person signs a record of {record.kind}")
        raise Inadmissible("unknown_signer", "the signer is no person of this home")
    if person.removed:
        raise Inadmissible("signer_removed", f"{person.name} no longer belongs to this home")
    return person


def _need_owner(person: Person) -> None:
    if person.role is not Role.OWNER:
        raise Inadmissible("not_permitted", f"only an owner may do this; {person.name} is none")


def _need_giver(person: Person) -> None:
    if not person.may_give:
        raise Inadmissible(
            "not_permitted", f"only an owner or resident may do this; {person.name} is a guest"
        )


def _check_new_key(view: StateView, did: str) -> None:
    """A key names one thing once: whoever brings a used key would inherit its past."""
    if view.person(did) or view.hub(did) or view.device(did):
        raise Inadmissible("key_used", f"{did} is or was in use in this home")


def _check_command(view: StateView, payload: CommandRecord) -> None:
    if not 0 < payload.exp - payload.iat <= limits.COMMAND_LIFETIME_S:
        raise Inadmissible(
            "command_lifetime",
            f"a command lives 1 to {limits.COMMAND_LIFETIME_S} s, not {payload.exp - payload.iat}",
        )
    if view.device(payload.device) is None:
        raise Inadmissible("unknown_device", "this home has no such device")


def _check_person_record(view: StateView, payload: PersonRecord) -> None:
    known = view.person(payload.person)
    if known is None:
        if payload.removed:
            raise Inadmissible("unknown_person", "nobody to remove")
        _check_new_key(view, payload.person)
        if sum(not person.removed for person in view.persons()) >= limits.PERSONS:
            raise Inadmissible("too_many_persons", f"a home has at most {limits.PERSONS} persons")
        return
    if known.removed:
        raise Inadmissible("key_used", f"{known.name} was removed; a new key is needed")
    loses_owner = known.role is Role.OWNER and (payload.removed or payload.role is not Role.OWNER)
    if loses_owner and not any(
        person.role is Role.OWNER and not person.removed and person.did != known.did
        for person in view.persons()
    ):
        raise Inadmissible("last_owner", "a home keeps at least one owner")


def _check_hub_record(view: StateView, payload: HubRecord) -> None:
    members = view.configuration.members
    did = payload.hub.hub
    if payload.removed:
        if did not in members:
            raise Inadmissible("unknown_hub", "this hub does not belong to the home")
        if len(members) == 1:
            raise Inadmissible("last_hub", "a home keeps at least one hub")
        return
    _check_new_key(view, did)
    if len(members) >= limits.HUBS:
        raise Inadmissible("too_many_hubs", f"a home has at most {limits.HUBS} hubs")


def _check_device_record(view: StateView, record: SignedRecord) -> None:
    assert record.description is not None, "a device record was read with its description"
    description = record.description.payload
    _check_new_key(view, description.iss)
    if view.hub(description.hub) is None:
        raise Inadmissible("unknown_hub", "the device registered with a hub of another home")
    if sum(not device.retired for device in view.devices()) >= limits.DEVICES:
        raise Inadmissible("too_many_devices", f"a home has at most {limits.DEVICES} devices")


def _check_retire(view: StateView, payload: RetireRecord) -> None:
    device = view.device(payload.device)
    if device is None:
        raise Inadmissible("unknown_device", "this home has no such device")
    if device.retired:
        raise Inadmissible("already_retired", f"{device.name} is out of service already")


def _check_grant(view: StateView, payload: GrantRecord, *, time_ms: int) -> None:
    if payload.aud != payload.home:
        raise Inadmissible("wrong_audience", "aud is not the home")
    if not payload.nbf < payload.exp:
        raise Inadmissible("empty_grant", "the grant ends before it begins")
    subject = view.person(payload.sub)
    if subject is None or subject.removed:
        raise Inadmissible("unknown_person", "the grant is for nobody of this home")
    if view.grant(payload.jti) is not None:
        raise Inadmissible("grant_id_used", "another grant has this jti")
    for authorization in payload.authorization_details:
        if not authorization.devices and not authorization.areas:
            raise Inadmissible("empty_grant", "an authorization names no device and no area")
        for did in authorization.devices:
            device = view.device(did)
            if device is None or device.retired:
                raise Inadmissible("unknown_device", f"{did} is no device in service")
    active = sum(not grant.revoked and time_ms < grant.exp_s * 1000 for grant in view.grants())
    if active >= limits.GRANTS_ACTIVE:
        raise Inadmissible("too_many_grants", f"at most {limits.GRANTS_ACTIVE} grants are active")


def _check_revoke(view: StateView, payload: RevokeRecord, person: Person) -> None:
    grant = view.grant(payload.grant)
    if grant is None:
        raise Inadmissible("unknown_grant", "this home has no such grant")
    if person.role is not Role.OWNER and grant.issuer != person.did:
        raise Inadmissible("not_permitted", "only an owner, or who gave the grant, revokes it")
    if grant.revoked:
        raise Inadmissible("already_revoked", "the grant was revoked before")
