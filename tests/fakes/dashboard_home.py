"""A home in memory, with `HubClient`'s methods, for the dashboard.

Records are signed with real keys and stand in a real Merkle tree under headers that three hubs
committed, so that what the dashboard verifies is verifiable. Decisions and devices are simple.
Time stands still unless a test moves `now_ms`.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from PIL import Image, ImageDraw

from homechain.api.client import HubProblem, HubUnreachable
from homechain.api.client.live import FeedItem, LiveLost
from homechain.api.schema.commands import CommandLife, CommandView, DecisionView
from homechain.api.schema.devices import (
    ActionAccess,
    DeviceAccess,
    DeviceHistory,
    DeviceView,
    PersonAccess,
    PropertyView,
    ReadingView,
)
from homechain.api.schema.home import (
    Explanation,
    GrantStatus,
    GrantView,
    HomeCounts,
    HomeView,
    Me,
    PersonView,
    QuorumView,
)
from homechain.api.schema.live import (
    LiveBlock,
    LiveCommand,
    LiveHello,
    LiveHome,
    LiveMesh,
    LiveProperty,
    LiveRequests,
)
from homechain.api.schema.mesh import (
    DeviceRequest,
    HubRequest,
    HubView,
    MeshView,
    Pairing,
    RequestList,
)
from homechain.api.schema.problems import PROBLEM_TYPE_PREFIX, Problem
from homechain.api.schema.records import Receipt, ReceiptStatus, RecordDetail, RecordPage
from homechain.crypto.hashing import sha256
from homechain.crypto.jws import parse_compact, sign_compact
from homechain.crypto.keys import PrivateKey
from homechain.model.ids import digest_text
from homechain.model.records import (
    Authorization,
    CommandRecord,
    DeviceDescription,
    DeviceRecord,
    EventRecord,
    GrantRecord,
    HomeRecord,
    HubDescription,
    HubRecord,
    OutcomeRecord,
    OutcomeResult,
    PersonRecord,
    Reading,
    Record,
    RevokeRecord,
    Role,
    Thing,
    read_payload,
    write_payload,
)
from homechain_devices.camera.description import describe as describe_camera
from homechain_devices.lock.description import describe as describe_lock
from homechain_devices.thermostat.description import describe as describe_thermostat
from tests.fakes.dashboard_chain import DashboardChain

NOON_MS = 1_781_265_720_000
"""Friday 12 June 2026, 14:02 in Berlin."""
MINUTE_MS = 60_000


def key(number: int) -> PrivateKey:
    """The same key for the same number."""
    return PrivateKey.from_seed(number.to_bytes(32, "big"))


def problem(code: str, title: str, detail: str, *, status: int = 409) -> HubProblem:
    """A hub's refusal."""
    return HubProblem(
        Problem(type=PROBLEM_TYPE_PREFIX + code, title=title, status=status, detail=detail)
    )


