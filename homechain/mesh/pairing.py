"""How a hub joins by a short code: SPAKE2, then one exchange under the key that it yields.

A resident opens a window on a hub of the home and reads a code off it; the joining hub is told
the code. Whoever lacks the code gets one guess per connection, learns nothing from the bytes
(SPAKE2, RFC 9382 in the form of the `spake2` package), and each wrong guess counts.

In order, over one TCP connection (`pairing_wire`):
    host → joiner   Hello   version, home id, host's did
    joiner → host   Offer   joiner's did, SPAKE2 share A
    host → joiner   Reply   SPAKE2 share B
    joiner → host   Proof   HMAC under the session key: the joiner commits first
    host → joiner   Proof   HMAC, or Refusal
    joiner → host   Sealed  description of the joining hub, signed with its own key
    host → joiner   Sealed  what the home hands to a new hub, signed with the host's key
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Final

import msgspec

from homechain.crypto.errors import CryptoError
from homechain.crypto.hashing import unb64u
from homechain.crypto.keys import PrivateKey, PublicKey
from homechain.mesh.addresses import Address
from homechain.mesh.certificate import certificate_did
from homechain.mesh.errors import (
    InvalidCertificate,
    ListenFailed,
    PairingClosed,
    PairingFailed,
    WrongCode,
)
from homechain.mesh.pairing_keys import SessionKeys, Share, clean_code, transcript_hash
from homechain.mesh.pairing_tries import TryBudget
from homechain.mesh.pairing_wire import (
    Hello,
    Offer,
    Proof,
    Reason,
    Refusal,
    Reply,
    Sealed,
    Signed,
    Wire,
)
from homechain.model.ids import DIGEST_BYTES
from homechain.model.records import HubDescription

PAIRING_VERSION: Final = 1
WINDOW_S_MOST: Final = 600.0
"""A window never stays open longer than ten minutes."""
WRONG_CODES_PER_WINDOW: Final = 3
SESSIONS_AT_ONCE: Final = 4
SESSION_S: Final = 20.0
"""For one whole exchange; the arithmetic alone takes a second on a small box."""
OPENING_BYTES: Final = 1_024
"""Longest message before both sides have proven the code."""
BUNDLE_BYTES: Final = 1024 * 1024
"""Longest bundle that the home hands over."""
_SEALED_BYTES: Final = BUNDLE_BYTES + 64 * 1024


class PairingOutcome(StrEnum):
    """Why a window closed."""

    JOINED = "joined"
    EXPIRED = "expired"
    TOO_MANY_TRIES = "too_many_tries"


class JoinBundle(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub of the home handed to this one, over a channel that the code made safe."""

    home: bytes
    """Id of the home: 32 bytes. The caller checks that the bundle's genesis record has it."""
    hub: str
    """The hub that handed it over."""
    bundle: bytes
    """As the host's caller made it."""


