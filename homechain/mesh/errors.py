"""What can go wrong between hubs: one small tree, split by whose fault it is."""


class MeshError(Exception):
    """Something between hubs went wrong; the message says what."""


class OurFault(MeshError):
    """This machine, or how it is set up."""


class ListenFailed(OurFault):
    """The port cannot be listened on: taken, forbidden, or not an address of this machine."""


class DiscoveryUnavailable(OurFault):
    """Multicast DNS does not work here; static peers and addresses of hub records still do."""


class PairingPaused(OurFault):
    """Too many wrong codes lately: no new window until the back-off is over."""


class PeersFault(MeshError):
    """The other side, or whoever pretends to be it."""


class InvalidCertificate(PeersFault, ValueError):
    """The bytes are not the self-signed Ed25519 certificate of a hub."""


class StrangerRefused(PeersFault):
    """The other end of a connection did not prove to be a hub that is trusted now."""


class PairingFailed(PeersFault):
    """Two hubs did not pair; the message says why."""


class WrongCode(PairingFailed):
    """The codes on both sides differ: mistyped, or somebody stands in between."""


class PairingClosed(PairingFailed):
    """Nobody listens for a new hub there (any more): no window, expired, or too many tries."""
