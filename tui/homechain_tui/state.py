"""The home as the dashboard knows it: one frozen value.

May live here: values. May not: a client, a clock, a screen, a colour. `fold` says how one state
follows from another. What a device is comes only from its own records; a command is a wish until
its device has answered.
"""

from typing import Any

from msgspec import Struct

from homechain.api.schema.commands import CommandLife, CommandView, DecisionView
from homechain.api.schema.devices import DeviceView
from homechain.api.schema.home import GrantView, HomeView, PersonView
from homechain.api.schema.mesh import MeshView, RequestList
from homechain.api.schema.records import RecordView


class Act(Struct, frozen=True, kw_only=True):
    """One command: a wish, what the home decided, and what the device said it did."""

    id: str
    device: str
    person: str
    action: str
    arguments: dict[str, Any] = {}
    at_ms: int
    life: CommandLife
    decision: DecisionView | None = None
    outcome_reason: str = ""
    outcome_ms: int | None = None
    media: str | None = None
    trouble: str = ""
    """Why it may not have left this dashboard, in a sentence."""

    @property
    def open(self) -> bool:
        """Whether more can come."""
        return not self.trouble and self.life in (
            CommandLife.REQUESTED,
            CommandLife.FINAL,
            CommandLife.DELIVERED,
        )


class ActEntry(Struct, frozen=True, kw_only=True):
    """In the feed: a command; its words follow its life."""

    key: str
    at_ms: int


class HappeningEntry(Struct, frozen=True, kw_only=True):
    """In the feed: a device said something that no command caused: by hand, by itself, unknown."""

    key: str
    at_ms: int
    record: str
    device: str
    name: str
    value: Any


class RecordEntry(Struct, frozen=True, kw_only=True):
    """In the feed: a person changed who belongs to the home, or what they may."""

    key: str
    at_ms: int
    record: RecordView


FeedEntry = ActEntry | HappeningEntry | RecordEntry


class Connection(Struct, frozen=True, kw_only=True):
    """Whether what is shown is what is."""

    live: bool = False
    reason: str = ""
    attempts: int = 0
    heard_ms: int | None = None
    """When the hub last said anything, on this machine's clock."""
    refused: bool = False
    """The hub answered and will not let this person in: trying again does not help."""


class HomeState(Struct, frozen=True, kw_only=True):
    """Everything that the screens show."""

    home: HomeView | None = None
    devices: dict[str, DeviceView] = {}
    persons: dict[str, PersonView] = {}
    grants: dict[str, GrantView] = {}
    mesh: MeshView | None = None
    requests: RequestList | None = None
    acts: dict[str, Act] = {}
    feed: tuple[FeedEntry, ...] = ()
    """Newest first."""
    said: dict[tuple[str, str], Any] = {}
    """The last value in a record that was seen here, by device and name."""
    height: int = 0
    connection: Connection = Connection()
    me: str = ""

    @property
    def zone(self) -> str:
        """The home's time zone."""
        return self.home.time_zone if self.home is not None else "UTC"

    def person_name(self, did: str) -> str:
        """What the home calls this key; raw, to be cleaned by whoever shows it."""
        if did in self.persons:
            return self.persons[did].name
        if self.home is not None and did == self.home.me.did:
            return self.home.me.name
        return "somebody unknown"

    def device_name(self, did: str) -> str:
        """What the home calls this device; raw, to be cleaned by whoever shows it."""
        return self.devices[did].name if did in self.devices else "an unknown device"

    def acts_on(self, device: str) -> list[Act]:
        """Commands to one device, newest first."""
        found = [act for act in self.acts.values() if act.device == device]
        return sorted(found, key=lambda act: act.at_ms, reverse=True)


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything read at once: at the start, after a resync, and after the connection was lost."""

    home: HomeView
    devices: list[DeviceView]
    persons: list[PersonView]
    grants: list[GrantView]
    mesh: MeshView | None
    """None where this person may not see it; so with `requests`."""
    requests: RequestList | None
    records: list[RecordView]
    """Newest first."""


def act_of(command: CommandView) -> Act:
    """A command as the hub tells it."""
    return Act(
        id=command.id,
        device=command.device,
        person=command.person,
        action=command.action,
        arguments=command.arguments,
        at_ms=command.final_ms or command.requested_ms,
        life=command.life,
        decision=command.decision,
        outcome_reason=command.outcome_reason,
        outcome_ms=command.outcome_ms,
        media=command.media,
    )
