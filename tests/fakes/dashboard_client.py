"""`HubClient`, as far as the dashboard uses it, on a home in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from homechain.api.client import HubProblem, HubUnreachable
from homechain.api.client.live import FeedItem, LiveLost
from homechain.api.schema.devices import (
    ActionAccess,
    DeviceAccess,
    DeviceHistory,
    DeviceView,
    PersonAccess,
    ReadingView,
)
from homechain.api.schema.home import Explanation, GrantView, HomeView, PersonView
from homechain.api.schema.mesh import MeshView, Pairing, RequestList
from homechain.api.schema.problems import PROBLEM_TYPE_PREFIX, Problem
from homechain.api.schema.records import Receipt, RecordDetail, RecordPage
from homechain.crypto.jws import parse_compact
from homechain.crypto.keys import PrivateKey
from homechain.model.records import (
    Authorization,
    DeviceRecord,
    GrantRecord,
    HomeRecord,
    HubDescription,
    HubRecord,
    PersonRecord,
    RevokeRecord,
    Role,
    read_payload,
)
from tests.fakes.dashboard_home import MINUTE_MS, DashboardHome
from tests.fakes.dashboard_views import home_view, mesh_view, request_list


def problem(code: str, title: str, detail: str, *, status: int = 409) -> HubProblem:
    """A hub's refusal."""
    return HubProblem(
        Problem(type=PROBLEM_TYPE_PREFIX + code, title=title, status=status, detail=detail)
    )


def client_of(home: DashboardHome, person: str | None = None) -> "DashboardClient":
    """What that person's dashboard holds; Anna's if nobody is named."""
    return DashboardClient(home, home.keys[person or home.anna])


class DashboardClient:
    """`HubClient`, as far as the dashboard uses it, on a home in memory."""

    def __init__(self, home: DashboardHome, person_key: PrivateKey) -> None:
        self._home = home
        self._key = person_key
        self.refusals: list[HubProblem] = []
        """Each refuses one record to come."""

    @property
    def did(self) -> str:
        return self._key.public.did

    def _reached(self) -> DashboardHome:
        if self._home.unreachable:
            raise HubUnreachable("nothing answers at 127.0.0.1")
        return self._home

    async def home(self) -> HomeView:
        return home_view(self._reached(), self.did)

    async def devices(self) -> list[DeviceView]:
        return list(self._reached().devices.values())

    async def persons(self) -> list[PersonView]:
        return list(self._reached().persons.values())

    async def grants(self) -> list[GrantView]:
        return list(reversed(self._reached().grants.values()))

    async def mesh(self) -> MeshView:
        return mesh_view(self._reached())

    async def requests(self) -> RequestList:
        return request_list(self._reached())

    async def media(self, sha256: str) -> bytes:
        if sha256 not in self._reached().media:
            raise problem("not-found", "Not found", "This hub has no such still.", status=404)
        return self._home.media[sha256]

    async def history(self, did: str, *, limit: int = 50) -> DeviceHistory:
        home = self._reached()
        commands = [c for c in reversed(home.commands.values()) if c.device == did]
        readings = [r for r in home.readings if r.device == did and r.name != "temperature"]
        return DeviceHistory(commands=commands[:limit], readings=readings[:limit])

    async def readings(
        self, did: str, *, name: str | None = None, since_ms: int = 0, limit: int = 1_000
    ) -> list[ReadingView]:
        return [
            reading
            for reading in self._reached().readings
            if reading.device == did
            and reading.at_ms >= since_ms
            and (name is None or reading.name == name)
        ][:limit]

    async def access(self, did: str) -> DeviceAccess:
        home = self._reached()
        return DeviceAccess(
            device=did,
            persons=[
                PersonAccess(
                    person=person.did,
                    name=person.name,
                    role=person.role,
                    actions=[
                        self._action_access(person.did, did, action)
                        for action in home.devices[did].thing.actions
                    ],
                )
                for person in home.persons.values()
                if not person.removed
            ],
        )

    def _action_access(self, person: str, device: str, action: str) -> ActionAccess:
        said = self._home.decide(person, device, action, self._home.now_ms)
        return ActionAccess(
            action=action,
            allowed=said.allowed,
            code=said.code,
            reason=said.reason,
            grant=said.grant,
        )

    async def explain(
        self, *, person: str, device: str, action: str, at_ms: int | None = None
    ) -> Explanation:
        home = self._reached()
        at_ms = at_ms if at_ms is not None else home.now_ms
        said = home.decide(person, device, action, at_ms)
        return Explanation(
            person=person,
            device=device,
            action=action,
            at_ms=at_ms,
            allowed=said.allowed,
            code=said.code,
            reason=said.reason,
            grant=said.grant,
        )

    async def records(
        self,
        *,
        kinds: Sequence[str] = (),
        signer: str | None = None,
        device: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> RecordPage:
        found = [
            view
            for view in reversed(self._reached().chain.views)
            if (not kinds or view.kind in kinds) and (before is None or view.index < before)
        ]
        return RecordPage(records=found[:limit], more=len(found) > limit)

    async def record(self, record_id: str) -> RecordDetail:
        home = self._reached()
        return home.chain.detail(record_id, command=home.commands.get(record_id))

    async def stream(self, *, after: int | None = None) -> AsyncIterator[FeedItem]:
        queue: asyncio.Queue[FeedItem | HubProblem] = asyncio.Queue()
        self._home.streams.append(queue)
        lost = LiveLost(reason="connection refused", attempts=1)
        queue.put_nowait(lost if self._home.unreachable else self._home.hello())
        while True:
            item = await queue.get()
            if isinstance(item, HubProblem):
                raise item
            yield item

    async def sign(self, kind: type[HomeRecord], **fields: Any) -> bytes:
        raw = self._reached().signed(kind, self.did, **fields)
        read_payload(kind.TYP, parse_compact(raw, max_bytes=len(raw)).payload)
        return raw

    async def post_record(self, raw: bytes, *, wait: bool = True) -> Receipt:
        if self.refusals:
            raise self.refusals.pop(0)
        return self._reached().post(raw)

    async def _submit(self, kind: type[HomeRecord], **fields: Any) -> Receipt:
        return await self.post_record(await self.sign(kind, **fields))

    async def grant(
        self,
        person: str,
        authorization_details: Sequence[Authorization],
        *,
        grant_id: str,
        nbf_s: int,
        exp_s: int,
    ) -> Receipt:
        return await self._submit(
            GrantRecord,
            sub=person,
            aud=self._home.home,
            nbf=nbf_s,
            exp=exp_s,
            jti=grant_id,
            authorization_details=list(authorization_details),
        )

    async def revoke(self, grant_id: str) -> Receipt:
        return await self._submit(RevokeRecord, grant=grant_id)

    async def put_person(
        self, person: str, *, name: str, role: Role, removed: bool = False
    ) -> Receipt:
        return await self._submit(
            PersonRecord, person=person, name=name, role=role, removed=removed
        )

    async def approve_device(self, description: str, *, name: str, area: str) -> Receipt:
        return await self._submit(DeviceRecord, description=description, name=name, area=area)

    async def put_hub(self, hub: HubDescription, *, removed: bool = False) -> Receipt:
        return await self._submit(HubRecord, hub=hub, removed=removed)

    async def open_pairing(self) -> Pairing:
        closes_ms = self._reached().now_ms + 10 * MINUTE_MS
        self._home.pairing = Pairing(open=True, code="7-guitar-velvet", closes_ms=closes_ms)
        return self._home.pairing

    async def close_pairing(self) -> Pairing:
        self._reached().pairing = Pairing(open=False)
        return self._home.pairing