def still_jpeg(*, width: int = 160, height: int = 90) -> bytes:
    """A small picture of a garden at dusk."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for row in range(height):
        shade = 255 * row // height
        draw.line((0, row, width, row), fill=(40 + shade // 3, 60 + shade // 4, 120 - shade // 4))
    draw.rectangle((0, height * 2 // 3, width, height), fill=(30, 90, 40))
    draw.ellipse((width * 3 // 4, 8, width * 3 // 4 + 18, 26), fill=(250, 230, 140))
    draw.rectangle((width // 4, height // 3, width // 2, height * 3 // 4), fill=(140, 90, 60))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=80)
    return written.getvalue()


class DashboardHome:
    """Three hubs, six devices, three persons. `DashboardHome().client()` is what Anna holds."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS
        self.keys: dict[str, PrivateKey] = {}
        self.hubs = [self._new_key(100 + number) for number in range(3)]
        self.chain = DashboardChain([key(100 + number) for number in range(3)])
        self.home = self.chain.home
        self.counters: dict[str, int] = {}
        self.devices: dict[str, DeviceView] = {}
        self.persons: dict[str, PersonView] = {}
        self.grants: dict[str, GrantView] = {}
        self.commands: dict[str, CommandView] = {}
        self.readings: list[ReadingView] = []
        self.device_requests: list[DeviceRequest] = []
        self.hub_requests: list[HubRequest] = []
        self.pairing = Pairing(open=False)
        self.media: dict[str, bytes] = {}
        self.linked = 3
        self.hub_names = ["kitchen", "attic", "cellar"]
        self.device_answers = True
        """Whether devices act at once; if not, `answer` lets them."""
        self.streams: list[asyncio.Queue[FeedItem | HubProblem]] = []
        self.unreachable = False
        self.name = "Maple Street 4"
        self.anna = self.add_person(1, "Anna", Role.OWNER)
        self.ben = self.add_person(2, "Ben", Role.RESIDENT)
        self.maria = self.add_person(3, "Maria", Role.GUEST)
        self.front = self.add_device(11, describe_lock(title="Nuki X"), "Front door", "Hall")
        self.garden = self.add_device(12, describe_lock(title="Bolt 2"), "Garden door", "Kitchen")
        self.hall_camera = self.add_device(13, describe_camera(title="Eye"), "Hall camera", "Hall")
        self.yard_camera = self.add_device(
            14, describe_camera(title="Eye"), "Yard camera", "Garden"
        )
        self.living = self.add_device(
            15, describe_thermostat(title="Warm 1"), "Living room", "Living room"
        )
        self.bath = self.add_device(16, describe_thermostat(title="Warm 1"), "Bath", "Upstairs")
        self._fill()

    def client(self, person: str | None = None) -> "DashboardClient":
        """What that person's dashboard holds; Anna's if nobody is named."""
        return DashboardClient(self, self.keys[person or self.anna])

    # ------------------------------------------------------------------ growing

    def add_person(self, number: int, name: str, role: Role) -> str:
        """A person with the key of that number."""
        did = self._new_key(number)
        self.persons[did] = PersonView(did=did, name=name, role=role)
        return did

    def add_device(self, number: int, thing: Thing, name: str, area: str) -> str:
        """A device with the key of that number, in service but silent."""
        did = self._new_key(number)
        self.devices[did] = DeviceView(
            did=did,
            kind=thing.at_type,
            name=name,
            area=area,
            title=thing.title,
            thing=thing,
            properties={},
            my_actions=sorted(thing.actions),
            last_seen_ms=None,
            connected=True,
        )
        return did

    def request_device(self, number: int, thing: Thing, *, digits: str | None) -> str:
        """A device that asks to be taken in."""
        did = self._new_key(number)
        description = DeviceDescription(
            iss=did,
            home=self.home,
            hub=self.hubs[0],
            iat=self.now_ms // 1000,
            commitment=digest_text(sha256(b"nonce")),
            thing=thing,
        )
        jws = sign_compact(
            write_payload(description), typ=DeviceDescription.TYP, key=self.keys[did]
        )
        self.device_requests.append(
            DeviceRequest(
                did=did,
                title=thing.title,
                kind=thing.at_type,
                manufacturer=str(thing.manufacturer),
                model=str(thing.model),
                digits=digits,
                hub=self.hubs[0],
                seen_ms=self.now_ms,
                description=jws.decode(),
                thing=thing,
            )
        )
        self.tell(LiveRequests(requests=self.request_list()))
        return did

    def request_hub(self, number: int, name: str) -> str:
        """A hub that was paired by code and waits for the owner."""
        did = self._new_key(number)
        description = self._hub_description(did, name)
        self.hub_requests.append(
            HubRequest(
                did=did,
                name=name,
                description=description,
                via=self.hubs[0],
                seen_ms=self.now_ms,
            )
        )
        self.tell(LiveRequests(requests=self.request_list()))
        return did

    def event(self, device: str, *readings: tuple[str, Any], at_ms: int | None = None) -> str:
        """A device says something by itself; the record's id."""
        at_ms = at_ms or self.now_ms
        raw = self.signed(
            EventRecord,
            device,
            readings=[Reading(at=at_ms, name=name, value=value) for name, value in readings],
        )
        record_id = self.commit(raw, time_ms=at_ms)
        for name, value in readings:
            self._read(device, name, value, at_ms=at_ms, record=record_id, command=None)
        return record_id

    def answer(
        self, command_id: str, *, result: OutcomeResult = OutcomeResult.DONE, reason: str = ""
    ) -> None:
        """The device acts on a command that was delivered."""
        command = self.commands[command_id]
        changed = self._effect(command) if result is OutcomeResult.DONE else {}
        media = None
        if command.action == "still" and result is OutcomeResult.DONE:
            jpeg = still_jpeg()
            media = digest_text(sha256(jpeg))
            self.media[media] = jpeg
            changed = {"last_still": media}
        raw = self.signed(
            OutcomeRecord,
            command.device,
            command=command_id,
            result=result,
            reason=reason,
            at=self.now_ms,
            media=media,
            readings=[Reading(at=self.now_ms, name=n, value=v) for n, v in changed.items()],
        )
        record_id = self.commit(raw, time_ms=self.now_ms)
        for name, value in changed.items():
            self._read(
                command.device,
                name,
                value,
                at_ms=self.now_ms,
                record=record_id,
                command=command_id,
            )
        self._move(
            command_id,
            life=CommandLife(result.value),
            outcome=result.value,
            outcome_reason=reason,
            outcome_ms=self.now_ms,
            media=media,
        )

    # ------------------------------------------------------------------ ledger

    def signed(self, kind: type[HomeRecord], signer: str, **fields: Any) -> bytes:
        """A record of `signer`, with the next counter."""
        counter = self.counters[signer] = self.counters.get(signer, 0) + 1
        record = kind(iss=signer, ctr=counter, iat=self.now_ms // 1000, home=self.home, **fields)
        return sign_compact(write_payload(record), typ=kind.TYP, key=self.keys[signer])

    def commit(self, raw: bytes, *, time_ms: int, decision: DecisionView | None = None) -> str:
        """The record is final, in a block of its own; its id."""
        jws = parse_compact(raw, max_bytes=len(raw))
        record = read_payload(jws.typ, jws.payload)
        view = self.chain.append(
            raw,
            kind=record.KIND,
            signer=record.iss,
            signer_name=self._name_of(record.iss),
            payload=msgspec.json.decode(jws.payload),
            time_ms=time_ms,
            decision=decision,
        )
        self.tell(
            LiveBlock(
                height=self.chain.height,
                hash=digest_text(self.chain.parent),
                time_ms=time_ms,
                records=[view],
            )
        )
        return view.id

    def post(self, raw: bytes) -> Receipt:
        """What the hub does with a person's record."""
        jws = parse_compact(raw, max_bytes=len(raw))
        record = read_payload(jws.typ, jws.payload)
        decision = None
        if isinstance(record, CommandRecord):
            decision = self.decide(record.iss, record.device, record.action, self.now_ms)
        record_id = self.commit(raw, time_ms=self.now_ms, decision=decision)
        if isinstance(record, CommandRecord):
            assert decision is not None
            self._command(record_id, record, decision)
        else:
            self._apply(record)
            self.tell(LiveHome(home=self.home_view(self.anna)))
        return Receipt(
            id=record_id,
            status=ReceiptStatus.FINAL,
            height=self.chain.height,
            index=len(self.chain.raws) - 1,
            time_ms=self.now_ms,
            decision=decision,
        )

    def decide(self, person: str, device: str, action: str, at_ms: int) -> DecisionView:
        """Owners and residents by role, guests by a grant."""
        who, what = self.persons[person], self.devices[device]
        may = f"{who.name} may {action.replace('_', ' ')} {what.name}"
        if who.role is not Role.GUEST:
            return DecisionView(allowed=True, code="role", reason=f"{may}: {who.role} of this home")
        for grant in self.grants.values():
            if (
                grant.person == person
                and grant.status is not GrantStatus.REVOKED
                and grant.nbf_s <= at_ms // 1000 < grant.exp_s
                and any(
                    action in entry.actions
                    and (device in entry.devices or what.area in entry.areas)
                    for entry in grant.authorization_details
                )
            ):
                return DecisionView(
                    allowed=True,
                    code="granted",
                    reason=f"{may}: grant from {grant.giver_name}",
                    grant=grant.id,
                )
        reason = f"{may.replace(' may ', ' may not ', 1)}: no grant covers it"
        return DecisionView(allowed=False, code="no_grant", reason=reason)

    def tell(self, item: FeedItem | HubProblem) -> None:
        """Say something on every live feed."""
        for stream in self.streams:
            stream.put_nowait(item)

    def lose(self) -> None:
        """No hub answers any more."""
        self.unreachable = True
        self.tell(LiveLost(reason="connection refused", attempts=1))

    def come_back(self) -> None:
        """A hub answers again."""
        self.unreachable = False
        self.tell(self.hello())

    def hello(self) -> LiveHello:
        """The first line of a feed."""
        return LiveHello(hub=self.hubs[0], height=self.chain.height, clock_ms=self.now_ms)

    # ------------------------------------------------------------------ views

    def home_view(self, person: str) -> HomeView:
        """The home at a glance."""
        me = self.persons[person]
        return HomeView(
            home=self.home,
            name=self.name,
            time_zone="Europe/Berlin",
            hub=self.hubs[0],
            hub_name=self.hub_names[0],
            me=Me(did=me.did, name=me.name, role=me.role),
            height=self.chain.height,
            head=digest_text(self.chain.parent),
            head_time_ms=self.now_ms,
            clock_ms=self.now_ms,
            quorum=QuorumView(
                hubs=3,
                quorum=2,
                lying=0,
                silent=1,
                linked=self.linked,
                fresh=self.linked >= 2,
                words="safe with 0 lying hubs, keeps going with 1 down",
            ),
            counts=HomeCounts(
                devices=len(self.devices),
                persons=len(self.persons),
                grants=len(self.grants),
                records=len(self.chain.raws),
                device_requests=len(self.device_requests),
                hub_requests=len(self.hub_requests),
            ),
            pairing_open=self.pairing.open,
            areas=sorted({device.area for device in self.devices.values()}),
        )

    def mesh_view(self) -> MeshView:
        """The hubs."""
        return MeshView(
            hub=self.hubs[0],
            role="leader",
            epoch=self.chain.configuration.epoch,
            term=7,
            height=self.chain.height,
            quorum=2,
            size=3,
            lying=0,
            silent=1,
            fresh=self.linked >= 2,
            words="safe with 0 lying hubs, keeps going with 1 down",
            hubs=[
                HubView(
                    did=did,
                    name=self.hub_names[number],
                    member=True,
                    this_hub=number == 0,
                    linked=number < self.linked,
                    leader=number == 0,
                    term=7,
                    height=self.chain.height - number,
                    lag=number,
                    rtt_ms=None if number == 0 else 0.8 * number,
                    clock_skew_ms=None if number == 0 else 12 * number,
                    addresses=[f"192.0.2.{10 + number}:8442"],
                )
                for number, did in enumerate(self.hubs)
            ],
        )

    def request_list(self) -> RequestList:
        """What waits for approval."""
        pairing = replace(self.pairing, code=None)
        return RequestList(
            devices=list(self.device_requests), hubs=list(self.hub_requests), pairing=pairing
        )

    # ------------------------------------------------------------------ inside

    def _new_key(self, number: int) -> str:
        made = key(number)
        self.keys[made.public.did] = made
        return made.public.did

    def _name_of(self, did: str) -> str:
        if did in self.persons:
            return self.persons[did].name
        return self.devices[did].name if did in self.devices else "?"

    def _hub_description(self, did: str, name: str) -> HubDescription:
        return HubDescription(hub=did, name=name, certificate="AA", mesh=[], api=[], residents=[])

    def _fill(self) -> None:
        """A morning of the home."""
        for number, did in enumerate(self.hubs):
            raw = self.signed(
                HubRecord, self.anna, hub=self._hub_description(did, self.hub_names[number])
            )
            self.commit(raw, time_ms=NOON_MS - 400 * MINUTE_MS)
        hour = 60 * MINUTE_MS
        for step in range(96, 0, -1):
            at_ms = NOON_MS - step * 15 * MINUTE_MS
            warmth = 19.0 + 2.4 * abs(((96 - step) % 64) - 32) / 32
            for device, offset in ((self.living, 0.0), (self.bath, 1.5)):
                self._read(
                    device, "temperature", round(warmth + offset, 1), at_ms=at_ms, record=self.home
                )
        for lock, battery in ((self.front, 87), (self.garden, 64)):
            self.event(
                lock,
                ("bolt", "locked"),
                ("door", "closed"),
                ("battery", battery),
                ("auto_relock_s", 30),
                at_ms=NOON_MS - 6 * hour,
            )
        for camera in (self.hall_camera, self.yard_camera):
            self.event(camera, ("motion", False), ("privacy", False), at_ms=NOON_MS - 6 * hour)
        for thermostat, warmth, setpoint in ((self.living, 20.8, 21.0), (self.bath, 22.4, 22.0)):
            self.event(
                thermostat,
                ("temperature", warmth),
                ("setpoint", setpoint),
                ("mode", "heat"),
                ("action", "heating" if warmth < setpoint else "idle"),
                ("hold", "none"),
                at_ms=NOON_MS - 5 * hour,
            )
        self.now_ms = NOON_MS - 4 * hour
        authorization = Authorization(devices=[self.front], actions=["lock", "unlock"])
        raw = self.signed(
            GrantRecord,
            self.anna,
            sub=self.maria,
            aud=self.home,
            nbf=NOON_MS // 1000 - 4 * 3600,
            exp=NOON_MS // 1000 + 10 * 3600,
            jti="cleaner-friday",
            authorization_details=[authorization],
        )
        self.post(raw)
        self.now_ms = NOON_MS - 32 * MINUTE_MS
        self.post(self._command_raw(self.maria, self.front, "unlock"))
        self.now_ms = NOON_MS - 31 * MINUTE_MS
        self.event(self.front, ("bolt", "locked"))
        self.now_ms = NOON_MS - 12 * MINUTE_MS
        self.post(self._command_raw(self.maria, self.hall_camera, "still"))
        self.now_ms = NOON_MS - 3 * MINUTE_MS
        self.event(self.yard_camera, ("motion", True))
        self.now_ms = NOON_MS

    def _command_raw(self, person: str, device: str, action: str) -> bytes:
        return self.signed(
            CommandRecord,
            person,
            device=device,
            action=action,
            arguments={},
            exp=self.now_ms // 1000 + 60,
        )

    def _command(self, record_id: str, record: CommandRecord, decision: DecisionView) -> None:
        self.commands[record_id] = CommandView(
            id=record_id,
            device=record.device,
            person=record.iss,
            person_name=self.persons[record.iss].name,
            action=record.action,
            arguments=record.arguments,
            requested_ms=record.iat * 1000,
            expires_ms=record.exp * 1000,
            final_ms=self.now_ms,
            height=self.chain.height,
            life=CommandLife.FINAL if decision.allowed else CommandLife.DENIED,
            decision=decision,
        )
        self.tell(LiveCommand(command=self.commands[record_id]))
        if decision.allowed:
            self._move(record_id, life=CommandLife.DELIVERED, delivered_ms=self.now_ms)
            if self.device_answers:
                self.answer(record_id)

    def _move(self, command_id: str, **changes: Any) -> None:
        self.commands[command_id] = replace(self.commands[command_id], **changes)
        self.tell(LiveCommand(command=self.commands[command_id]))

    def _effect(self, command: CommandView) -> dict[str, Any]:
        arguments = command.arguments
        match command.action:
            case "lock" | "unlock" | "unlatch":
                return {"bolt": f"{command.action}ed"}
            case "set_privacy":
                return {"privacy": arguments["on"]}
            case "set_auto_relock":
                return {"auto_relock_s": arguments["seconds"]}
            case "set_hold":
                return {"hold": "until", "setpoint": arguments["setpoint"]}
            case "resume":
                return {"hold": "none"}
            case "set_mode" | "set_setpoint":
                return dict(arguments)
        return {}

    def _read(
        self,
        device: str,
        name: str,
        value: Any,
        *,
        at_ms: int,
        record: str,
        command: str | None = None,
    ) -> None:
        height = self.chain.height
        known = self.devices[device]
        if name in known.thing.properties:
            new = PropertyView(name=name, value=value, at_ms=at_ms, height=height)
            self.devices[device] = replace(
                known, properties={**known.properties, name: new}, last_seen_ms=at_ms
            )
            self.tell(LiveProperty(device=device, property=new))
        self.readings.insert(
            0,
            ReadingView(
                device=device,
                name=name,
                value=value,
                at_ms=at_ms,
                height=height,
                record=record,
                command=command,
            ),
        )

    def _apply(self, record: Record) -> None:
        match record:
            case PersonRecord():
                self.keys.setdefault(record.person, key(1))
                self.persons[record.person] = PersonView(
                    did=record.person, name=record.name, role=record.role, removed=record.removed
                )
            case GrantRecord():
                self.grants[record.jti] = GrantView(
                    id=record.jti,
                    giver=record.iss,
                    giver_name=self.persons[record.iss].name,
                    person=record.sub,
                    person_name=self.persons[record.sub].name,
                    nbf_s=record.nbf,
                    exp_s=record.exp,
                    authorization_details=record.authorization_details,
                    status=GrantStatus.ACTIVE,
                )
            case RevokeRecord():
                self.grants[record.grant] = replace(
                    self.grants[record.grant], status=GrantStatus.REVOKED
                )
            case DeviceRecord():
                request = next(
                    r for r in self.device_requests if r.description == record.description
                )
                self.device_requests.remove(request)
                self.devices[request.did] = DeviceView(
                    did=request.did,
                    kind=request.kind,
                    name=record.name,
                    area=record.area,
                    title=request.title,
                    thing=request.thing,
                    properties={},
                    my_actions=sorted(request.thing.actions),
                    last_seen_ms=None,
                    connected=True,
                )
                self.tell(LiveRequests(requests=self.request_list()))
            case HubRecord():
                self.hub_requests = [r for r in self.hub_requests if r.did != record.hub.hub]
                self.tell(LiveRequests(requests=self.request_list()))
                self.tell(LiveMesh(mesh=self.mesh_view()))


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
        return self._reached().home_view(self.did)

    async def devices(self) -> list[DeviceView]:
        return list(self._reached().devices.values())

    async def persons(self) -> list[PersonView]:
        return list(self._reached().persons.values())

    async def grants(self) -> list[GrantView]:
        return list(reversed(self._reached().grants.values()))

    async def mesh(self) -> MeshView:
        return self._reached().mesh_view()

    async def requests(self) -> RequestList:
        return self._reached().request_list()

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
