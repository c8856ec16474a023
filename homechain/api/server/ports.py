"""What the HTTP servers need from the hub behind them. Nothing else of it is used."""

from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from homechain.ledger.decisions import Decision
from homechain.ledger.proofs import CommandProof, ConfigurationStep
from homechain.ledger.records import SignedRecord
from homechain.ledger.state import State
from homechain.model.blocks import CommitCertificate
from homechain.model.messages import PendingDevice, PendingHub
from homechain.node.feed import Notice
from homechain.node.ports import Clock
from homechain.node.queries import Queries, RecordRow


class HubBusy(Exception):
    """The hub has no room for another record or listener; try again, or another hub."""


class HubFailed(Exception):
    """This hub's disk failed: it takes nothing more in and is about to stop."""


class Head(Struct, frozen=True, kw_only=True):
    """The newest final block."""

    height: int
    hash: bytes
    time_ms: int
    tree_size: int


class Settled(Protocol):
    """Where a final record stands, and what was decided if it is a command."""

    @property
    def row(self) -> RecordRow: ...

    @property
    def decision(self) -> Decision | None: ...


class Submission(Protocol):
    """A record that is durable on this hub."""

    @property
    def record(self) -> SignedRecord: ...

    @property
    def final(self) -> Awaitable[Settled]:
        """Resolves once the record is final; raises `Inadmissible` if it never can be."""

    @property
    def already(self) -> RecordRow | None:
        """The final record, where it was committed before."""


class Listener(Protocol):
    """Bounded notices of what became final or changed."""

    async def next(self) -> Notice | None:
        """The next notice; `Resync` if some were lost; None when the hub stops."""


class MeshHub(Struct, frozen=True, kw_only=True):
    """One hub, as this one sees it."""

    did: str
    name: str
    member: bool
    linked: bool
    leader: bool
    term: int | None = None
    height: int | None = None
    lag: int | None = None
    """Blocks behind this hub."""
    rtt_ms: float | None = None
    clock_skew_ms: int | None = None
    addresses: tuple[str, ...] = ()


class MeshReport(Struct, frozen=True, kw_only=True):
    """The mesh and the core, as this hub sees them."""

    hubs: tuple[MeshHub, ...]
    """This hub included."""
    role: str
    term: int
    epoch: int
    quorum: int
    lying: int
    silent: int
    fresh: bool


class TrustMaterial(Struct, frozen=True, kw_only=True):
    """What a device needs to check proofs by itself."""

    genesis: bytes
    """The genesis record."""
    configuration_steps: tuple[ConfigurationStep, ...]
    checkpoint_header: bytes
    checkpoint_commit: CommitCertificate | None


class PairingWindow(Struct, frozen=True, kw_only=True):
    """The window in which another hub may join."""

    code: str
    closes_ms: int


class Media(Protocol):
    """Stills by their SHA-256, outside the ledger."""

    async def put(self, sha256: bytes, data: bytes) -> None:
        """Durable when it returns; the oldest may have made room."""

    async def get(self, sha256: bytes) -> bytes | None:
        """The bytes, if they are here."""


class Hub(Protocol):
    """One running hub."""

    @property
    def home(self) -> bytes:
        """32 bytes."""

    @property
    def did(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def state(self) -> State:
        """The final state."""

    @property
    def head(self) -> Head: ...

    @property
    def queries(self) -> Queries: ...

    @property
    def media(self) -> Media: ...

    async def submit(self, raw: bytes) -> Submission:
        """Admit a record: checked, signature verified, durable here when it returns.

        Raises `Inadmissible`; `HubBusy` where too many records wait; `HubFailed`.
        """

    def subscribe(self) -> AbstractContextManager[Listener]:
        """Notices from now on. `HubBusy` where all places are taken."""

    async def command_proof(self, command: bytes) -> CommandProof:
        """The proof of a final, allowed command."""

    def mesh_report(self) -> MeshReport: ...

    async def trust_material(self) -> TrustMaterial: ...

    def device_requests(self) -> Sequence[PendingDevice]:
        """Devices that wait, here and at other hubs."""

    def add_device_request(self, request: PendingDevice) -> None:
        """Show this one to the residents and tell the other hubs."""

    def hub_requests(self) -> Sequence[PendingHub]: ...

    def open_pairing(self) -> PairingWindow: ...

    def close_pairing(self) -> None: ...

    @property
    def pairing(self) -> PairingWindow | None:
        """The open window, if there is one."""
