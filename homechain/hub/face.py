"""The hub as the HTTP interface sees it: `api.server.ports.Hub`, made of the parts that work."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from msgspec import Struct

from homechain.api.server.ports import (
    Head,
    HubBusy,
    HubFailed,
    Media,
    MeshHub,
    MeshReport,
    PairingWindow,
    TrustMaterial,
)
from homechain.hub.requests import Requests
from homechain.ledger.proofs import CommandProof
from homechain.ledger.state import State
from homechain.mesh.peer import LinkReport
from homechain.model.messages import PendingDevice, PendingHub
from homechain.node.feed import Listener, MeshNotice, TooManyListeners
from homechain.node.node import HubStopped, Node
from homechain.node.pool import PoolFull
from homechain.node.ports import Clock, StoreFailed
from homechain.node.queries import Queries
from homechain.node.receipts import Submission


class Pairing(Struct, frozen=True, kw_only=True):
    """How the face opens and closes the window for another hub."""

    open: Callable[[], PairingWindow]
    close: Callable[[], None]
    current: Callable[[], PairingWindow | None]


class HubFace:
    """Everything that the HTTP servers may ask of this hub."""

    def __init__(
        self,
        node: Node,
        *,
        media: Media,
        requests: Requests,
        pairing: Pairing,
        link_report: Callable[[], Sequence[LinkReport]],
    ) -> None:
        self._node = node
        self._media = media
        self._requests = requests
        self._pairing = pairing
        self._link_report = link_report

    @property
    def home(self) -> bytes:
        """32 bytes."""
        return self._node.home

    @property
    def did(self) -> str:
        """This hub."""
        return self._node.engine.world.signer.did

    @property
    def name(self) -> str:
        """What people call this hub."""
        hub = self.state.hub(self.did)
        return hub.name if hub is not None else "a hub that is not in the home yet"

    @property
    def clock(self) -> Clock:
        """This hub's clocks."""
        return self._node.engine.clock

    @property
    def state(self) -> State:
        """The final state."""
        return self._node.state

    @property
    def head(self) -> Head:
        """The newest final block."""
        head = self._node.head
        return Head(
            height=head.height,
            hash=head.hash,
            time_ms=head.header.time_ms,
            tree_size=head.header.tree_size,
        )

    @property
    def queries(self) -> Queries:
        """Reads of the final ledger."""
        return self._node.queries

    @property
    def media(self) -> Media:
        """Camera stills."""
        return self._media

    async def submit(self, raw: bytes) -> Submission:
        """See `Node.submit`; `HubBusy` where there is no room or no time left; `HubFailed`."""
        try:
            return await self._node.submit(raw)
        except (PoolFull, HubStopped) as error:
            raise HubBusy(str(error) or "too many records wait here") from error
        except StoreFailed as error:
            raise HubFailed(str(error)) from error

    @contextmanager
    def subscribe(self) -> Iterator[Listener]:
        """See `Node.subscribe`; `HubBusy` where all places are taken."""
        with ExitStack() as stack:
            try:
                listener = stack.enter_context(self._node.subscribe())
            except TooManyListeners as error:
                raise HubBusy("too many listen") from error
            yield listener

    async def command_proof(self, command: bytes) -> CommandProof:
        """The proof of an allowed command that has not expired."""
        return self._node.command_proof(command)

    async def trust_material(self) -> TrustMaterial:
        """What a device needs to check proofs by itself."""
        steps = self._node.configuration_steps  # never ahead of the checkpoint
        newest = await self.queries.block(self._node.head.height)
        assert newest is not None, "the head is on disk"
        return TrustMaterial(
            genesis=self._node.genesis,
            configuration_steps=steps,
            checkpoint_header=newest.block.header,
            checkpoint_commit=newest.commit,
        )

    # ------------------------------------------------------------------ requests and pairing

    def device_requests(self) -> Sequence[PendingDevice]:
        """Devices that wait, here and at other hubs."""
        return self._requests.devices(taken_in=lambda did: self.state.device(did) is not None)

    def add_device_request(self, request: PendingDevice) -> None:
        """Shows this one to the residents and tells the other hubs."""
        if self._requests.add_device(request):
            self._node.engine.peers.broadcast(request)
            self._node.engine.feed.publish(MeshNotice())

    def hub_requests(self) -> Sequence[PendingHub]:
        """Hubs that were paired and wait for an owner."""
        return self._requests.hubs(taken_in=lambda did: self.state.hub(did) is not None)

    def open_pairing(self) -> PairingWindow:
        """Opens the window; its code is shown once."""
        return self._pairing.open()

    def close_pairing(self) -> None:
        """Closes the window."""
        self._pairing.close()

    @property
    def pairing(self) -> PairingWindow | None:
        """The open window."""
        return self._pairing.current()

    # ------------------------------------------------------------------ the mesh

    def mesh_report(self) -> MeshReport:
        """The hubs and the core as this hub sees them."""
        engine = self._node.engine
        core = engine.core
        configuration = engine.configuration
        links = {report.hub: report for report in self._link_report()}
        leader = configuration.members[core.leader] if core.leader is not None else None
        dids = sorted({*configuration.members, *links, self.did})
        return MeshReport(
            hubs=tuple(self._mesh_hub(did, links, leader) for did in dids),
            role=core.role,
            term=core.term,
            epoch=core.epoch,
            quorum=configuration.quorum,
            lying=configuration.lying,
            silent=configuration.silent,
            fresh=core.fresh,
        )

    def _mesh_hub(self, did: str, links: Mapping[str, LinkReport], leader: str | None) -> MeshHub:
        engine = self._node.engine
        known = self.state.hub(did)
        member = did in engine.configuration.members
        description = known.description if known is not None else None
        addresses = tuple(description.mesh) if description is not None else ()
        name = description.name if description is not None else "a new hub"
        head = self._node.head.height
        if did == self.did:
            return MeshHub(
                did=did,
                name=name,
                member=member,
                linked=True,
                leader=did == leader,
                term=engine.core.term,
                height=head,
                lag=0,
                addresses=addresses,
            )
        link = links.get(did)
        height = engine.healing.catch_up.height_of(did)
        skew_ms = link.clock_skew_ms if link is not None else None
        return MeshHub(
            did=did,
            name=name,
            member=member,
            linked=link is not None and link.connected,
            leader=did == leader,
            height=height,
            lag=engine.healing.catch_up.lag_of(did),
            rtt_ms=link.rtt_ms if link is not None else None,
            clock_skew_ms=round(skew_ms) if skew_ms is not None else None,
            addresses=addresses,
        )
