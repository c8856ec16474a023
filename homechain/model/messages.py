"""What travels between hubs: signed statements, shown certificates, records, blocks.

One message is one MessagePack array whose first element is its tag.
"""

import msgspec
from msgspec import Struct

from homechain.model import limits
from homechain.model.blocks import (
    Block,
    CertifiedBlock,
    CommitCertificate,
    ElectionCertificate,
    QuorumCertificate,
)
from homechain.model.errors import FormatError, TooLarge
from homechain.model.statements import Statement


class Status(Struct, frozen=True, array_like=True, tag=20):
    """First message on a link, and repeated: what this hub has. A hint, not a statement."""

    home: bytes
    hub: str
    boot: int
    epoch: int
    term: int
    height: int
    """Of the highest final block here."""
    clock_ms: int
    linked: tuple[str, ...]
    """Hubs that this one has a link to: nobody relays to it what those send it themselves."""


class ShownQuorum(Struct, frozen=True, array_like=True, tag=21):
    """A quorum certificate, for whoever lacks it."""

    certificate: QuorumCertificate


class ShownCommit(Struct, frozen=True, array_like=True, tag=22):
    """A commit certificate, for whoever lacks it."""

    certificate: CommitCertificate


class ShownElection(Struct, frozen=True, array_like=True, tag=23):
    """An election certificate, for a hub of an older term (R10)."""

    certificate: ElectionCertificate


class PendingRecords(Struct, frozen=True, array_like=True, tag=24):
    """Records that wait for a block: exact bytes. Flooded."""

    records: tuple[bytes, ...]


class BlocksWanted(Struct, frozen=True, array_like=True, tag=25):
    """Asks for final blocks from `from_height` on."""

    from_height: int
    at_most: int


class FinalBlocks(Struct, frozen=True, array_like=True, tag=26):
    """Final blocks in ascending height; the last carries its commit certificate (R12)."""

    blocks: tuple[CertifiedBlock, ...]


class BlockWanted(Struct, frozen=True, array_like=True, tag=27):
    """Asks for one block that is not final yet, by hash."""

    block: bytes


class OpenBlock(Struct, frozen=True, array_like=True, tag=30):
    """A block that is not final yet, for whoever asked. Its certificate travels separately."""

    block: Block
    proposal: bytes
    """The leader's signature for the slot in the header."""


class PendingDevice(Struct, frozen=True, array_like=True, tag=28):
    """A device that asks to be taken in, as one hub saw it. A hint: residents compare digits."""

    description: bytes
    hub_nonce: bytes
    device_nonce: bytes
    hub: str
    seen_ms: int


class PendingHub(Struct, frozen=True, array_like=True, tag=29):
    """A hub that was paired by code and waits for the owner's signature."""

    description: bytes
    """JSON of a `HubDescription`."""
    via: str
    seen_ms: int


Message = (
    Statement
    | Status
    | ShownQuorum
    | ShownCommit
    | ShownElection
    | PendingRecords
    | BlocksWanted
    | FinalBlocks
    | BlockWanted
    | OpenBlock
    | PendingDevice
    | PendingHub
)

_decoder: "msgspec.msgpack.Decoder[Message]" = msgspec.msgpack.Decoder(Message)
_encoder = msgspec.msgpack.Encoder()


def write_message(message: Message) -> bytes:
    """The bytes of one message."""
    return _encoder.encode(message)


def read_message(data: bytes) -> Message:
    """The message in `data`. `FormatError` for anything else, `TooLarge` beyond the limit."""
    if len(data) > limits.MESSAGE_BYTES:
        raise TooLarge(f"message of {len(data)} bytes, limit {limits.MESSAGE_BYTES}")
    try:
        return _decoder.decode(data)
    # A text that is not UTF-8 is reported by Python itself, not by msgspec.
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FormatError(f"message: {error}") from error
