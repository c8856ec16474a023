"""What a device gets with a command, and how it checks it: a lock believes no hub.

May live here: the proof, its making and its checking. May not: how it travels, or what the device
remembers (it must not carry out one command id twice before the command's `exp`).
"""

from collections.abc import Sequence

from msgspec import Struct

from homechain.crypto.state_tree import StateProof
from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.decisions import Decision
from homechain.model.blocks import CommitCertificate
from homechain.model.configuration import Configuration
from homechain.model.records import CommandRecord


class ConfigurationStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of one epoch: its closing block is final, and its state holds the next membership."""

    header: bytes
    commit: CommitCertificate
    configuration: StateProof


class CommandProof(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command and all that shows that the home permitted it. JSON-encodable (bytes as base64)."""

    command: bytes
    """The record's exact bytes."""
    headers: tuple[bytes, ...]
    """The header of the command's block, then each child's up to the one that `commit` names."""
    commit: CommitCertificate
    index: int
    """Leaf number of the command; the tree's size is in the first header."""
    path: tuple[bytes, ...]
    """RFC 9162 inclusion path under the first header's records root."""
    state: dict[str, StateProof]
    """Proofs under the first header's state root: person, device, deciding grant, its issuer."""
    configurations: tuple[ConfigurationStep, ...] = ()
    """For a device that trusts an older epoch: the ends of the epochs since, oldest first."""


class TrustAnchor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device believes without further proof. JSON-encodable; the device keeps it."""

    home: bytes
    configuration: Configuration
    height: int
    """Of the highest header that was proven final."""
    time_ms: int
    """Highest block time that was proven: the clock is at least this."""


class AcceptedCommand(Struct, frozen=True, kw_only=True):
    """A command that the device may carry out, once."""

    command: CommandRecord
    id: bytes
    decision: Decision
    anchor: TrustAnchor
    """To be kept from now on."""


def make_command_proof(
    built: BuiltBlock,
    command_id: bytes,
    *,
    headers_above: Sequence[bytes],
    commit: CommitCertificate,
    configurations: Sequence[ConfigurationStep] = (),
) -> CommandProof:
    """The proof of an allowed command of `built`; needs nothing but the block itself.

    `headers_above` are the headers above it up to the one that `commit` certifies (none if it
    certifies `built`). Raises `ProofRefused` where the command was not allowed or is not there.
    """
    raise NotImplementedError


def make_configuration_step(built: BuiltBlock, commit: CommitCertificate) -> ConfigurationStep:
    """The step past a closing block."""
    raise NotImplementedError


def check_command(
    proof: CommandProof, *, anchor: TrustAnchor, device: str, now_ms: int
) -> AcceptedCommand:
    """Check everything, trusting `anchor` alone. Raises `ProofRefused`."""
    raise NotImplementedError


def anchor_from_genesis(genesis: bytes, *, home: bytes) -> TrustAnchor:
    """The first anchor, from the genesis record and the home's id. Raises `ProofRefused`."""
    raise NotImplementedError


def advance_anchor(anchor: TrustAnchor, steps: Sequence[ConfigurationStep]) -> TrustAnchor:
    """The anchor after these ends of epochs; steps that it has behind it are passed over."""
    raise NotImplementedError
