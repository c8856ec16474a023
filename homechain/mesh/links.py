"""`Mesh`: one live link with every trusted hub, whoever dialled it.

Both hubs dial, so two connections may meet. The one dialled by the hub with the smaller did
stays, unless a hub restarted (its boot number differs): then the newer one does. Only the smaller
did closes the surplus; the other goes on reading it, so that the change-over loses nothing and
nobody reports a break that was none.

*Invariant:* a message is delivered only from a hub that is trusted at that moment.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

import aiohttp
from aiohttp import web

from homechain.crypto.keys import PrivateKey
from homechain.mesh.addresses import Address, AddressSource
from homechain.mesh.certificate import make_certificate
from homechain.mesh.errors import StrangerRefused
from homechain.mesh.link import Direction, Link, LinkTimings
from homechain.mesh.listener import Listener
from homechain.mesh.peer import LinkReport, Peer, PeerEvents
from homechain.mesh.tls import client_context, member_at_other_end, server_context
from homechain.mesh.upgrade import BOOT_MOST, accept, dial, is_upgrade, read_boot
from homechain.model.errors import FormatError
from homechain.model.messages import (
    BlocksWanted,
    BlockWanted,
    FinalBlocks,
    Message,
    PendingDevice,
    PendingHub,
    PendingRecords,
    Status,
    read_message,
    write_message,
)
from homechain.node.ports import Clock, Randomness

_BULK: Final = (PendingRecords, FinalBlocks, BlocksWanted, BlockWanted, PendingDevice, PendingHub)


class Mesh:
    """The `Peers` port over mutual TLS.

    `open` binds the listener, `run` works until it is cancelled, `trust` says with whom. The
    three callbacks are called from the event loop and must neither block nor call back in:
    `on_message(hub, message)`, `on_link_up(hub)`, `on_link_down(hub)`, each with the hub's did.
    """

    def __init__(
        self,
        *,
        key: PrivateKey,
        boot: int,
        clock: Clock,
        randomness: Randomness,
        on_message: Callable[[str, Message], None],
        on_link_up: Callable[[str], None],
        on_link_down: Callable[[str], None],
        timings: LinkTimings | None = None,
    ) -> None:
        """`boot` names this start of the process: a number that no earlier start had."""
        assert 0 <= boot <= BOOT_MOST
        self.hub = key.public.did
        self._key = key
        self._certificate = make_certificate(key)
        self._boot = boot
        self._clock = clock
        self._randomness = randomness
        self._on_message = on_message
        self._on_link_up = on_link_up
        self._on_link_down = on_link_down
        self._timings = timings or LinkTimings()
        self._peers: dict[str, Peer] = {}
        self._members: dict[str, bytes] = {}
        self._listener: Listener | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._session: aiohttp.ClientSession | None = None
        self._failed: asyncio.Future[None] | None = None

    def send(self, hub: str, message: Message) -> None:
        """Queue `message` for one hub, if there is a link."""
        self._queue_for((hub,), message)

    def broadcast(self, message: Message, *, but: str | None = None) -> None:
        """Queue `message` for every linked hub except `but`."""
        self._queue_for([hub for hub in self._peers if hub != but], message)

    def connected(self) -> frozenset[str]:
        """Hubs whose link answered within `silence_s`."""
        return frozenset(
            hub
            for hub, peer in self._peers.items()
            if peer.link is not None and peer.link.answered_lately()
        )

    def trust(self, certificates: Mapping[str, bytes]) -> None:
        """From now on link only with these hubs (`did` → DER); close all other links at once.

        This hub's own entry is ignored. Known addresses of hubs that stay are kept.
        """
        members = {did: der for did, der in certificates.items() if did != self.hub}
        if members == self._members:
            return
        gone = [did for did, der in self._members.items() if members.get(did) != der]
        self._members = members
        for did in gone:
            self._forget(self._peers.pop(did))
        for did, der in members.items():
            if did not in self._peers:
                self._peers[did] = self._meet(did, der)
        if self._listener is not None:
            self._listener.renew()

    def set_addresses(self, hub: str, addresses: Iterable[str], *, source: AddressSource) -> None:
        """Replace what `source` knows about where a trusted `hub` is: `host:port` each."""
        peer = self._peers.get(hub)
        if peer is not None and peer.book.set(addresses, source=source):
            peer.news.set()

    def link_report(self) -> tuple[LinkReport, ...]:
        """Return how the link with each trusted hub is doing, ordered by did."""
        return tuple(peer.report() for _, peer in sorted(self._peers.items()))

    @property
    def port(self) -> int:
        """The TCP port that `open` bound."""
        assert self._listener is not None, "open() comes first"
        return self._listener.port

    def open(self, *, host: str | None, port: int) -> None:
        """Bind the listener; `host=None` is every address, IPv6 and IPv4. Raises `ListenFailed`."""
        assert self._listener is None
        self._listener = Listener(host=host, port=port)

    def close(self) -> None:
        """Give the port back. `run` does so itself when it ends."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def run(self) -> None:
        """Accept and dial until cancelled; then close all links.

        An error of a callback ends it too, and comes out inside an `ExceptionGroup`.
        """
        assert self._listener is not None, "open() comes first"
        self._failed = asyncio.get_running_loop().create_future()
        handler = web.Server(self._accept, access_log=None)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=0, use_dns_cache=False),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as self._session:
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    self._tasks.create_task(
                        self._listener.run(
                            handler,
                            make_context=self._server_context,
                            handshake_s=self._timings.handshake_s,
                        )
                    )
                    self._tasks.create_task(_wait_for(self._failed))
                    for peer in self._peers.values():
                        self._start(peer)
            finally:
                self._tasks = None
                for peer in self._peers.values():
                    peer.finish()
                await handler.shutdown(self._timings.close_s)
                self.close()

    async def _accept(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        try:
            if transport is None:
                raise StrangerRefused("gone already")
            hub = member_at_other_end(transport.get_extra_info("ssl_object"), self._members)
        except StrangerRefused:
            return web.Response(status=403)
        host, port = transport.get_extra_info("peername")[:2]
        peer, boot = self._peers[hub], read_boot(request.headers)
        if boot is None or not is_upgrade(request):
            return web.Response(status=400)
        if peer.is_refused():
            return web.Response(status=429)
        accepted = await accept(request, boot=self._boot, timings=self._timings)
        if self._peers.get(hub) is peer:
            address = str(Address(host, port))
            await self._carry(
                peer,
                peer.link_over(accepted, direction=Direction.ACCEPTED, address=address, boot=boot),
            )
        else:
            await accepted.close()
        return accepted

    async def _keep_linked(self, peer: Peer) -> None:
        while True:
            await peer.unlinked.wait()
            peer.news.clear()
            for address in peer.book.in_order():
                if peer.link is not None or peer.is_refused():
                    break
                if await self._dial(peer, address):
                    break
            # However much news comes, some time passes between two rounds.
            await asyncio.sleep(self._timings.back_off_first_s / 2)
            with suppress(TimeoutError):
                async with asyncio.timeout(peer.back_off.next_s()):
                    await peer.news.wait()

    async def _dial(self, peer: Peer, address: Address) -> bool:
        """Dial and carry the link to its end; say whether there was one."""
        assert self._session is not None
        answered = await dial(
            self._session,
            address,
            context=peer.context,
            certificates={peer.hub: self._members[peer.hub]},
            boot=self._boot,
            timings=self._timings,
        )
        if answered is None:
            peer.traffic.failed_dials += 1
            return False
        dialled, boot = answered
        peer.book.remember_good(address)
        await self._carry(
            peer,
            peer.link_over(dialled, direction=Direction.DIALLED, address=str(address), boot=boot),
        )
        return True

    async def _carry(self, peer: Peer, link: Link) -> None:
        try:
            peer.adopt(link)
            await link.run(peer.queue)
        except Exception as error:  # noqa: BLE001 - a callback broke: `run` ends with its error
            self._fail(error)
        finally:
            if link.misbehaved:
                peer.refuse()
            try:
                peer.drop(link)
            except Exception as error:  # noqa: BLE001 - as above
                self._fail(error)
            await link.close()

    def _fail(self, error: Exception) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _server_context(self) -> ssl.SSLContext:
        return server_context(
            self._key, certificate=self._certificate, members=self._members.values()
        )

    def _meet(self, did: str, der: bytes) -> Peer:
        peer = Peer(
            did,
            own_did=self.hub,
            context=client_context(self._key, certificate=self._certificate, peer=der),
            clock=self._clock,
            randomness=self._randomness,
            timings=self._timings,
            events=PeerEvents(
                on_frame=self._take, on_up=self._on_link_up, on_down=self._on_link_down
            ),
        )
        if self._tasks is not None:
            self._start(peer)
        return peer

    def _start(self, peer: Peer) -> None:
        assert self._tasks is not None
        peer.task = self._tasks.create_task(self._keep_linked(peer))

    def _forget(self, peer: Peer) -> None:
        peer.finish()
        if peer.task is not None:
            peer.task.cancel()

    def _take(self, peer: Peer, data: bytes) -> bool:
        try:
            message = read_message(data)
        except FormatError:
            return False
        if isinstance(message, Status):
            peer.compare_clocks(message)
        self._on_message(peer.hub, message)
        return True

    def _queue_for(self, hubs: Iterable[str], message: Message) -> None:
        frame: bytes | None = None
        for hub in hubs:
            peer = self._peers.get(hub)
            if peer is None or peer.link is None:
                continue
            frame = frame or write_message(message)
            peer.queue.put(frame, urgent=not isinstance(message, _BULK))


async def _wait_for(failed: asyncio.Future[None]) -> None:
    await failed
