"""What a device tells its maker's program about itself while it runs.

One frozen type an event, tagged, so that `msgspec.json.encode(event)` is a line of a log.
"""

from msgspec import Struct


class SearchingHubs(Struct, frozen=True, kw_only=True, tag_field="event", tag="searching-hubs"):
    """No hub answers where the device looked; it keeps looking."""

    addresses: list[str]


class DigitsShown(Struct, frozen=True, kw_only=True, tag_field="event", tag="digits"):
    """Show these six digits: a resident compares them with those on the dashboard.

    The device computed them itself; they are never a hub's word.
    """

    digits: str
    device: str
    hub: str
    hub_name: str
    home_name: str


class TakenIn(Struct, frozen=True, kw_only=True, tag_field="event", tag="taken-in"):
    """A resident approved the device. From now on it believes this home's ledger alone."""

    device: str
    home: str
    name: str
    area: str


class HubConnected(Struct, frozen=True, kw_only=True, tag_field="event", tag="hub-connected"):
    """A command stream is open."""

    address: str


class HubLost(Struct, frozen=True, kw_only=True, tag_field="event", tag="hub-lost"):
    """A hub does not answer, or not as it should. Others are asked meanwhile."""

    address: str
    reason: str


class CommandBelieved(Struct, frozen=True, kw_only=True, tag_field="event", tag="command"):
    """A command's proof held, and the device acts."""

    command: str
    person: str
    action: str


class CommandRefused(Struct, frozen=True, kw_only=True, tag_field="event", tag="proof-refused"):
    """A hub asked for something without a proof that this device believes."""

    command: str
    address: str
    code: str
    reason: str


class CommandAnswered(Struct, frozen=True, kw_only=True, tag_field="event", tag="outcome"):
    """The outcome of a command is signed and on the disk."""

    command: str
    action: str
    result: str
    reason: str


class ReadingsDropped(Struct, frozen=True, kw_only=True, tag_field="event", tag="readings-dropped"):
    """The outbox is full: this many of the oldest plain readings are gone."""

    count: int


class RecordRefused(Struct, frozen=True, kw_only=True, tag_field="event", tag="record-refused"):
    """The home will never take this record, so it is given up."""

    record: str
    code: str
    detail: str


DeviceEvent = (
    SearchingHubs
    | DigitsShown
    | TakenIn
    | HubConnected
    | HubLost
    | CommandBelieved
    | CommandRefused
    | CommandAnswered
    | ReadingsDropped
    | RecordRefused
)
