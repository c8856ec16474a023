"""Runs one hub: opens its disk, its links and its doors, and keeps them until it is stopped."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from homechain.api.server.app import Servers
from homechain.api.server.limits import ApiLimits
from homechain.api.server.ports import PairingWindow
from homechain.consensus.timing import Timing
from homechain.crypto.hashing import unb64u
from homechain.crypto.keys import PrivateKey
from homechain.hub.directory import HubDirectory, Introduction
from homechain.hub.face import HubFace, Pairing
from homechain.hub.requests import WAIT_MS, Requests
from homechain.hub.system import KeySigner, SystemClock, SystemRandomness
from homechain.mesh.addresses import AddressSource
from homechain.mesh.announcements import Announcement, FoundHub, short_home
from homechain.mesh.certificate import make_certificate
from homechain.mesh.discovery import Discovery
from homechain.mesh.errors import DiscoveryUnavailable, ListenFailed
from homechain.mesh.links import Mesh
from homechain.mesh.pairing import PairingListener
from homechain.mesh.pairing_keys import make_code
from homechain.mesh.pairing_tries import TryBudget
from homechain.mesh.tls import residents_context
from homechain.model.configuration import Configuration
from homechain.model.messages import Message, PendingDevice, PendingHub
from homechain.model.records import HubDescription
from homechain.node.node import Node, NodeLimits
from homechain.node.ports import World
from homechain.settings import Settings
from homechain.storage.media import MediaStore
from homechain.storage.reads import SqliteQueries
from homechain.storage.store import SqliteStore

logger = logging.getLogger(__name__)

PAIRING_WINDOW_S: Final = 600.0
DISCOVERY_RETRY_S: Final = 30.0
PROGRESS_TIMEOUT_MS: Final = 20_000
"""A hub whose loop, disk or core stood still this long is not well: the watchdog may bite."""


class RemovedFromHome(Exception):
    """An owner removed this hub. Its key is erased; it can join again as a new hub."""


class Hub:
    """One hub of a home, from its directory."""

    def __init__(self, directory: HubDirectory, settings: Settings) -> None:
        self._directory = directory
        self._settings = settings
        self._key: PrivateKey = directory.key()
        self._clock = SystemClock()
        self._randomness = SystemRandomness()
        self._requests = Requests(clock=self._clock, hub=self._key.public.did)
        self._introduction = directory.read_introduction()
        self._learners: dict[str, HubDescription] = {}
        self._window: PairingWindow | None = None
        self._window_task: asyncio.Task[None] | None = None
        self._tries = TryBudget(clock=self._clock, on_alarm=logger.error)
        self._boot = self._randomness.bits() >> 1
        self._removed = asyncio.Event()
        self._announcement: Announcement | None = None
        self._discovery: Discovery | None = None
        self._node: Node
        self._mesh: Mesh

    @property
    def node(self) -> Node:
        """The hub's part in the home, once `run` said that it is ready."""
        return self._node

    async def run(self, *, on_ready: Callable[["Hub"], None]) -> None:
        """Works until cancelled. `on_ready` is called when devices and residents can connect.

        Raises `NotFounded`, `DamagedLedger`, `DirectoryRefused`, `ListenFailed`, `StorageFailed`,
        and `RemovedFromHome` when an owner removed this hub.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(await SqliteStore.open(self._directory.path))
            queries = await stack.enter_async_context(await SqliteQueries.open(store.path))
            media = await MediaStore.open(
                self._directory.path,
                item_bytes=settings.limits.media_item_bytes,
                total_bytes=settings.limits.media_bytes,
            )
            self._mesh = Mesh(
                key=self._key,
                boot=self._boot,
                clock=self._clock,
                randomness=self._randomness,
                on_message=self._on_message,
                on_link_up=self._on_link_up,
                on_link_down=self._on_link_down,
            )
            self._node = await self._start_node(store, queries)
            face = HubFace(
                self._node,
                media=media,
                requests=self._requests,
                pairing=Pairing(
                    open=self.open_pairing,
                    close=self.close_pairing,
                    current=lambda: self._window,
                ),
                link_report=self._mesh.link_report,
            )
            self._mesh.open(host=settings.mesh.host, port=settings.mesh.port)
            stack.callback(self._mesh.close)
            servers = await stack.enter_async_context(
                Servers(
                    face,
                    settings=settings.api,
                    context=residents_context(self._key, certificate=make_certificate(self._key)),
                    limits=ApiLimits(media_bytes=settings.limits.media_item_bytes),
                )
            )
            self._trust()
            await self._work(servers, on_ready)
        if self._removed.is_set():
            self._directory.erase_key()
            raise RemovedFromHome("an owner removed this hub from the home; its key is erased")

    async def _work(self, servers: Servers, on_ready: Callable[["Hub"], None]) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._node.run(), name="node")
                tasks.create_task(self._mesh.run(), name="mesh")
                if self._settings.mesh.discovery:
                    tasks.create_task(self._discover(servers), name="discovery")
                on_ready(self)
                await self._removed.wait()
                raise RemovedFromHome
        except* RemovedFromHome:
            pass
        finally:
            window = self._window_task
            self.close_pairing()
            if window is not None:
                await asyncio.wait([window])

    async def _start_node(self, store: SqliteStore, queries: SqliteQueries) -> Node:
        timing = self._settings.consensus
        return await Node.start(
            world=World(
                store=store,
                peers=self._mesh,
                signer=KeySigner(self._key),
                clock=self._clock,
                randomness=self._randomness,
            ),
            queries=queries,
            timing=Timing(
                election_timeout_ms=timing.election_timeout_ms,
                election_timeout_limit_ms=timing.election_timeout_max_ms,
                heartbeat_interval_ms=timing.heartbeat_interval_ms,
                censor_timeout_ms=timing.censor_timeout_ms,
            ),
            limits=NodeLimits(
                pending_records=self._settings.limits.pending_records,
                clock_window_ms=timing.clock_window_ms,
            ),
            on_epoch=self._on_epoch,
            on_request=self._on_request,
        )

    # The mesh is made before the node that it talks to, so these look the node up when called.

    def _on_message(self, hub: str, message: Message) -> None:
        self._node.receive(hub, message)

    def _on_link_up(self, hub: str) -> None:
        self._node.link_up(hub)

    def _on_link_down(self, hub: str) -> None:
        self._node.link_down(hub)

    # ------------------------------------------------------------------ whom to trust

    def _on_epoch(self, configuration: Configuration) -> None:
        for did in configuration.members:
            self._learners.pop(did, None)
        me = self._node.state.hub(self._key.public.did)
        if me is not None and me.removed:
            self._removed.set()
        self._trust()

    def _trust(self) -> None:
        """Links with the members, with who was just paired, and, until then, with who vouched."""
        hubs = {hub.did: hub.description for hub in self._node.state.hubs() if not hub.removed}
        member = self._key.public.did in hubs
        if self._introduction is not None and not member:
            hubs = {hub.hub: hub for hub in self._introduction.hubs} | hubs
        hubs |= self._learners
        self._mesh.trust({did: unb64u(hub.certificate) for did, hub in hubs.items()})
        for did, hub in hubs.items():
            self._mesh.set_addresses(did, hub.mesh, source=AddressSource.RECORD)
            self._mesh.set_addresses(did, self._settings.mesh.peers, source=AddressSource.STATIC)

    # ------------------------------------------------------------------ discovery

    async def _discover(self, servers: Servers) -> None:
        """Announces and browses. Without multicast the hub goes on with the addresses it knows."""
        self._announcement = Announcement(
            home=short_home(self._node.home),
            hub=self._key.public.did,
            boot=self._boot,
            api_port=servers.devices_port,
            residents_port=servers.residents_port,
            mesh_port=self._mesh.port,
        )
        interfaces: Sequence[str] | None = self._settings.mesh.interfaces or None
        self._discovery = Discovery(
            announcement=self._announcement, on_found=self._found, interfaces=interfaces
        )
        told = False
        while True:
            try:
                await self._discovery.run()
            except DiscoveryUnavailable as error:
                if not told:
                    logger.warning(
                        "no mDNS (%s): using static peers and the ledger's addresses", error
                    )
                told = True
            # A cable or a network that was not there at the start may come at any time.
            await asyncio.sleep(DISCOVERY_RETRY_S)

    def _found(self, hub: FoundHub) -> None:
        if hub.home == short_home(self._node.home):
            self._mesh.set_addresses(hub.hub, hub.mesh, source=AddressSource.DISCOVERY)

    def _say_pairing(self, port: int) -> None:
        if self._discovery is not None and self._announcement is not None:
            self._announcement = msgspec.structs.replace(self._announcement, pairing_port=port)
            self._discovery.announce(self._announcement)

    # ------------------------------------------------------------------ pairing

    def open_pairing(self) -> PairingWindow:
        """Opens the window for one more hub. Raises `PairingPaused` after too many wrong codes."""
        if self._window is not None:
            return self._window
        code = make_code(self._randomness)
        listener = PairingListener(
            home=self._node.home,
            key=self._key,
            code=code,
            bundle=self._introduce(),
            budget=self._tries,
            on_joined=self._paired,
            window_s=PAIRING_WINDOW_S,
        )
        closes_ms = self._clock.wall_ms() + round(PAIRING_WINDOW_S * 1000)
        self._window = PairingWindow(code=code, closes_ms=closes_ms)
        self._window_task = asyncio.create_task(
            self._hold_window(listener, after=self._window_task), name="pairing"
        )
        return self._window

    def close_pairing(self) -> None:
        """Closes the window, if it is open."""
        if self._window_task is not None:
            self._window_task.cancel()
        self._window = None

    async def _hold_window(
        self, listener: PairingListener, *, after: asyncio.Task[None] | None
    ) -> None:
        """Holds one window open; `after` is the one before it, which may still have the port."""
        try:
            if after is not None:
                await asyncio.wait([after])
            await listener.open(
                host=self._settings.mesh.host or None, port=self._settings.mesh.pairing_port
            )
            self._say_pairing(listener.port)
            outcome = await listener.run()
            logger.info("the pairing window closed: %s", outcome.value)
        except ListenFailed as error:
            logger.error("no pairing window: %s", error)
        finally:
            if self._window_task is asyncio.current_task():
                self._window = None
                self._window_task = None
                self._say_pairing(0)

    def _introduce(self) -> bytes:
        hubs = [hub.description for hub in self._node.state.hubs() if not hub.removed]
        return msgspec.json.encode(
            Introduction(genesis=self._node.genesis.decode("ascii"), hubs=hubs)
        )

    def _paired(self, hub: HubDescription) -> None:
        known = self._node.state.hub(hub.hub)
        if known is not None:
            # Its key is used up (an owner could not take it in again), so it reads nothing either.
            logger.warning(
                "%s was paired again, whose key belongs or belonged to the home", hub.hub
            )
            return
        self._learners[hub.hub] = hub
        self._trust()
        # Until an owner approves it, it reads along only as long as its request is shown.
        asyncio.get_running_loop().call_later(WAIT_MS / 1000, self._forget_learner, hub)
        request = PendingHub(msgspec.json.encode(hub), self._key.public.did, self._clock.wall_ms())
        if self._requests.add_hub(request):
            self._mesh.broadcast(request)

    def _forget_learner(self, hub: HubDescription) -> None:
        if self._learners.get(hub.hub) is hub:  # not one that was paired again since
            del self._learners[hub.hub]
            self._trust()

    def _on_request(self, hub: str, request: PendingDevice | PendingHub) -> None:
        """Another hub tells who waits there. It speaks for itself only, or its share had no end."""
        if isinstance(request, PendingHub):
            if request.via == hub:
                self._requests.add_hub(request)
        elif request.hub == hub:
            self._requests.add_device(request)

    # ------------------------------------------------------------------ health

    def is_well(self) -> bool:
        """Whether loop, disk and core moved lately: what the watchdog is fed with."""
        return self._node.engine.stalled_ms() < PROGRESS_TIMEOUT_MS

    def status(self) -> str:
        """One line for `systemctl status`."""
        engine = self._node.engine
        linked = len(self._mesh.connected())
        return (
            f"final to #{self._node.head.height}, {engine.core.role} in term {engine.core.term}, "
            f"linked with {linked} of {engine.configuration.size - 1} hubs"
        )