class PairingListener:
    """One window for one new hub: `open`, then `run` until it closes."""

    def __init__(
        self,
        *,
        home: bytes,
        key: PrivateKey,
        code: str,
        bundle: bytes,
        budget: TryBudget,
        on_joined: Callable[[HubDescription], None],
        window_s: float = WINDOW_S_MOST,
    ) -> None:
        """`key` is this hub's; `code` comes from `make_code` and is shown once, never logged.

        `on_joined` gets the new hub's description when it has proven code and key; only the
        owner's signature makes it a member. Raises `PairingPaused` while `budget` is exhausted.
        """
        assert len(home) == DIGEST_BYTES
        assert len(bundle) <= BUNDLE_BYTES
        budget.check()
        self._home = home
        self._key = key
        self._code = clean_code(code)
        self._bundle = bundle
        self._budget = budget
        self._on_joined = on_joined
        self._window_s = min(window_s, WINDOW_S_MOST)
        self._wrong = 0
        self._port = 0
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._closed: asyncio.Future[PairingOutcome] = asyncio.get_running_loop().create_future()

    @property
    def port(self) -> int:
        """The TCP port that `open` bound."""
        assert self._port, "open() comes first"
        return self._port

    @property
    def wrong_codes(self) -> int:
        """How many wrong codes this window has seen."""
        return self._wrong

    async def open(self, *, host: str | None, port: int = 0) -> None:
        """Bind the listener; raises `ListenFailed`."""
        try:
            self._server = await asyncio.start_server(self._accept, host, port)
        except OSError as error:
            raise ListenFailed(f"cannot listen for pairing: {error.strerror}") from error
        self._port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Give the port back. `run` does so itself when it ends."""
        self._closed.cancel()
        if self._server is not None:
            self._server.close()

    async def run(self) -> PairingOutcome:
        """Keep the window open until it has served, run out of time or tries, or is cancelled."""
        assert self._server is not None, "open() comes first"
        try:
            async with asyncio.timeout(self._window_s):
                return await self._closed
        except TimeoutError:
            return PairingOutcome.EXPIRED
        finally:
            self.close()
            sessions = tuple(self._sessions)
            for session in sessions:
                session.cancel()
            await asyncio.gather(*sessions, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio reports the cancellation of one of its own as an error.
        session = asyncio.create_task(self._receive(Wire(reader, writer)))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _receive(self, wire: Wire) -> None:
        try:
            # A peer that breaks off or talks nonsense is nobody's business but its own.
            with suppress(PairingFailed, TimeoutError, OSError):
                async with asyncio.timeout(SESSION_S):
                    if len(self._sessions) > SESSIONS_AT_ONCE:
                        await wire.send(Refusal(Reason.BUSY))
                    else:
                        await self._serve(wire)
        finally:
            wire.close()

    async def _serve(self, wire: Wire) -> None:
        hello = Hello(PAIRING_VERSION, self._home, self._key.public.did)
        await wire.send(hello)
        offer = await wire.receive(Offer, most_bytes=OPENING_BYTES)
        share = await asyncio.to_thread(
            Share, "host", code=self._code, home=self._home, host=hello.hub, joiner=offer.hub
        )
        reply = Reply(share.message)
        await wire.send(reply)
        secret = await asyncio.to_thread(share.finish, offer.share)
        transcript = transcript_hash(*map(msgspec.msgpack.encode, (hello, offer, reply)))
        keys = SessionKeys(secret, transcript=transcript)
        proof = await wire.receive(Proof, most_bytes=OPENING_BYTES)
        # From here to the verdict nothing is awaited: parallel sessions cannot buy extra tries.
        if self._closed.done() or self._wrong >= WRONG_CODES_PER_WINDOW:
            await wire.send(Refusal(Reason.CLOSED))
            return
        if not keys.is_joiners_proof(proof.mac):
            self._count_wrong()
            await wire.send(Refusal(Reason.WRONG_CODE))
            return
        await wire.send(Proof(keys.hosts_proof()))
        await self._hand_over(wire, keys, joiner=offer.hub)

    def _count_wrong(self) -> None:
        self._wrong += 1
        self._budget.count_wrong()
        if self._wrong >= WRONG_CODES_PER_WINDOW or self._budget.is_exhausted():
            # The refusal still goes out: closing waits for the sessions' next turn.
            asyncio.get_running_loop().call_soon(self._close, PairingOutcome.TOO_MANY_TRIES)

    def _close(self, outcome: PairingOutcome) -> None:
        if not self._closed.done():
            self._closed.set_result(outcome)

    async def _hand_over(self, wire: Wire, keys: SessionKeys, *, joiner: str) -> None:
        sealed = await wire.receive(Sealed, most_bytes=_SEALED_BYTES)
        body = _unseal(keys.open_joiners(sealed.box), keys.joiners_statement, signer=joiner)
        description = _read_description(body, hub=joiner)
        signature = self._key.sign(keys.hosts_statement(self._bundle))
        box = keys.seal_hosts(msgspec.msgpack.encode(Signed(self._bundle, signature)))
        if self._closed.done():
            raise PairingClosed("another hub was faster")
        await wire.send(Sealed(box))
        self._close(PairingOutcome.JOINED)
        self._budget.count_success()
        self._on_joined(description)


async def join(
    address: Address, *, code: str, description: HubDescription, key: PrivateKey
) -> JoinBundle:
    """Introduce this hub (`description`, `key`) to the home whose window is open at `address`.

    Raises `WrongCode`, `PairingClosed`, or `PairingFailed` with what went wrong.
    """
    assert description.hub == key.public.did
    try:
        async with asyncio.timeout(SESSION_S):
            try:
                reader, writer = await asyncio.open_connection(address.host, address.port)
            except OSError as error:
                raise PairingClosed(f"no hub at {address} waits for a new one") from error
            wire = Wire(reader, writer)
            try:
                return await _join_over(wire, code=code, description=description, key=key)
            finally:
                wire.close()
    except TimeoutError as error:
        raise PairingFailed(f"the hub at {address} did not answer in time") from error


async def _join_over(
    wire: Wire, *, code: str, description: HubDescription, key: PrivateKey
) -> JoinBundle:
    hello = await wire.receive(Hello, most_bytes=OPENING_BYTES)
    if hello.version != PAIRING_VERSION or len(hello.home) != DIGEST_BYTES:
        raise PairingFailed(f"the other hub speaks version {hello.version} of pairing")
    share = await asyncio.to_thread(
        Share,
        "joiner",
        code=clean_code(code),
        home=hello.home,
        host=hello.hub,
        joiner=key.public.did,
    )
    offer = Offer(key.public.did, share.message)
    await wire.send(offer)
    reply = await wire.receive(Reply, most_bytes=OPENING_BYTES)
    secret = await asyncio.to_thread(share.finish, reply.share)
    transcript = transcript_hash(*map(msgspec.msgpack.encode, (hello, offer, reply)))
    keys = SessionKeys(secret, transcript=transcript)
    await wire.send(Proof(keys.joiners_proof()))
    proof = await wire.receive(Proof, most_bytes=OPENING_BYTES)
    if not keys.is_hosts_proof(proof.mac):
        raise WrongCode("the other side does not know the code: somebody stands in between")
    body = msgspec.json.encode(description)
    signature = key.sign(keys.joiners_statement(body))
    await wire.send(Sealed(keys.seal_joiners(msgspec.msgpack.encode(Signed(body, signature)))))
    sealed = await wire.receive(Sealed, most_bytes=_SEALED_BYTES)
    bundle = _unseal(keys.open_hosts(sealed.box), keys.hosts_statement, signer=hello.hub)
    return JoinBundle(home=hello.home, hub=hello.hub, bundle=bundle)


def _unseal(data: bytes, statement: Callable[[bytes], bytes], *, signer: str) -> bytes:
    try:
        signed = msgspec.msgpack.decode(data, type=Signed)
        key = PublicKey.from_did(signer)
    except (msgspec.MsgspecError, UnicodeDecodeError, CryptoError) as error:
        raise PairingFailed(f"the other side sent something else: {error}") from error
    if not key.verify(signed.signature, statement(signed.body)):
        raise PairingFailed("the other side does not hold the key that it names")
    return signed.body


def _read_description(body: bytes, *, hub: str) -> HubDescription:
    try:
        description = msgspec.json.decode(body, type=HubDescription)
        certified = certificate_did(unb64u(description.certificate))
    except (msgspec.MsgspecError, UnicodeDecodeError, CryptoError, InvalidCertificate) as error:
        raise PairingFailed(f"the new hub's description is refused: {error}") from error
    if description.hub != hub or certified != hub:
        raise PairingFailed("the new hub describes another hub")
    return description
