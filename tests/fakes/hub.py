"""A hub without consensus, disk or mesh: `api.server.ports.Hub` on a home with real keys.

Whatever is admitted is in the next block at once, unless `hold` says that the others are away.
Several fake hubs may share one home; each learns of the others' blocks by `catch_up`.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from homechain.api.server.ports import (
    Head,
    HubBusy,
    MeshHub,
    MeshReport,
    PairingWindow,
    TrustMaterial,
)
from homechain.ledger.admission import check
from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.decisions import Decision
from homechain.ledger.errors import Inadmissible, ProofRefused
from homechain.ledger.proofs import CommandProof, make_command_proof
from homechain.ledger.records import SignedRecord, read_record, verify_record
from homechain.ledger.state import State
from homechain.model.messages import PendingDevice, PendingHub
from homechain.node.feed import Feed, FinalNotice, Listener
from homechain.node.ports import FinalBlock
from homechain.node.queries import RecordRow
from tests.fakes.home import MadeHome
from tests.fakes.store import MemoryQueries, MemoryStore


class SteeredClock:
    """Two clocks that move when a test says so."""

    def __init__(self, *, wall_ms: int) -> None:
        self._wall_ms = wall_ms
        self._monotonic_ms = 1_000_000

    def wall_ms(self) -> int:
        return self._wall_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def pass_s(self, seconds: float) -> None:
        """Time goes by, on both clocks."""
        self._wall_ms += int(seconds * 1000)
        self._monotonic_ms += int(seconds * 1000)


class FakeSettled(Struct, frozen=True, kw_only=True):
    row: RecordRow
    decision: Decision | None


class FakeSubmission(Struct, frozen=True, kw_only=True):
    record: SignedRecord
    already: RecordRow | None
    final: asyncio.Future[FakeSettled]


class MemoryMedia:
    """Stills in a dictionary."""

    def __init__(self) -> None:
        self.stills: dict[bytes, bytes] = {}

    async def put(self, sha256: bytes, data: bytes) -> None:
        self.stills[sha256] = data

    async def get(self, sha256: bytes) -> bytes | None:
        return self.stills.get(sha256)


class FakeHub:
    """One hub of `home`, the `number`-th."""

    def __init__(self, home: MadeHome, *, number: int = 0) -> None:
        self.made = home
        self.did = list(home.hub_keys)[number]
        self.name = f"Hub {number}"
        self.clock = SteeredClock(wall_ms=home.now_s * 1000)
        self.media = MemoryMedia()
        self.pairing: PairingWindow | None = None
        self.devices_waiting: list[PendingDevice] = []
        self.hubs_waiting: list[PendingHub] = []
        self.fresh = True
        self.held: list[SignedRecord] | None = None
        self.failure: Exception | None = None
        self._store = MemoryStore()
        self.queries = MemoryQueries(self._store)
        self.feed = Feed()
        self._waiting: dict[bytes, asyncio.Future[FakeSettled]] = {}
        self._learn_blocks()

    # ------------------------------------------------------------------ what tests steer

    def hold(self) -> None:
        """From now on nothing becomes final: the other hubs are away."""
        self.held = []

    async def release(self) -> None:
        """The others are back: what waited becomes final."""
        held, self.held = self.held or [], None
        if held:
            self.made.commit(*held)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Learn the blocks that the home made meanwhile, and tell whoever listens."""
        for built in self._learn_blocks():
            decisions = {decision.command: decision for decision in built.decisions}
            for record in built.records:
                future = self._waiting.pop(record.id, None)
                row = await self.queries.record(record.id)
                assert row is not None, "the block is stored"
                if future is not None:
                    future.set_result(FakeSettled(row=row, decision=decisions.get(record.id)))
            self.feed.publish(
                FinalNotice(
                    height=built.header.height,
                    hash=built.hash,
                    time_ms=built.header.time_ms,
                    first_index=built.first_index,
                    records=built.records,
                    decisions=built.decisions,
                )
            )

    def _learn_blocks(self) -> list[BuiltBlock]:
        news = self.made.built[len(self._store.finals) :]
        for built in news:
            final = FinalBlock(
                hash=built.hash,
                height=built.header.height,
                block=built.block,
                proposal=b"",
                commit=self.made.blocks[built.header.height].commit,
                time_ms=built.header.time_ms,
                first_index=built.first_index,
                records=built.records,
                decisions=built.decisions,
                state_changes=built.changes,
                tree_nodes=built.tree_nodes,
                configuration=built.next_configuration,
            )
            self._store.finals.append(final)
        return news

    # ------------------------------------------------------------------ the port

    @property
    def home(self) -> bytes:
        return self.made.id

    @property
    def _head(self) -> BuiltBlock:
        return self.made.built[len(self._store.finals) - 1]

    @property
    def state(self) -> State:
        return self._head.state

    @property
    def head(self) -> Head:
        header = self._head.header
        return Head(
            height=header.height,
            hash=self._head.hash,
            time_ms=header.time_ms,
            tree_size=header.tree_size,
        )

    async def submit(self, raw: bytes) -> FakeSubmission:
        if self.failure is not None:
            raise self.failure
        record = read_record(raw)
        future = asyncio.get_running_loop().create_future()
        row = await self.queries.record(record.id)
        if row is not None:
            future.set_result(FakeSettled(row=row, decision=None))
            return FakeSubmission(record=record, already=row, final=future)
        time_ms = max(self.clock.wall_ms(), self.head.time_ms)
        check(self.state, record, time_ms=time_ms)
        if not verify_record(record):
            raise Inadmissible("bad_signature", "the signature is not by the key in `iss`")
        future = self._waiting.setdefault(record.id, future)
        if self.held is None:
            self.made.commit(record)
            await self.catch_up()
        elif record.id not in {waiting.id for waiting in self.held}:
            self.held.append(record)
        return FakeSubmission(record=record, already=None, final=future)

    @contextmanager
    def subscribe(self) -> Iterator[Listener]:
        if self.failure is not None:
            raise HubBusy
        with self.feed.subscribe() as listener:
            yield listener

    async def command_proof(self, command: bytes) -> CommandProof:
        row = await self.queries.record(command)
        if row is None:
            raise ProofRefused("not_included", "no such command")
        commit = self.made.blocks[row.height].commit
        assert commit is not None, "made blocks carry their certificate"
        return make_command_proof(
            self.made.built[row.height], command, headers_above=(), commit=commit
        )

    def mesh_report(self) -> MeshReport:
        configuration = self.state.configuration
        return MeshReport(
            hubs=tuple(
                MeshHub(
                    did=hub.did,
                    name=hub.name,
                    member=hub.did in configuration.members,
                    linked=True,
                    leader=hub.did == configuration.members[configuration.leader(1)],
                    term=1,
                    height=self.head.height,
                    lag=0,
                    rtt_ms=0.5,
                    clock_skew_ms=0,
                    addresses=hub.mesh,
                )
                for hub in self.state.hubs()
            ),
            role="leader",
            term=1,
            epoch=configuration.epoch,
            quorum=configuration.quorum,
            lying=configuration.lying,
            silent=configuration.silent,
            fresh=self.fresh,
        )

    async def trust_material(self) -> TrustMaterial:
        newest = self.made.blocks[self.head.height]
        return TrustMaterial(
            genesis=self.made.genesis.raw,
            configuration_steps=(),
            checkpoint_header=newest.block.header,
            checkpoint_commit=newest.commit,
        )

    def device_requests(self) -> Sequence[PendingDevice]:
        return tuple(self.devices_waiting)

    def add_device_request(self, request: PendingDevice) -> None:
        self.devices_waiting.append(request)

    def hub_requests(self) -> Sequence[PendingHub]:
        return tuple(self.hubs_waiting)

    def open_pairing(self) -> PairingWindow:
        self.pairing = PairingWindow(
            code="7-amber-lantern", closes_ms=self.clock.wall_ms() + 600_000
        )
        return self.pairing

    def close_pairing(self) -> None:
        self.pairing = None
