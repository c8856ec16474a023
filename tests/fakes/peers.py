"""The `Peers` port without sockets: hubs of one process, linked as soon as both trust each other.

Messages still pass through their exact bytes, and arrive in a later turn of the event loop.
"""

import asyncio
from collections.abc import Callable, Mapping

from homechain.model.messages import Message, read_message, write_message


class FakeNetwork:
    """Knows every hub, and which pairs are cut off from each other."""

    def __init__(self) -> None:
        self._hubs: dict[str, FakePeers] = {}
        self._cuts: set[frozenset[str]] = set()

    def join(
        self,
        hub: str,
        *,
        certificate: bytes,
        on_message: Callable[[str, Message], None],
        on_link_up: Callable[[str], None],
        on_link_down: Callable[[str], None],
    ) -> "FakePeers":
        """Bring a hub up; it trusts nobody yet."""
        peers = FakePeers(
            self,
            hub,
            certificate=certificate,
            on_message=on_message,
            on_link_up=on_link_up,
            on_link_down=on_link_down,
        )
        self._hubs[hub] = peers
        return peers

    def leave(self, hub: str) -> None:
        """Take a hub down, as a power cut would."""
        del self._hubs[hub]
        self.settle()

    def cut(self, one: str, other: str) -> None:
        """Break the link of two hubs until `heal`."""
        self._cuts.add(frozenset((one, other)))
        self.settle()

    def heal(self, one: str, other: str) -> None:
        """Let two hubs reach each other again."""
        self._cuts.discard(frozenset((one, other)))
        self.settle()

    def settle(self) -> None:
        """Make the links what trust and cuts allow."""
        for hub in self._hubs.values():
            hub.relink(
                {
                    did
                    for did, other in self._hubs.items()
                    if hub.trusts(other)
                    and other.trusts(hub)
                    and frozenset((hub.hub, did)) not in self._cuts
                }
            )

    def carry(self, frame: bytes, *, sender: str, receiver: str) -> None:
        """Deliver a frame in a later turn, if the link is still there then."""

        def deliver() -> None:
            peers = self._hubs.get(receiver)
            if peers is not None:
                peers.take(frame, sender=sender)

        asyncio.get_running_loop().call_soon(deliver)


class FakePeers:
    """One hub's `Peers`."""

    def __init__(
        self,
        network: FakeNetwork,
        hub: str,
        *,
        certificate: bytes,
        on_message: Callable[[str, Message], None],
        on_link_up: Callable[[str], None],
        on_link_down: Callable[[str], None],
    ) -> None:
        self.hub = hub
        self.certificate = certificate
        self._network = network
        self._on_message = on_message
        self._on_link_up = on_link_up
        self._on_link_down = on_link_down
        self._members: dict[str, bytes] = {}
        self._linked: set[str] = set()

    def send(self, hub: str, message: Message) -> None:
        if hub in self._linked:
            self._network.carry(write_message(message), sender=self.hub, receiver=hub)

    def broadcast(self, message: Message, *, but: str | None = None) -> None:
        for hub in sorted(self._linked - {but}):
            self.send(hub, message)

    def connected(self) -> frozenset[str]:
        return frozenset(self._linked)

    def trust(self, certificates: Mapping[str, bytes]) -> None:
        self._members = {did: der for did, der in certificates.items() if did != self.hub}
        self._network.settle()

    def trusts(self, other: "FakePeers") -> bool:
        return self._members.get(other.hub) == other.certificate

    def relink(self, linked: set[str]) -> None:
        loop = asyncio.get_running_loop()
        before, self._linked = self._linked, linked
        for hub in sorted(before - linked):
            loop.call_soon(self._on_link_down, hub)
        for hub in sorted(linked - before):
            loop.call_soon(self._on_link_up, hub)

    def take(self, frame: bytes, *, sender: str) -> None:
        if sender in self._linked:
            self._on_message(sender, read_message(frame))
