"""Signed records: read strictly, verified, and signed by whoever owns the key.

May live here: the way from bytes to a `SignedRecord`, whose form is beyond doubt. May not: whether
the record may enter (`admission`) or what it changes (`fold`). The verdict on bytes must be the
same on every hub, whatever its Python: nothing here may depend on Unicode tables.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from homechain.crypto import merkle
from homechain.crypto.errors import CryptoError
from homechain.crypto.hashing import sha256
from homechain.crypto.jws import CompactJws, parse_compact, sign_compact
from homechain.crypto.keys import PrivateKey, PublicKey
from homechain.crypto.strict_json import decode_strict
from homechain.ledger.errors import Inadmissible
from homechain.ledger.names import forbidden_character
from homechain.model import limits
from homechain.model.errors import FormatError
from homechain.model.ids import digest_from_text
from homechain.model.records import (
    Affordance,
    CommandRecord,
    DeviceDescription,
    DeviceRecord,
    Genesis,
    GrantRecord,
    HomeRecord,
    HubRecord,
    OutcomeRecord,
    PersonRecord,
    Record,
    Thing,
    read_payload,
    write_payload,
)

SignatureCheck = tuple[PublicKey, bytes, bytes]
"""(key, signature, message): what `keys.verify_batch` takes."""

_description_decoder: Final = msgspec.json.Decoder(DeviceDescription, strict=True)


class SignedDescription(Struct, frozen=True, kw_only=True):
    """A device's self-description whose form is right; the signature may not be checked yet."""

    raw: bytes
    id: bytes
    """32 bytes."""
    payload: DeviceDescription
    signature: bytes

    @property
    def signer(self) -> str:
        """The device's own name."""
        return self.payload.iss


class SignedRecord(Struct, frozen=True, kw_only=True):
    """A record whose form is right; the signature may not be checked yet."""

    raw: bytes
    """The exact bytes: stored, hashed and sent on as they are."""
    id: bytes
    """32 bytes: SHA-256 of the signing input. The id of a genesis record names the home."""
    payload: Record
    signature: bytes
    """64 bytes."""
    leaf: bytes
    """32 bytes: hash of the record as a leaf of the ledger's Merkle tree."""
    description: SignedDescription | None = None
    """What a `DeviceRecord` embeds."""

    @property
    def kind(self) -> str:
        """`genesis`, `person`, `hub`, `device`, `retire`, `event`, `command`, …"""
        return self.payload.KIND

    @property
    def signer(self) -> str:
        """`did:key` of whoever claims to have signed it."""
        return self.payload.iss

    @property
    def home(self) -> bytes:
        """32 bytes: the home that the record is for. A genesis record is for the home it founds."""
        if isinstance(self.payload, HomeRecord):
            return digest_from_text(self.payload.home)
        return self.id


def read_record(raw: bytes) -> SignedRecord:
    """The record in `raw`, its signature not checked yet.

    Raises `Inadmissible`: `too_large` beyond `limits.RECORD_BYTES`; `invalid_key` where a key that
    it names is no acceptable Ed25519 key; `malformed` for everything else: no compact JWS of the
    one form (RFC 7515), ambiguous JSON, unknown type or field, a field out of bounds, a name with
    control or format characters.
    """
    if len(raw) > limits.RECORD_BYTES:
        raise Inadmissible("too_large", f"a record has at most {limits.RECORD_BYTES} bytes")
    raw = bytes(raw)
    jws = _envelope(raw)
    try:
        decode_strict(jws.payload)
        payload = read_payload(jws.typ, jws.payload)
        _check_fields(payload)
    except (CryptoError, FormatError) as error:
        raise Inadmissible("malformed", str(error)) from error
    _check_keys(payload)
    description = None
    if isinstance(payload, DeviceRecord):
        description = read_description(payload.description.encode("utf-8"))
        if description.payload.home != payload.home:
            raise Inadmissible("wrong_home", "the device described itself to another home")
    return SignedRecord(
        raw=raw,
        id=jws.id,
        payload=payload,
        signature=jws.signature,
        leaf=merkle.leaf_hash(raw),
        description=description,
    )


def record_id(raw: bytes) -> bytes:
    """The id that `raw` has if it is a record: 32 bytes. Says nothing about whether it is one."""
    return sha256(raw.rpartition(b".")[0])


def read_description(raw: bytes) -> SignedDescription:
    """A device's signed self-description, its signature not checked yet.

    Raises `Inadmissible` as `read_record` does.
    """
    if len(raw) > limits.RECORD_BYTES:
        raise Inadmissible("too_large", f"a description has at most {limits.RECORD_BYTES} bytes")
    jws = _envelope(raw)
    if jws.typ != DeviceDescription.TYP:
        raise Inadmissible("malformed", f"a description's typ is {DeviceDescription.TYP}")
    try:
        decode_strict(jws.payload)
        payload = _description_decoder.decode(jws.payload)
        _check_canonical(payload.home, payload.commitment)
        _check_names(_names_of_thing(payload.thing))
    except (CryptoError, FormatError, msgspec.MsgspecError) as error:
        raise Inadmissible("malformed", f"description: {error}") from error
    _check_key(payload.iss)
    _check_key(payload.hub)
    return SignedDescription(raw=jws.raw, id=jws.id, payload=payload, signature=jws.signature)


