"""What the state holds: small frozen values under text keys, and their exact bytes.

A value is a MessagePack array; a key names the kind and the thing: `home`, `configuration`,
`person/<did>`, `hub/<did>`, `device/<did>`, `grant/<jti>`, `counter/<did>`. A device decodes values
that it has proven against a state root, so the bytes are part of the protocol.
"""

from typing import Final

import msgspec
from msgspec import Struct

from homechain.ledger.counters import CounterWindow
from homechain.model.configuration import Configuration
from homechain.model.errors import FormatError
from homechain.model.records import DeviceKind, HubDescription, Role

HOME_KEY: Final = "home"
CONFIGURATION_KEY: Final = "configuration"


class Home(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The home itself."""

    id: bytes
    """32 bytes: id of the genesis record."""
    name: str
    time_zone: str
    """As the founder wrote it; whoever shows times must be ready for a name that is no zone."""
    owner: str
    """The founder."""


class Person(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Somebody who may sign commands. A removed person stays known and never comes back."""

    did: str
    name: str
    role: Role
    removed: bool
    since_ms: int
    """Block time since when the person may give grants or may not, without a break."""

    @property
    def may_give(self) -> bool:
        """Owners and residents give grants and take devices in; guests do not."""
        return not self.removed and self.role is not Role.GUEST


class Hub(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A hub, of the present configuration or of the past."""

    did: str
    name: str
    certificate: str
    mesh: tuple[str, ...]
    api: tuple[str, ...]
    residents: tuple[str, ...]
    removed: bool

    @property
    def description(self) -> HubDescription:
        """As the owner signed it."""
        return HubDescription(
            hub=self.did,
            name=self.name,
            certificate=self.certificate,
            mesh=list(self.mesh),
            api=list(self.api),
            residents=list(self.residents),
        )


class Device(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A device in service, or retired. Its full self-description is in its record."""

    did: str
    kind: DeviceKind
    name: str
    area: str
    actions: tuple[str, ...]
    properties: tuple[str, ...]
    retired: bool


class Allowance(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One entry of a grant: these actions on these devices, and on all devices of these areas."""

    devices: tuple[str, ...]
    areas: tuple[str, ...]
    actions: tuple[str, ...]

    def covers(self, device: Device, action: str) -> bool:
        """Say whether it speaks of this action on this device."""
        return action in self.actions and (device.did in self.devices or device.area in self.areas)


class Grant(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`issuer` lets `subject` do what `allowances` list while nbf_s <= block time < exp_s."""

    jti: str
    issuer: str
    subject: str
    allowances: tuple[Allowance, ...]
    nbf_s: int
    exp_s: int
    given_ms: int
    """Block time of the grant's own block."""
    revoked: bool


Entry = Home | Configuration | Person | Hub | Device | Grant | CounterWindow


def person_key(did: str) -> str:
    """State key of a person."""
    return f"person/{did}"


def hub_key(did: str) -> str:
    """State key of a hub."""
    return f"hub/{did}"


def device_key(did: str) -> str:
    """State key of a device."""
    return f"device/{did}"


def grant_key(jti: str) -> str:
    """State key of a grant."""
    return f"grant/{jti}"


def counter_key(did: str) -> str:
    """State key of a signer's counter window."""
    return f"counter/{did}"


def encode_entry(entry: Entry) -> bytes:
    """The exact bytes of a value."""
    return msgspec.msgpack.encode(entry)


_home_decoder: Final = msgspec.msgpack.Decoder(Home)
_configuration_decoder: Final = msgspec.msgpack.Decoder(Configuration)
_person_decoder: Final = msgspec.msgpack.Decoder(Person)
_hub_decoder: Final = msgspec.msgpack.Decoder(Hub)
_device_decoder: Final = msgspec.msgpack.Decoder(Device)
_grant_decoder: Final = msgspec.msgpack.Decoder(Grant)
_counter_decoder: Final = msgspec.msgpack.Decoder(CounterWindow)


def decode_entry(key: str, value: bytes) -> Entry:
    """The value under `key`. `FormatError` where it is not what the key promises."""
    kind, _, name = key.partition("/")
    entry: Entry
    named = name
    try:
        match kind:
            case "home" if not name:
                entry = _home_decoder.decode(value)
            case "configuration" if not name:
                entry = _configuration_decoder.decode(value)
            case "person":
                entry = _person_decoder.decode(value)
                named = entry.did
            case "hub":
                entry = _hub_decoder.decode(value)
                named = entry.did
            case "device":
                entry = _device_decoder.decode(value)
                named = entry.did
            case "grant":
                entry = _grant_decoder.decode(value)
                named = entry.jti
            case "counter":
                entry = _counter_decoder.decode(value)
            case _:
                raise FormatError(f"state: unknown key {key[:80]!r}")
    # A text that is not UTF-8 is reported by Python itself, not by msgspec.
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FormatError(f"state: {key[:80]}: {error}") from error
    if named != name:
        raise FormatError(f"state: {key[:80]} holds the entry of {named[:80]}")
    return entry
