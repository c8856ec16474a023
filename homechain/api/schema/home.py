"""The home at a glance, its persons, its grants, and why somebody may or may not."""

from enum import StrEnum

from homechain.api.schema.fields import Body
from homechain.model.ids import Did, DigestText
from homechain.model.records import Authorization, Role


class Me(Body, frozen=True, kw_only=True):
    """Who is asking."""

    did: Did
    name: str
    role: Role


class QuorumView(Body, frozen=True, kw_only=True):
    """What the home survives."""

    hubs: int
    quorum: int
    lying: int
    """Hubs that can lie without a fork."""
    silent: int
    """Hubs that can be down without a halt."""
    linked: int
    """Hubs that are reachable from here now, this one included."""
    fresh: bool
    """Whether this hub believes that it sees the newest state."""
    words: str
    """For a resident: "safe with 1 lying hub, keeps going with 1 down"."""


class HomeCounts(Body, frozen=True, kw_only=True):
    """How much there is of what the asking person may see."""

    devices: int
    persons: int
    grants: int
    records: int
    device_requests: int
    hub_requests: int


class HomeView(Body, frozen=True, kw_only=True):
    """`GET /v1/home`."""

    home: DigestText
    name: str
    time_zone: str
    hub: Did
    hub_name: str
    me: Me
    height: int
    head: DigestText
    head_time_ms: int
    clock_ms: int
    quorum: QuorumView
    counts: HomeCounts
    pairing_open: bool
    areas: list[str]


class PersonView(Body, frozen=True, kw_only=True):
    """One person of the home."""

    did: Did
    name: str
    role: Role
    removed: bool = False


class PersonList(Body, frozen=True, kw_only=True):
    """`GET /v1/persons`, by name."""

    persons: list[PersonView]


class GrantStatus(StrEnum):
    """Whether a grant counts, at the block time of the newest block."""

    WAITING = "waiting"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class GrantView(Body, frozen=True, kw_only=True):
    """`giver` lets `person` do what `authorization_details` lists while nbf_s <= t < exp_s."""

    id: str
    """`jti`, which a revocation names."""
    giver: Did
    giver_name: str
    person: Did
    person_name: str
    nbf_s: int
    exp_s: int
    authorization_details: list[Authorization]
    status: GrantStatus


class GrantList(Body, frozen=True, kw_only=True):
    """`GET /v1/grants`."""

    grants: list[GrantView]


class Explanation(Body, frozen=True, kw_only=True):
    """`GET /v1/explain`: may this person do that, then, and why?"""

    person: Did
    device: Did
    action: str
    at_ms: int
    allowed: bool
    code: str
    reason: str
    grant: str | None = None
