"""The live feed, `GET /v1/stream`: one JSON object a line (NDJSON), told apart by `type`."""

from msgspec import Struct

from homechain.api.schema.commands import CommandView
from homechain.api.schema.devices import PropertyView
from homechain.api.schema.home import HomeView
from homechain.api.schema.mesh import MeshView, RequestList
from homechain.api.schema.records import RecordView
from homechain.model.ids import Did, DigestText


class LiveHello(Struct, frozen=True, kw_only=True, tag="hello"):
    """First line: from which height on the feed speaks."""

    hub: Did
    height: int
    clock_ms: int


class LiveBlock(Struct, frozen=True, kw_only=True, tag="block"):
    """A block became final. `height` is what to resume after (`?after=`)."""

    height: int
    hash: DigestText
    time_ms: int
    records: list[RecordView]
    """Those that the reader may see."""


class LiveProperty(Struct, frozen=True, kw_only=True, tag="property"):
    """A property has a new value. Comes before the block that holds it."""

    device: Did
    property: PropertyView


class LiveCommand(Struct, frozen=True, kw_only=True, tag="command"):
    """A command is a step further."""

    command: CommandView


class LiveHome(Struct, frozen=True, kw_only=True, tag="home"):
    """Persons, devices, grants or hubs changed: read again the lists that you show."""

    home: HomeView


class LiveMesh(Struct, frozen=True, kw_only=True, tag="mesh"):
    """The hubs, their leader or their links changed."""

    mesh: MeshView


class LiveRequests(Struct, frozen=True, kw_only=True, tag="requests"):
    """What waits for approval changed."""

    requests: RequestList


class LiveResync(Struct, frozen=True, kw_only=True, tag="resync"):
    """The reader was too slow, or too long away: read everything again, then go on from here."""

    height: int


class LiveKeepAlive(Struct, frozen=True, kw_only=True, tag="keep-alive"):
    """Nothing happened, and the hub is there."""

    height: int
    clock_ms: int


LiveItem = (
    LiveHello
    | LiveBlock
    | LiveProperty
    | LiveCommand
    | LiveHome
    | LiveMesh
    | LiveRequests
    | LiveResync
    | LiveKeepAlive
)
