"""What a device gets with a command, and how it checks it: a lock believes no hub.

May live here: the proof, its making and its checking. May not: how it travels, or what the device
remembers (it must not carry out one command id twice before the command's `exp`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from homechain.crypto import merkle
from homechain.crypto.errors import InvalidProof
from homechain.crypto.state_tree import StateProof, verify_state_proof
from homechain.ledger.anchors import (
    ConfigurationStep,
    TrustAnchor,
    advance_anchor,
    anchor_at_checkpoint,
    anchor_from_genesis,
    check_final,
    check_home_and_epoch,
    make_configuration_step,
    raised,
    read_shown_header,
)
from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.decisions import Decision
from homechain.ledger.entries import (
    Device,
    Entry,
    Grant,
    Person,
    decode_entry,
    device_key,
    grant_key,
    person_key,
)
from homechain.ledger.errors import Inadmissible, ProofRefused
from homechain.ledger.policy import decide
from homechain.ledger.records import SignedRecord, read_record, verify_record
from homechain.model import limits
from homechain.model.blocks import CommitCertificate, Header, block_hash
from homechain.model.errors import FormatError
from homechain.model.records import CommandRecord

__all__ = [
    "AcceptedCommand",
    "CommandProof",
    "ConfigurationStep",
    "TrustAnchor",
    "advance_anchor",
    "anchor_at_checkpoint",
    "anchor_from_genesis",
    "check_command",
    "make_command_proof",
    "make_configuration_step",
]

ENTRIES: Final = 8
"""Most state entries in a proof; a decision reads four."""
HEADERS: Final = 256
"""Most headers from a command's block up to the certified one."""


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


class AcceptedCommand(Struct, frozen=True, kw_only=True):
    """A command that the device may carry out, once."""

    command: CommandRecord
    id: bytes
    decision: Decision
    anchor: TrustAnchor
    """To be kept from now on."""


# ---------------------------------------------------------------- checking, on the device


def check_command(
    proof: CommandProof, *, anchor: TrustAnchor, device: str, now_ms: int
) -> AcceptedCommand:
    """Check everything, trusting `anchor` alone; `device` is the device's own name.

    `now_ms` is the device's clock; proven block times hold it up where it was set back. Raises
    `ProofRefused`: `malformed`, `wrong_home`, `wrong_device`, `bad_signature`, `old_epoch`,
    `unknown_epoch`, `bad_header`, `bad_certificate`, `not_included`, `bad_state_proof`, `expired`,
    `stale`, or, where the home did not permit it, `decide`'s own code.
    """
    record, command = _read_command(proof.command, home=anchor.home, device=device)
    anchor = advance_anchor(anchor, proof.configurations)
    header = _proven_header(proof, anchor)
    first = header.tree_size - header.record_count
    # Only in its own block was the command decided by this state: older ones count no more.
    if not first <= proof.index < header.tree_size or not merkle.verify_inclusion(
        leaf=record.leaf,
        index=proof.index,
        size=header.tree_size,
        path=proof.path,
        root=header.records_root,
    ):
        raise ProofRefused("not_included", "the command is not a record of this block")
    view = _ProvenView(proof.state, root=header.state_root)
    decision = decide(view, command, command_id=record.id, time_ms=header.time_ms)
    if not decision.allowed:
        raise ProofRefused(decision.code, decision.reason)
    anchor = raised(anchor, height=header.height, time_ms=header.time_ms)
    now_ms = max(now_ms, anchor.time_ms)
    if now_ms >= command.exp * 1000:
        raise ProofRefused("expired", "the command is past its own end")
    # `exp` is the signer's word; a clock that runs ahead must not stretch a permission.
    if now_ms - header.time_ms > limits.COMMAND_LIFETIME_S * 1000:
        raise ProofRefused("stale", "the home permitted this too long ago")
    return AcceptedCommand(command=command, id=record.id, decision=decision, anchor=anchor)


def _read_command(raw: bytes, *, home: bytes, device: str) -> tuple[SignedRecord, CommandRecord]:
    try:
        record = read_record(raw)
    except Inadmissible as error:
        raise ProofRefused("malformed", error.reason) from error
    if not isinstance(record.payload, CommandRecord):
        raise ProofRefused("malformed", f"a {record.kind} record is no command")
    if record.home != home:
        raise ProofRefused("wrong_home", "a command of another home")
    if record.payload.device != device:
        raise ProofRefused("wrong_device", "a command for another device")
    if not verify_record(record):
        raise ProofRefused("bad_signature", "the person named did not sign the command")
    return record, record.payload


