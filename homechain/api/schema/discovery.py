"""`GET /.well-known/homechain`: what a device or a dashboard asks first. A hint, never trust."""

from homechain.api.schema.fields import Body
from homechain.model.ids import Did, DigestText


class WellKnown(Body, frozen=True, kw_only=True):
    """Which home and hub answer here. Nothing in it is signed: compare keys before believing."""

    protocol: int
    home: DigestText
    home_name: str
    hub: Did
    hub_name: str
    pairing_open: bool
    """Whether a resident opened the window in which another hub may join."""
    clock_ms: int
    """The hub's clock, for the `iat` of signed requests."""
    residents_port: int | None = None
    """HTTPS port of the residents' interface; None where it is only on loopback."""
