"""What the owner of a hub may set: one TOML file, read strictly, frozen afterwards.

Every value has a default that suits a home; every limit is named with its unit. An unknown key is
an error that names it, because a typing mistake must not silently mean "the default".
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

Port = Annotated[int, Meta(ge=0, le=65_535)]
"""0 lets the system choose."""
DurationMs = Annotated[int, Meta(ge=1, le=3_600_000)]


class SettingsError(ValueError):
    """The settings file is unusable. The message names the file, the key and what is expected."""


class ApiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where devices and residents reach this hub."""

    host: str = ""
    """Empty: every address, IPv6 and IPv4. Who may speak is decided at each request."""
    port: Port = 8440
    """Plain HTTP: signed device requests only."""
    residents_port: Port = 8441
    """HTTPS, pinned to the hub's key."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names besides IP literals, `localhost` and `*.local` (DNS rebinding)."""


class MeshSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this hub reaches the others."""

    host: str = ""
    """Empty: every address, IPv6 and IPv4. Mutual TLS refuses strangers in the handshake."""
    port: Port = 8442
    pairing_port: Port = 8443
    """Open only while a resident lets a hub join."""
    peers: tuple[str, ...] = ()
    """Static `host:port` of other hubs, for networks where multicast does not pass."""
    advertise: tuple[str, ...] = ()
    """Addresses to tell others; empty: every address of this machine that is not loopback."""
    discovery: bool = True
    """Announce and browse `_homechain._tcp.local.`."""
    interfaces: tuple[str, ...] = ()
    """IP addresses of the interfaces for mDNS; empty: all."""


class ConsensusSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Timing of the protocol (consensus.md R10). The same on every hub is best, but not needed."""

    heartbeat_interval_ms: DurationMs = 500
    election_timeout_ms: DurationMs = 2_000
    election_timeout_max_ms: DurationMs = 30_000
    censor_timeout_ms: DurationMs = 5_000
    clock_window_ms: DurationMs = 600_000
    """A block whose time is further than this from the local clock is not prepared (CE16)."""


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what this hub keeps for others."""

    pending_records: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    media_bytes: Annotated[int, Meta(ge=1)] = 1_000_000_000
    media_item_bytes: Annotated[int, Meta(ge=1)] = 2_000_000


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one hub."""

    name: Annotated[str, Meta(max_length=64)] = ""
    """What people call this hub; empty: the machine's host name."""
    api: ApiSettings = field(default_factory=ApiSettings)
    mesh: MeshSettings = field(default_factory=MeshSettings)
    consensus: ConsensusSettings = field(default_factory=ConsensusSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)


def read_settings(path: Path | None) -> Settings:
    """The settings in `path`; all defaults for None. `SettingsError` says which key is wrong."""
    if path is None:
        return Settings()
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such file; leave --config out to use defaults") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from error
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