def verify_record(record: SignedRecord) -> bool:
    """Say whether everybody whose name it bears signed it: `iss`, and an embedded device."""
    return all(key.verify(signature, message) for key, signature, message in record_checks(record))


def verify_description(description: SignedDescription) -> bool:
    """Say whether the device itself signed its description."""
    key, signature, message = _description_check(description)
    return key.verify(signature, message)


def record_checks(record: SignedRecord) -> list[SignatureCheck]:
    """The checks that `verify_record` makes, for whoever checks many at once elsewhere."""
    checks = [(PublicKey.from_did(record.signer), record.signature, _signed_part(record.raw))]
    if record.description is not None:
        checks.append(_description_check(record.description))
    return checks


def sign_record(payload: Record, key: PrivateKey) -> SignedRecord:
    """Sign `payload` with the key of its `iss`.

    Raises `Inadmissible` where the result would not be readable, so that nobody signs a record
    that no hub takes.
    """
    assert payload.iss == key.public.did, "a record is signed by its issuer"
    return read_record(sign_compact(write_payload(payload), typ=payload.TYP, key=key))


def sign_description(payload: DeviceDescription, key: PrivateKey) -> SignedDescription:
    """Sign a device's self-description with the device's own key."""
    assert payload.iss == key.public.did, "a device describes itself"
    return read_description(sign_compact(write_payload(payload), typ=payload.TYP, key=key))


def _envelope(raw: bytes) -> CompactJws:
    try:
        return parse_compact(raw, max_bytes=limits.RECORD_BYTES)
    except CryptoError as error:
        raise Inadmissible("malformed", str(error)) from error


def _signed_part(raw: bytes) -> bytes:
    return raw[: raw.rindex(b".")]


def _description_check(description: SignedDescription) -> SignatureCheck:
    key = PublicKey.from_did(description.signer)
    return key, description.signature, _signed_part(description.raw)


def _check_fields(payload: Record) -> None:
    """What the types alone do not say."""
    if isinstance(payload, HomeRecord):
        _check_canonical(payload.home)
    match payload:
        case Genesis():
            _check_canonical(payload.nonce)
            if len({hub.hub for hub in payload.hubs}) != len(payload.hubs):
                raise FormatError("hubs: the same hub twice")
            if payload.iss in {hub.hub for hub in payload.hubs}:
                raise FormatError("hubs: the owner's key is a hub's key")
        case CommandRecord():
            if len(msgspec.json.encode(payload.arguments)) > limits.ARGUMENT_BYTES:
                raise FormatError(f"arguments: longer than {limits.ARGUMENT_BYTES} bytes")
        case OutcomeRecord():
            _check_canonical(payload.command, *([payload.media] if payload.media else []))
        case GrantRecord():
            _check_canonical(payload.aud)
        case _:
            pass
    _check_names(names_in(payload))


def _check_canonical(*texts: str) -> None:
    for text in texts:
        digest_from_text(text)


def _check_names(names: Iterator[str]) -> None:
    for name in names:
        if (bad := forbidden_character(name)) is not None:
            raise FormatError(f"a name holds the character U+{ord(bad):04X}")
        if len(name.encode("utf-8")) > limits.NAME_BYTES:
            raise FormatError(f"a name has more than {limits.NAME_BYTES} bytes")
        if not name.strip():
            raise FormatError("a name is blank")


def names_in(payload: Record) -> Iterator[str]:
    """Every name that people will read and that this record brings in."""
    match payload:
        case Genesis():
            yield payload.name
            yield payload.owner_name
            yield payload.time_zone
            yield from (hub.name for hub in payload.hubs)
        case PersonRecord():
            yield payload.name
        case HubRecord():
            yield payload.hub.name
        case DeviceRecord():
            yield payload.name
            yield payload.area
        case GrantRecord():
            for authorization in payload.authorization_details:
                yield from authorization.areas
        case _:
            pass


def _names_of_thing(thing: Thing) -> Iterator[str]:
    yield thing.title
    for name in (thing.manufacturer, thing.model, thing.serial):
        if isinstance(name, str):
            yield name
    for group in (thing.properties, thing.actions, thing.events):
        for affordance in group.values():
            yield from _names_of_affordance(affordance)


def _names_of_affordance(affordance: Affordance) -> Iterator[str]:
    if isinstance(affordance.title, str):
        yield affordance.title
    if isinstance(affordance.input, dict):
        for argument in affordance.input.values():
            yield from _names_of_affordance(argument)


def _check_keys(payload: Record) -> None:
    """Small-order and non-canonical keys are refused wherever one is named."""
    _check_key(payload.iss)
    match payload:
        case Genesis():
            for hub in payload.hubs:
                _check_key(hub.hub)
        case HubRecord():
            _check_key(payload.hub.hub)
        case PersonRecord():
            _check_key(payload.person)
        case _:
            pass


def _check_key(did: str) -> None:
    try:
        PublicKey.from_did(did)
    except CryptoError as error:
        raise Inadmissible("invalid_key", f"{did}: {error}") from error
