"""Certificates, headers and blocks, and their exact bytes (MessagePack arrays).

A header's bytes are kept as they were first made; its hash names the block.
"""

import hashlib
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from homechain.model import limits
from homechain.model.errors import FormatError, TooLarge

HEADER_BYTES: Final = 4 * 1024


class Rank(NamedTuple):
    """Orders certificates, left to right. (epoch, 0, 0) is the root of an epoch."""

    epoch: int
    term: int
    seq: int


class Endorsement(Struct, frozen=True, array_like=True):
    """One hub's signature inside a certificate."""

    signer: int
    """Place in the configuration's members."""
    signature: bytes
    """64 bytes (Ed25519)."""


class QuorumCertificate(Struct, frozen=True, array_like=True):
    """q prepares for one block in one slot: at least q hubs hold it on disk.

    The certificate of an epoch's root, rank (epoch, 0, 0), carries no endorsements: the root is
    proven by the genesis record, or by the commit certificate that closed the epoch before.
    """

    rank: Rank
    block: bytes
    justify_rank: Rank
    justify_block: bytes
    endorsements: tuple[Endorsement, ...]


class CommitEndorsement(Struct, frozen=True, array_like=True):
    """A commit, or a prepare for the block's child in the same term, which counts as one (R7)."""

    signer: int
    signature: bytes
    child: bytes | None = None
    """Hash of the child whose prepare this is; None for a commit proper."""


class CommitCertificate(Struct, frozen=True, array_like=True):
    """q commits for one block in its own term: the block and all its ancestors are final."""

    rank: Rank
    block: bytes
    endorsements: tuple[CommitEndorsement, ...]


class VoteEndorsement(Struct, frozen=True, array_like=True):
    """One hub's vote inside an election certificate; each names its own high certificate."""

    signer: int
    signature: bytes
    high_rank: Rank
    high_block: bytes


class ElectionCertificate(Struct, frozen=True, array_like=True):
    """q votes for one term of one configuration."""

    epoch: int
    term: int
    endorsements: tuple[VoteEndorsement, ...]


class EpochClose(Struct, frozen=True, array_like=True):
    """Marks a configuration block, the last of its epoch (R11)."""

    next_configuration: bytes
    """Hash of the configuration that begins after it."""
    next_size: int


class Header(Struct, frozen=True, array_like=True):
    """What the hubs sign for. Roots are those after this block."""

    version: int
    home: bytes
    epoch: int
    configuration: bytes
    term: int
    seq: int
    height: int
    parent: bytes
    justify: QuorumCertificate
    time_ms: int
    """Block time: never before the parent's."""
    record_count: int
    """Records in this block."""
    tree_size: int
    """Records of the whole ledger up to and with this block."""
    records_root: bytes
    """RFC 6962 root over all records so far; a leaf is a record's exact bytes."""
    state_root: bytes
    close: EpochClose | None = None


class Block(Struct, frozen=True, array_like=True):
    """A header's exact bytes and the records' exact bytes, in order."""

    header: bytes
    records: tuple[bytes, ...]


class CertifiedBlock(Struct, frozen=True, array_like=True):
    """A block as it is handed to a hub that was away, or to a verifier.

    `proposal` is the leader's signature for the slot that the header names. `commit` is None where
    a later block's commit certificate makes this one final.
    """

    block: Block
    proposal: bytes
    commit: CommitCertificate | None


_header_decoder = msgspec.msgpack.Decoder(Header)


def block_hash(header: bytes) -> bytes:
    """The block's name: 32 bytes."""
    return hashlib.sha256(b"homechain header 1\0" + header).digest()


def write_header(header: Header) -> bytes:
    """The exact bytes of a header. Called once, by whoever makes the block."""
    return msgspec.msgpack.encode(header)


def read_header(data: bytes) -> Header:
    """The header in `data`; refuses any spelling but the one that `write_header` makes."""
    if len(data) > HEADER_BYTES:
        raise TooLarge(f"header of {len(data)} bytes, limit {HEADER_BYTES}")
    try:
        header = _header_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FormatError(f"header: {error}") from error
    if msgspec.msgpack.encode(header) != data:
        raise FormatError("header: not in its canonical spelling")
    for name, value in (
        ("epoch", header.epoch),
        ("term", header.term),
        ("seq", header.seq),
        ("height", header.height),
        ("time_ms", header.time_ms),
        ("tree_size", header.tree_size),
    ):
        if not 0 <= value <= limits.COUNTER_MAX:
            raise FormatError(f"header: {name} {value} is out of range")
    if not 0 <= header.record_count <= limits.RECORDS_PER_BLOCK:
        raise FormatError(f"header: record_count {header.record_count} is out of range")
    return header


def root_certificate(epoch: int, root: bytes) -> QuorumCertificate:
    """The certificate of an epoch's root block, which needs no endorsements."""
    rank = Rank(epoch, 0, 0)
    return QuorumCertificate(rank, root, rank, root, ())