def _proven_header(proof: CommandProof, anchor: TrustAnchor) -> Header:
    """The header of the command's block, proven final through its descendants."""
    if not 1 <= len(proof.headers) <= HEADERS:
        raise ProofRefused("bad_header", f"a proof has 1 to {HEADERS} headers")
    parent: bytes | None = None
    for raw in proof.headers:
        header = read_shown_header(raw)
        if parent is not None and header.parent != parent:
            raise ProofRefused("bad_header", "the headers do not stand on one another")
        parent = block_hash(raw)
    check_final(proof.headers[-1], proof.commit, anchor)
    header = read_shown_header(proof.headers[0])
    check_home_and_epoch(header, anchor)
    return header


def _proven(root: bytes, key: str, proof: StateProof) -> Entry | None:
    try:
        value = verify_state_proof(root, key, proof)
        return None if value is None else decode_entry(key, value)
    except (InvalidProof, FormatError) as error:
        raise ProofRefused("bad_state_proof", f"{key[:80]!a}: {error}") from error


class _ProvenView:
    """A `PolicyView` of proven entries alone: whatever was not proven is not there."""

    time_zone: Final = "UTC"

    def __init__(self, proofs: Mapping[str, StateProof], *, root: bytes) -> None:
        if len(proofs) > ENTRIES:
            raise ProofRefused("malformed", f"more than {ENTRIES} state entries")
        self._entries = {key: _proven(root, key, proof) for key, proof in proofs.items()}

    def person(self, did: str) -> Person | None:
        entry = self._entries.get(person_key(did))
        return entry if isinstance(entry, Person) else None

    def device(self, did: str) -> Device | None:
        entry = self._entries.get(device_key(did))
        return entry if isinstance(entry, Device) else None

    def grant(self, jti: str) -> Grant | None:
        entry = self._entries.get(grant_key(jti))
        return entry if isinstance(entry, Grant) else None

    def grants_of(self, did: str) -> Iterable[Grant]:
        return [
            entry
            for entry in self._entries.values()
            if isinstance(entry, Grant) and entry.subject == did
        ]


# ---------------------------------------------------------------- making, on the hub


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
    certifies `built`). Raises `ProofRefused` where the command is not there (`not_included`) or was
    not allowed (`decide`'s code).
    """
    place = next((n for n, record in enumerate(built.records) if record.id == command_id), None)
    decision = next((each for each in built.decisions if each.command == command_id), None)
    if place is None or decision is None:
        raise ProofRefused("not_included", "the command is not a record of this block")
    if not decision.allowed:
        raise ProofRefused(decision.code, decision.reason)
    record = built.records[place]
    assert isinstance(record.payload, CommandRecord), "commands are what is decided"
    keys = [person_key(record.signer), device_key(record.payload.device)]
    if decision.code == "granted":
        assert decision.grant is not None, "a grant decided"
        grant = built.state.grant(decision.grant)
        assert grant is not None, "the deciding grant is in the state"
        keys += [grant_key(grant.jti), person_key(grant.issuer)]
    return CommandProof(
        command=record.raw,
        headers=(built.block.header, *headers_above),
        commit=commit,
        index=built.first_index + place,
        path=tuple(_path_in(built, built.first_index + place)),
        state={key: built.state.prove(key) for key in keys},
        configurations=tuple(configurations),
    )


def _path_in(built: BuiltBlock, index: int) -> list[bytes]:
    """Inclusion path of a record of `built`, from what the block added and the peaks below it."""
    nodes = {(level, place): node for level, place, node in built.tree_nodes}
    size, start = built.before.size, 0
    levels = [level for level in reversed(range(size.bit_length())) if size >> level & 1]
    for level, peak in zip(levels, built.before.peaks, strict=True):
        nodes[level, start >> level] = peak
        start += 1 << level
    return merkle.inclusion_path(
        index=index, size=built.frontier.size, read_node=lambda level, place: nodes[level, place]
    )
