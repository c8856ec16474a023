"""Devices as residents see them: what they are, their newest values, their past, who may."""

from typing import Any

from homechain.api.schema.commands import CommandView
from homechain.api.schema.fields import Body
from homechain.model.ids import Did, DigestText
from homechain.model.records import DeviceKind, Role, Thing


class PropertyView(Body, frozen=True, kw_only=True):
    """The newest known value of one property."""

    name: str
    value: Any
    at_ms: int
    """The device's clock."""
    height: int


class DeviceView(Body, frozen=True, kw_only=True):
    """One device that is in service, or was."""

    did: Did
    kind: DeviceKind
    name: str
    area: str
    title: str
    """What the device calls itself. Hostile input: never markup."""
    thing: Thing
    properties: dict[str, PropertyView]
    my_actions: list[str]
    """Actions that the asking person may do now."""
    last_seen_ms: int | None
    """Newest block time of a record of its own; None if it never spoke."""
    connected: bool
    """Whether its command stream is open on this hub. It may hang on another."""
    retired: bool = False


class DeviceList(Body, frozen=True, kw_only=True):
    """`GET /v1/devices`, by area and name."""

    devices: list[DeviceView]


class ReadingView(Body, frozen=True, kw_only=True):
    """One reading or occurrence of the past."""

    device: Did
    name: str
    value: Any
    at_ms: int
    height: int
    record: DigestText
    command: DigestText | None = None
    """The command that caused it; None is "unknown, or by hand"."""


class ReadingList(Body, frozen=True, kw_only=True):
    """`GET /v1/devices/{did}/readings`, newest first."""

    readings: list[ReadingView]


class DeviceHistory(Body, frozen=True, kw_only=True):
    """`GET /v1/devices/{did}/history`: commands and occurrences, newest first each."""

    commands: list[CommandView]
    readings: list[ReadingView]


class ActionAccess(Body, frozen=True, kw_only=True):
    """Whether one person may do one action now, and why."""

    action: str
    allowed: bool
    code: str
    reason: str
    grant: str | None = None


class PersonAccess(Body, frozen=True, kw_only=True):
    """What one person may do on one device."""

    person: Did
    name: str
    role: Role
    actions: list[ActionAccess]


class DeviceAccess(Body, frozen=True, kw_only=True):
    """`GET /v1/devices/{did}/access`."""

    device: Did
    persons: list[PersonAccess]
