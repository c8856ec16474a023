"""What hubs say to one another under their signature, and the exact bytes that they sign.

Every statement covers a type tag, the protocol version, the home, the configuration's hash, the
signer, the term and the fields of its rule (consensus.md, Quorum and Rules). Signers are numbers:
places in the configuration's members, which the hash pins.
"""

from typing import ClassVar

import msgspec
from msgspec import Struct

from homechain.model.blocks import (
    Block,
    ElectionCertificate,
    QuorumCertificate,
    Rank,
)
from homechain.model.configuration import PROTOCOL_VERSION, Configuration


class PreVote(Struct, frozen=True, array_like=True, tag=1):
    """A wish to leave `term`. Binds nobody."""

    KIND: ClassVar[str] = "pre-vote"
    epoch: int
    term: int
    signer: int
    signature: bytes = b""


class Vote(Struct, frozen=True, array_like=True, tag=2):
    """A promise to serve `term`, to sign nothing below it; names the highest certificate held."""

    KIND: ClassVar[str] = "vote"
    epoch: int
    term: int
    signer: int
    high: QuorumCertificate
    signature: bytes = b""


class Proposal(Struct, frozen=True, array_like=True, tag=3):
    """The leader's block for slot (term, seq). The signature covers slot and block hash."""

    KIND: ClassVar[str] = "proposal"
    epoch: int
    term: int
    seq: int
    signer: int
    block_hash: bytes
    block: Block
    justify: QuorumCertificate
    """Certifies the parent; when K is proposed again (R11), certifies K itself."""
    election: ElectionCertificate | None
    """Present exactly when seq is 0."""
    signature: bytes = b""
    original: bytes = b""
    """When K is proposed again (R11): the signature of K's first leader, for the slot in its own
    header, so that whoever sees K here for the first time can keep a complete block."""


class Prepare(Struct, frozen=True, array_like=True, tag=4):
    """ "This block is durable here." Covers the certificate that justifies the block."""

    KIND: ClassVar[str] = "prepare"
    epoch: int
    term: int
    seq: int
    block: bytes
    justify_rank: Rank
    justify_block: bytes
    signer: int
    signature: bytes = b""


class Commit(Struct, frozen=True, array_like=True, tag=5):
    """ "I hold the quorum certificate of this block, durably." """

    KIND: ClassVar[str] = "commit"
    epoch: int
    term: int
    seq: int
    block: bytes
    signer: int
    signature: bytes = b""


class Heartbeat(Struct, frozen=True, array_like=True, tag=6):
    """The leader is at work. Relayed, so that one bad link deposes nobody (R1)."""

    KIND: ClassVar[str] = "heartbeat"
    epoch: int
    term: int
    signer: int
    beat: int
    """Grows by one a beat inside a term."""
    high: Rank
    committed_height: int
    signature: bytes = b""


class HeartbeatAck(Struct, frozen=True, array_like=True, tag=7):
    """ "I hear the leader" (CheckQuorum, R10)."""

    KIND: ClassVar[str] = "heartbeat-ack"
    epoch: int
    term: int
    signer: int
    beat: int
    signature: bytes = b""


Statement = PreVote | Vote | Proposal | Prepare | Commit | Heartbeat | HeartbeatAck


def _signed(tag: str, signer: int, configuration: Configuration, *fields: object) -> bytes:
    return msgspec.msgpack.encode(
        (
            f"homechain {tag}",
            PROTOCOL_VERSION,
            configuration.home,
            configuration.hash(),
            configuration.members[signer],
            *fields,
        )
    )


def vote_bytes(
    *, configuration: Configuration, signer: int, term: int, high_rank: Rank, high_block: bytes
) -> bytes:
    """What a vote signs."""
    return _signed("vote", signer, configuration, term, high_rank, high_block)


def proposal_bytes(
    *, configuration: Configuration, signer: int, term: int, seq: int, block: bytes
) -> bytes:
    """What a leader signs for a block."""
    return _signed("proposal", signer, configuration, term, seq, block)


def prepare_bytes(
    *,
    configuration: Configuration,
    signer: int,
    term: int,
    seq: int,
    block: bytes,
    justify_rank: Rank,
    justify_block: bytes,
) -> bytes:
    """What a prepare signs."""
    return _signed("prepare", signer, configuration, term, seq, block, justify_rank, justify_block)


def commit_bytes(
    *, configuration: Configuration, signer: int, term: int, seq: int, block: bytes
) -> bytes:
    """What a commit signs."""
    return _signed("commit", signer, configuration, term, seq, block)


def statement_bytes(statement: Statement, configuration: Configuration) -> bytes:
    """The exact bytes that `statement.signature` covers under `configuration`."""
    match statement:
        case PreVote():
            return _signed("pre-vote", statement.signer, configuration, statement.term)
        case Vote():
            return vote_bytes(
                configuration=configuration,
                signer=statement.signer,
                term=statement.term,
                high_rank=statement.high.rank,
                high_block=statement.high.block,
            )
        case Proposal():
            return proposal_bytes(
                configuration=configuration,
                signer=statement.signer,
                term=statement.term,
                seq=statement.seq,
                block=statement.block_hash,
            )
        case Prepare():
            return prepare_bytes(
                configuration=configuration,
                signer=statement.signer,
                term=statement.term,
                seq=statement.seq,
                block=statement.block,
                justify_rank=statement.justify_rank,
                justify_block=statement.justify_block,
            )
        case Commit():
            return commit_bytes(
                configuration=configuration,
                signer=statement.signer,
                term=statement.term,
                seq=statement.seq,
                block=statement.block,
            )
        case Heartbeat():
            return _signed(
                "heartbeat",
                statement.signer,
                configuration,
                statement.term,
                statement.beat,
                statement.high,
                statement.committed_height,
            )
        case HeartbeatAck():
            return _signed(
                "heartbeat-ack", statement.signer, configuration, statement.term, statement.beat
            )
