"""What a record says: one frozen type a kind, read strictly from the payload of its JWS.

The bytes that were signed are the record. These types are only how we read them: nothing is ever
encoded again from them once it has been signed. `docs/protocol.md` gives the fields in words.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from homechain.model import limits
from homechain.model.errors import FormatError
from homechain.model.ids import Did, DigestText

Counter = Annotated[int, Meta(ge=1, le=limits.COUNTER_MAX)]
Seconds = Annotated[int, Meta(ge=0, le=limits.COUNTER_MAX)]
"""Seconds since 1970 (RFC 7519 NumericDate, whole)."""
Milliseconds = Annotated[int, Meta(ge=0, le=limits.COUNTER_MAX)]
"""Milliseconds since 1970."""
Name = Annotated[str, Meta(min_length=1, max_length=limits.NAME_BYTES)]
"""What people call a thing. `names.clean_name` decides what is acceptable."""
Word = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}$(?!\n)")]
"""A name of the vocabulary: property, action, event."""
GrantId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{8,43}$(?!\n)")]
Address = Annotated[str, Meta(min_length=3, max_length=128)]
"""`host:port`, IPv6 hosts in brackets."""


class Role(StrEnum):
    """What a person is in the home."""

    OWNER = "owner"
    RESIDENT = "resident"
    GUEST = "guest"


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every record carries. `iat` is the signer's own clock: shown, never believed."""

    TYP: ClassVar[str]
    KIND: ClassVar[str]

    iss: Did
    ctr: Counter
    iat: Seconds


class HomeRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of an existing home, bound to it by `home`."""

    home: DigestText


class HubDescription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hub as the ledger knows it. Addresses are hints; the key is the identity."""

    hub: Did
    name: Name
    certificate: Annotated[str, Meta(min_length=1, max_length=2_048)]
    """Self-signed X.509 certificate of the hub's own key: base64url DER."""
    mesh: Annotated[list[Address], Meta(max_length=limits.ADDRESSES_PER_HUB)]
    """Where other hubs reach it."""
    api: Annotated[list[Address], Meta(max_length=limits.ADDRESSES_PER_HUB)]
    """Where devices reach it (plain HTTP)."""
    residents: Annotated[list[Address], Meta(max_length=limits.ADDRESSES_PER_HUB)]
    """Where residents reach it (HTTPS pinned to the hub's key)."""


