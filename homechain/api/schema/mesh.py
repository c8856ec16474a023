"""The hubs, and what waits to become part of the home."""

from homechain.api.schema.fields import Body, Digits, JwsText
from homechain.model.ids import Did
from homechain.model.records import DeviceKind, HubDescription, Thing


class HubView(Body, frozen=True, kw_only=True):
    """One hub, as this hub sees it."""

    did: Did
    name: str
    member: bool
    this_hub: bool
    linked: bool
    leader: bool
    term: int | None
    height: int | None
    lag: int | None
    """Blocks behind this hub; None while unknown."""
    rtt_ms: float | None
    clock_skew_ms: int | None
    addresses: list[str]


class MeshView(Body, frozen=True, kw_only=True):
    """`GET /v1/mesh`."""

    hub: Did
    role: str
    """`leader`, `follower` and so on: the core's word for what this hub is now."""
    epoch: int
    term: int
    height: int
    quorum: int
    size: int
    lying: int
    silent: int
    fresh: bool
    words: str
    hubs: list[HubView]


class DeviceRequest(Body, frozen=True, kw_only=True):
    """A device that wants to be taken in. Its words are hostile input, already stripped."""

    did: Did
    title: str
    kind: DeviceKind
    manufacturer: str = ""
    model: str = ""
    digits: Digits | None = None
    """None until the device revealed its nonce. Approve only if its own screen shows the same."""
    hub: Did
    """Which hub it spoke to."""
    seen_ms: int
    description: JwsText
    """To be embedded, as it is, in the record that takes the device in."""
    thing: Thing


class HubRequest(Body, frozen=True, kw_only=True):
    """A hub that was paired by code and waits for the owner's signature."""

    did: Did
    name: str
    description: HubDescription
    via: Did
    seen_ms: int


class Pairing(Body, frozen=True, kw_only=True):
    """The window in which another hub may join with a code."""

    open: bool
    code: str | None = None
    """Only in the answer that opened the window, and only to who opened it."""
    closes_ms: int | None = None


class RequestList(Body, frozen=True, kw_only=True):
    """`GET /v1/requests`."""

    devices: list[DeviceRequest]
    hubs: list[HubRequest]
    pairing: Pairing
