"""What the driver needs from the world: clock, randomness, peers, store, signer.

Each port has a real adapter (in `storage`, `mesh`, `hub`) and a fake in `tests/fakes`; the same
contract tests run on both.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from homechain.consensus.safety import SafetyRecord
from homechain.ledger.decisions import Decision
from homechain.ledger.records import SignedRecord
from homechain.model.blocks import Block, CommitCertificate
from homechain.model.configuration import Configuration
from homechain.model.messages import Message


class Clock(Protocol):
    """Two clocks: one that people read, one that only moves forward."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970, as far as this box knows."""

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment in the past; never set back."""


class Randomness(Protocol):
    """Unpredictable bits, for jitter and nonces."""

    def bits(self) -> int:
        """64 random bits."""

    def bytes(self, count: int) -> bytes: ...


class Signer(Protocol):
    """This hub's key."""

    @property
    def did(self) -> str: ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


class Peers(Protocol):
    """Links to other hubs. Sending never waits and never fails: what cannot be sent is dropped."""

    def send(self, hub: str, message: Message) -> None:
        """To one hub, if there is a link."""

    def broadcast(self, message: Message, *, but: str | None = None) -> None:
        """To every linked hub except `but`."""

    def connected(self) -> frozenset[str]:
        """Hubs with a link that answered lately."""

    def trust(self, certificates: Mapping[str, bytes]) -> None:
        """From now on link only with these hubs (`did` → DER certificate); close all others."""


class World(Struct, frozen=True, kw_only=True):
    """All ports of one hub."""

    store: "Store"
    peers: Peers
    signer: Signer
    clock: Clock
    randomness: Randomness


class StoredBlock(Struct, frozen=True, kw_only=True):
    """A block that is durable here and not final: the body, and the leader's signature for it."""

    hash: bytes
    block: Block
    proposal: bytes


class FinalBlock(Struct, frozen=True, kw_only=True):
    """Everything that one block changes when it becomes final: one transaction."""

    hash: bytes
    height: int
    block: Block
    proposal: bytes
    commit: CommitCertificate | None
    time_ms: int
    first_index: int
    """Leaf number of the block's first record."""
    records: tuple[SignedRecord, ...]
    decisions: tuple[Decision, ...]
    """One for each command, in order."""
    state_changes: Mapping[str, bytes | None]
    tree_nodes: tuple[tuple[int, int, bytes], ...]
    """Perfect subtrees completed by this block: (level, index, hash)."""
    configuration: Configuration | None
    """The configuration that begins after this block, if it closes an epoch."""


class Batch(Struct, frozen=True, kw_only=True):
    """One durable step. Empty parts change nothing."""

    safety: SafetyRecord | None = None
    blocks: tuple[StoredBlock, ...] = ()
    final: tuple[FinalBlock, ...] = ()
    """Ascending heights, directly above the stored head."""
    pending: tuple[SignedRecord, ...] = ()
    """Admitted records to keep until a block holds them."""
    dropped: tuple[bytes, ...] = ()
    """Ids of pending records that can never be valid any more."""


class Loaded(Struct, frozen=True, kw_only=True):
    """What a hub finds on its own disk when it starts."""

    safety: SafetyRecord | None
    configurations: tuple[Configuration, ...]
    """All of them, by epoch."""
    head_height: int
    head_hash: bytes
    head_header: bytes
    state: Mapping[str, bytes]
    peaks: tuple[bytes, ...]
    """Perfect subtrees of the record tree, largest first: a `Frontier` of the head's tree size."""
    blocks: tuple[StoredBlock, ...]
    """Not final, above the head."""
    pending: tuple[bytes, ...]


class StoreFailed(Exception):
    """The disk did not take, or does not hold, what was given to it. The hub has to stop."""


class Store(Protocol):
    """The hub's disk. A failure raises `StoreFailed`; the hub then stops and never retries."""

    async def load(self) -> Loaded | None:
        """None where no home has been founded or joined yet."""

    async def write(self, batch: Batch) -> None:
        """Returns once the whole batch is on the medium. Calls may overlap: they take effect in the
        order of the calls, and several may share one fsync.
        """
