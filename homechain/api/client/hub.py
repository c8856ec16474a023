"""The residents' side of the HTTP interface: typed calls, a session, fail-over, a live feed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

from homechain.api.client.endpoints import HubEndpoint
from homechain.api.client.errors import HubProblem, UnexpectedAnswer
from homechain.api.client.failover import HubRing
from homechain.api.client.feed import follow
from homechain.api.client.live import FeedItem
from homechain.api.client.signing import RecordSigner
from homechain.api.client.transport import ClientTimeouts, decoded
from homechain.api.schema.devices import (
    DeviceAccess,
    DeviceHistory,
    DeviceList,
    DeviceView,
    ReadingList,
    ReadingView,
)
from homechain.api.schema.discovery import WellKnown
from homechain.api.schema.home import (
    Explanation,
    GrantList,
    GrantView,
    HomeView,
    PersonList,
    PersonView,
)
from homechain.api.schema.mesh import MeshView, Pairing, RequestList
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import BlockPage, Counter, Receipt, RecordDetail, RecordPage
from homechain.crypto.keys import PrivateKey
from homechain.model.limits import COMMAND_LIFETIME_S
from homechain.model.records import (
    Authorization,
    CommandRecord,
    DeviceRecord,
    GrantRecord,
    HomeRecord,
    HubDescription,
    HubRecord,
    PersonRecord,
    RetireRecord,
    RevokeRecord,
    Role,
)

COUNTER_TRIES: Final = 8
"""How often a record is signed anew because another program of the same person was quicker."""


class HubClient:
    """A person's way into the home, over any of its hubs.

    Every call raises `HubProblem` when a hub refused, `HubUnreachable` when none answered. A call
    that fails on one hub goes on at the next; a record goes there as the same bytes, so it can
    enter the ledger only once.
    """

    def __init__(
        self,
        endpoints: Sequence[HubEndpoint],
        *,
        key: PrivateKey,
        home: str | None = None,
        timeouts: ClientTimeouts | None = None,
        wall_s: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`endpoints` in order of preference; `ValueError` for one that would not be private.

        `home` is the home's id where it is known. Without it the first hub that answers is believed
        which home it is that records are signed for.
        """
        self._ring = HubRing(
            endpoints, key=key, home=home, timeouts=timeouts or ClientTimeouts(), wall_s=wall_s
        )
        self._signer = RecordSigner(key, wall_s=wall_s)
        self._pause = pause

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._ring.close()

    @property
    def did(self) -> str:
        """The person who asks."""
        return self._signer.did

    @property
    def endpoint(self) -> HubEndpoint:
        """The hub that answered last."""
        return self._ring.current

    # ------------------------------------------------------------------ reading

    async def well_known(self) -> WellKnown:
        """Which home and hub answer; needs no session."""
        return decoded(
            await self._ring.send("GET", "/.well-known/homechain", session=False), WellKnown
        )

    async def home(self) -> HomeView:
        """The home at a glance, and who is asking."""
        return decoded(await self._ring.send("GET", "/v1/home"), HomeView)

    async def devices(
        self, *, kind: str | None = None, area: str | None = None, retired: bool = False
    ) -> list[DeviceView]:
        """Devices by area and name, those in service unless `retired`."""
        query = _query(kind=kind, area=area, retired="true" if retired else None)
        return decoded(await self._ring.send("GET", f"/v1/devices{query}"), DeviceList).devices

    async def device(self, did: str) -> DeviceView:
        """One device."""
        return decoded(await self._ring.send("GET", f"/v1/devices/{did}"), DeviceView)

    async def history(self, did: str, *, limit: int = 50) -> DeviceHistory:
        """Commands to one device and what it reported, newest first."""
        path = f"/v1/devices/{did}/history{_query(limit=limit)}"
        return decoded(await self._ring.send("GET", path), DeviceHistory)

    async def readings(
        self, did: str, *, name: str | None = None, since_ms: int = 0, limit: int = 1_000
    ) -> list[ReadingView]:
        """Past values of one device, newest first."""
        path = f"/v1/devices/{did}/readings{_query(name=name, since=since_ms, limit=limit)}"
        return decoded(await self._ring.send("GET", path), ReadingList).readings

    async def access(self, did: str) -> DeviceAccess:
        """Who may do what on one device now, and why."""
        return decoded(await self._ring.send("GET", f"/v1/devices/{did}/access"), DeviceAccess)

    async def persons(self) -> list[PersonView]:
        """Everybody, by name; a guest sees only themselves."""
        return decoded(await self._ring.send("GET", "/v1/persons"), PersonList).persons

    async def grants(
        self, *, person: str | None = None, device: str | None = None
    ) -> list[GrantView]:
        """Grants, newest first; a guest sees only their own."""
        query = _query(person=person, device=device)
        return decoded(await self._ring.send("GET", f"/v1/grants{query}"), GrantList).grants

    async def explain(
        self, *, person: str, device: str, action: str, at_ms: int | None = None
    ) -> Explanation:
        """May this person do that, then (now, if no time is given), and why?"""
        query = _query(person=person, device=device, action=action, at=at_ms)
        return decoded(await self._ring.send("GET", f"/v1/explain{query}"), Explanation)

    async def records(
        self,
        *,
        kinds: Sequence[str] = (),
        signer: str | None = None,
        device: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> RecordPage:
        """Final records, newest first; `before` is the `index` where the last page ended."""
        query = _query(
            kind=",".join(kinds) or None, signer=signer, device=device, before=before, limit=limit
        )
        return decoded(await self._ring.send("GET", f"/v1/records{query}"), RecordPage)

    async def record(self, record_id: str) -> RecordDetail:
        """One record down to its signature and its proof."""
        return decoded(await self._ring.send("GET", f"/v1/records/{record_id}"), RecordDetail)

    async def blocks(self, *, from_height: int = 0, limit: int = 50) -> BlockPage:
        """Final blocks, ascending."""
        query = _query(**{"from": from_height, "limit": limit})
        return decoded(await self._ring.send("GET", f"/v1/blocks{query}"), BlockPage)

    async def mesh(self) -> MeshView:
        """The hubs, as the hub that answers sees them."""
        return decoded(await self._ring.send("GET", "/v1/mesh"), MeshView)

    async def requests(self) -> RequestList:
        """Devices and hubs that wait for approval."""
        return decoded(await self._ring.send("GET", "/v1/requests"), RequestList)

    async def media(self, sha256: str) -> bytes:
        """A still, JPEG."""
        return await self._ring.send("GET", f"/v1/media/{sha256}")

    async def next_counter(self) -> int:
        """The next counter that a hub knows to be free for this person.

        A hub that names one beyond the milliseconds since 1970 is passed over. What is signed once
        with the largest counter of all can never be followed by anything: one lying hub would end
        a person's key, the last owner's too. A bound that moves with time leaves room for ever.
        """
        for _ in self._ring:
            free = decoded(await self._ring.send("GET", "/v1/counter"), Counter).next
            if free <= self._signer.most_counter():
                return free
            self._ring.skip_current()
        raise UnexpectedAnswer(
            "no hub names a counter that this key can have come to: compare this machine's clock"
        )

    def stream(self, *, after: int | None = None) -> AsyncIterator[FeedItem]:
        """The live feed, for ever: resumes by itself, at another hub if need be.

        `after` is the height up to which everything was read. `LiveLost` says that the feed is
        broken for now; `LiveHello` that it is back; `LiveResync` that everything is to be read
        again. Raises `HubProblem` if the hub refuses this person.
        """
        return follow(self._ring, after=after, pause=self._pause)

    # ------------------------------------------------------------------ doing

    async def command(
        self,
        device: str,
        action: str,
        arguments: dict[str, Any] | None = None,
        *,
        lifetime_s: int = COMMAND_LIFETIME_S,
    ) -> Receipt:
        """Ask a device to act. The receipt says what the home decided; the outcome comes later."""
        return await self.submit(
            CommandRecord,
            device=device,
            action=action,
            arguments=arguments or {},
            exp=self._signer.now_s() + lifetime_s,
        )

    async def grant(
        self,
        person: str,
        authorization_details: Sequence[Authorization],
        *,
        grant_id: str,
        nbf_s: int,
        exp_s: int,
    ) -> Receipt:
        """Let somebody do something, while nbf_s <= t < exp_s."""
        home = await self._home()
        return await self.submit(
            GrantRecord,
            sub=person,
            aud=home,
            nbf=nbf_s,
            exp=exp_s,
            jti=grant_id,
            authorization_details=list(authorization_details),
        )

    async def revoke(self, grant_id: str) -> Receipt:
        """End a grant for good."""
        return await self.submit(RevokeRecord, grant=grant_id)

    async def put_person(
        self, person: str, *, name: str, role: Role, removed: bool = False
    ) -> Receipt:
        """Take a person in, rename them, change their role, or remove them (owners)."""
        return await self.submit(PersonRecord, person=person, name=name, role=role, removed=removed)

    async def approve_device(self, description: str, *, name: str, area: str) -> Receipt:
        """Take a device in. `description` is the one of the request whose digits were compared."""
        return await self.submit(DeviceRecord, description=description, name=name, area=area)

    async def retire_device(self, device: str) -> Receipt:
        """End a device's service for good."""
        return await self.submit(RetireRecord, device=device)

    async def put_hub(self, hub: HubDescription, *, removed: bool = False) -> Receipt:
        """Add one hub to the home, or remove one (owners)."""
        return await self.submit(HubRecord, hub=hub, removed=removed)

    async def submit(self, kind: type[HomeRecord], **fields: Any) -> Receipt:
        """Sign a record of `kind` with these fields and hand it in; returns once it is final.

        `iss`, `ctr`, `iat` and `home` are filled in. Raises `FormatError` before signing if a field
        is wrong. After `HubUnreachable` the record may still become final: ask for it.
        """
        for _ in range(COUNTER_TRIES - 1):
            try:
                return await self.post_record(await self.sign(kind, **fields))
            except HubProblem as problem:
                # Another program of this person took the counter meanwhile. This record is refused
                # for good, so that a new one cannot become a second copy of it.
                if problem.code != ProblemCode.REPLAYED_COUNTER:
                    raise
        return await self.post_record(await self.sign(kind, **fields))

    async def sign(self, kind: type[HomeRecord], **fields: Any) -> bytes:
        """The signed bytes of such a record, for `post_record`."""
        home = await self._home()
        async with self._signer.counter(self.next_counter) as counter:
            return self._signer.sign(kind, home=home, counter=counter, fields=fields)

    async def post_record(self, raw: bytes, *, wait: bool = True) -> Receipt:
        """Hand in signed bytes; the same bytes again, anywhere, change nothing."""
        return decoded(await self._ring.send_record(raw, wait=wait), Receipt)

    async def open_pairing(self) -> Pairing:
        """Open the window in which another hub may join; the answer holds the code."""
        return decoded(await self._ring.send("POST", "/v1/pairing", repeatable=False), Pairing)

    async def close_pairing(self) -> Pairing:
        """Close the window."""
        return decoded(await self._ring.send("DELETE", "/v1/pairing"), Pairing)

    async def _home(self) -> str:
        return self._ring.home or (await self.well_known()).home


def _query(**values: object) -> str:
    given = {name: str(value) for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