class Genesis(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first record. Its id is the home's id; its signer is the first owner."""

    TYP = "homechain-genesis+jws"
    KIND = "genesis"

    name: Name
    owner_name: Name
    time_zone: Annotated[str, Meta(min_length=1, max_length=64)]
    hubs: Annotated[list[HubDescription], Meta(min_length=1, max_length=limits.HUBS)]
    nonce: DigestText
    """Makes two homes founded with the same key in the same second different homes."""


class PersonRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner takes a person in, renames them, changes their role, or removes them."""

    TYP = "homechain-person+jws"
    KIND = "person"

    person: Did
    name: Name
    role: Role
    removed: bool = False


class HubRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner adds one hub, or removes one: a change of the consensus membership (R11)."""

    TYP = "homechain-hub+jws"
    KIND = "hub"

    hub: HubDescription
    removed: bool = False


class DeviceRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner or resident takes a device in, under a name and an area."""

    TYP = "homechain-device+jws"
    KIND = "device"

    description: Annotated[str, Meta(max_length=limits.RECORD_BYTES)]
    """The device's own signed self-description: a compact JWS (`DeviceDescription`)."""
    name: Name
    area: Name


class RetireRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner or resident ends a device's service. Its key can never come back."""

    TYP = "homechain-retire+jws"
    KIND = "retire"

    device: Did


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of one property, or one occurrence of one event, at the device's own time."""

    at: Milliseconds
    name: Word
    value: str | int | float | bool | dict[str, Any] | None


class EventRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device says what it measured and what changed, oldest first."""

    TYP = "homechain-event+jws"
    KIND = "event"

    readings: Annotated[list[Reading], Meta(min_length=1, max_length=limits.READINGS_PER_EVENT)]


class CommandRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person asks a device to act. It is decided when its block is final."""

    TYP = "homechain-command+jws"
    KIND = "command"

    device: Did
    action: Word
    arguments: dict[str, Any]
    exp: Seconds


class OutcomeResult(StrEnum):
    """What became of a command, in the device's own word."""

    DONE = "done"
    REFUSED = "refused"
    """The device did not believe the proof, or the command came too late."""
    FAILED = "failed"
    """The device tried and could not, for example because the bolt jammed."""


class OutcomeRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device says what became of a command."""

    TYP = "homechain-outcome+jws"
    KIND = "outcome"

    command: DigestText
    """Id of the command record."""
    result: OutcomeResult
    reason: Annotated[str, Meta(max_length=256)] = ""
    at: Milliseconds
    media: DigestText | None = None
    """SHA-256 of a still that the command produced."""
    readings: Annotated[list[Reading], Meta(max_length=limits.READINGS_PER_EVENT)] = []
    """What the act changed, so that a door's opening and its cause are one record."""


class Authorization(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `authorization_details` (RFC 9396): these actions on these devices or areas."""

    type: Annotated[str, Meta(pattern=r"^homechain$(?!\n)")] = "homechain"
    devices: Annotated[list[Did], Meta(max_length=limits.DEVICES_PER_GRANT)] = []
    areas: Annotated[list[Name], Meta(max_length=limits.DEVICES_PER_GRANT)] = []
    actions: Annotated[list[Word], Meta(min_length=1, max_length=limits.ACTIONS_PER_GRANT)]


class GrantRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JWT (RFC 7519): `iss` lets `sub` do what `authorization_details` lists, nbf <= t < exp."""

    TYP = "homechain-grant+jwt"
    KIND = "grant"

    sub: Did
    aud: DigestText
    """The home's id again, as JWT readers expect it."""
    nbf: Seconds
    exp: Seconds
    jti: GrantId
    authorization_details: Annotated[list[Authorization], Meta(min_length=1, max_length=16)]


class RevokeRecord(HomeRecord, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner, or the person who gave it, ends a grant for good."""

    TYP = "homechain-revoke+jws"
    KIND = "revoke"

    grant: GrantId


RECORD_TYPES: tuple[type[Record], ...] = (
    Genesis,
    PersonRecord,
    HubRecord,
    DeviceRecord,
    RetireRecord,
    EventRecord,
    CommandRecord,
    OutcomeRecord,
    GrantRecord,
    RevokeRecord,
)
"""Every kind that the ledger holds."""

_DECODERS = {kind.TYP: msgspec.json.Decoder(kind, strict=True) for kind in RECORD_TYPES}


class DeviceDescription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device's signed self-description, embedded in the record that takes it in.

    `thing` is a W3C WoT Thing Description 1.1 cut to what a home needs. `commitment` is the
    SHA-256 of a secret nonce that the device reveals after the hub has answered with its own, so
    that nobody can search for a key with matching digits (see docs/protocol.md, registration).
    """

    TYP: ClassVar[str] = "homechain-description+jws"

    iss: Did
    home: DigestText
    hub: Did
    iat: Seconds
    commitment: DigestText
    thing: "Thing"


class DeviceKind(StrEnum):
    """The three kinds with a fixed vocabulary; every other device is `other`."""

    LOCK = "lock"
    CAMERA = "camera"
    THERMOSTAT = "thermostat"
    OTHER = "other"


class Affordance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A property, action or event of a Thing Description (WoT TD 1.1, section 5.3)."""

    title: Name | UnsetType = UNSET
    type: (
        Annotated[str, Meta(pattern=r"^(boolean|integer|number|string|object|null)$(?!\n)")]
        | UnsetType
    ) = UNSET
    unit: Annotated[str, Meta(max_length=16)] | UnsetType = UNSET
    minimum: float | UnsetType = UNSET
    maximum: float | UnsetType = UNSET
    enum: Annotated[list[str], Meta(max_length=32)] | UnsetType = UNSET
    input: dict[str, "Affordance"] | UnsetType = UNSET
    """Arguments of an action, by name."""


class Thing(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"at_type": "@type"}
):
    """What a device is and can do."""

    title: Name
    at_type: DeviceKind
    manufacturer: Name | UnsetType = UNSET
    model: Name | UnsetType = UNSET
    serial: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    properties: Annotated[dict[Word, Affordance], Meta(max_length=64)] = {}
    actions: Annotated[dict[Word, Affordance], Meta(max_length=64)] = {}
    events: Annotated[dict[Word, Affordance], Meta(max_length=64)] = {}


def read_payload(typ: str, payload: bytes) -> Record:
    """The record that a JWS of type `typ` says. `FormatError` names the field that is wrong.

    The caller has already refused duplicate keys, NaN and deep nesting (`crypto.strict_json`).
    """
    decoder = _DECODERS.get(typ)
    if decoder is None:
        raise FormatError(f"unknown record type {typ[:64]!r}")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise FormatError(f"{typ}: {error}") from error
    except msgspec.DecodeError as error:
        raise FormatError(f"{typ}: not JSON: {error}") from error


def write_payload(record: Record | DeviceDescription) -> bytes:
    """The payload bytes that a signer signs for `record`. Used once, by the signer only."""
    return msgspec.json.encode(record)
