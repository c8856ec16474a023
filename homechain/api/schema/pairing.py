"""A device introduces itself: description, commit and reveal, six digits, trust bundle.

The digits depend on a nonce of each side, and the device is bound to its nonce (by the commitment
in its signed description) before it sees the hub's. So nobody in between can search for digits.
"""

from enum import StrEnum

from homechain.api.schema.fields import Body, Digits, JwsText, NonceText, Request
from homechain.ledger.proofs import ConfigurationStep
from homechain.model.blocks import CommitCertificate
from homechain.model.ids import Did, DigestText
from homechain.model.records import HubDescription


class DeviceState(StrEnum):
    """Where a device's key stands in this home."""

    UNKNOWN = "unknown"
    """Never introduced itself here, or was forgotten unapproved: introduce yourself (again)."""
    PENDING = "pending"
    APPROVED = "approved"
    RETIRED = "retired"


class RegistrationAccepted(Body, frozen=True, kw_only=True):
    """202 to `POST /v1/devices`. The same for every repeat with the same description."""

    device: Did
    poll: str
    """Path to ask for the state: `/v1/devices/{did}`."""
    reveal: str
    """Path to reveal the nonce to: `/v1/devices/{did}/pairing`."""
    hub: Did
    hub_nonce: NonceText


class NonceReveal(Request, frozen=True, kw_only=True):
    """`PUT /v1/devices/{did}/pairing`: the secret behind the description's commitment."""

    device_nonce: NonceText


class PairingDigits(Body, frozen=True, kw_only=True):
    """Show these; the resident compares them with those on the dashboard."""

    digits: Digits


class Checkpoint(Body, frozen=True, kw_only=True):
    """The newest certified header that this hub has. Bytes are base64."""

    header: bytes
    """Exact bytes: MessagePack, docs/protocol.md."""
    commit: CommitCertificate | None
    """None only while the genesis block is the newest: it is proven by its own record."""


class TrustBundle(Body, frozen=True, kw_only=True):
    """All that a device needs to check proofs by itself from now on.

    Check it, do not believe it: its root is `home`, the hash of `genesis`, which the resident
    confirmed with the digits.
    """

    home: DigestText
    genesis: JwsText
    configuration_steps: list[ConfigurationStep]
    """The ends of all epochs since genesis, oldest first. Bytes in it are base64."""
    checkpoint: Checkpoint
    hubs: list[HubDescription]
    """All hubs and their addresses, to fail over to."""


class DeviceStatus(Body, frozen=True, kw_only=True):
    """`GET /v1/devices/{did}`. Only the state, unless that device's key signed the request."""

    device: Did
    state: DeviceState
    clock_ms: int
    revealed: bool = False
    """Whether the nonce was revealed while pending."""
    name: str | None = None
    area: str | None = None
    bundle: TrustBundle | None = None
    """Present for an approved device that signed the request."""
