"""A home in memory, with `HubClient`'s methods, for the dashboard.

Records are signed with real keys and stand in a real Merkle tree under headers that three hubs
committed, so that what the dashboard verifies is verifiable. Decisions and devices are simple.
Time stands still unless a test moves `now_ms`.
"""

import asyncio
from typing import Any

import msgspec
from msgspec.structs import replace

from homechain.api.client import HubProblem
from homechain.api.client.live import FeedItem, LiveLost
from homechain.api.schema.commands import CommandLife, CommandView, DecisionView
from homechain.api.schema.devices import (
    DeviceView,
    PropertyView,
    ReadingView,
)
from homechain.api.schema.home import (
    GrantStatus,
    GrantView,
    PersonView,
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
    Pairing,
)
from homechain.api.schema.records import Receipt, ReceiptStatus
from homechain.crypto.hashing import sha256
from homechain.crypto.jws import parse_compact, sign_compact
from homechain.crypto.keys import PrivateKey
from homechain.model.ids import digest_text
from homechain.model.records import (
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
from tests.fakes.dashboard_stills import still_jpeg
from tests.fakes.dashboard_views import home_view, mesh_view, request_list

NOON_MS = 1_781_265_720_000
"""Friday 12 June 2026, 14:02 in Berlin."""
MINUTE_MS = 60_000


def key(number: int) -> PrivateKey:
    """The same key for the same number."""
    return PrivateKey.from_seed(number.to_bytes(32, "big"))


class DashboardHome:
    """Three hubs, six devices, three persons."""

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
        self.tell(LiveRequests(requests=request_list(self)))
        return did

    def request_hub(self, number: int, name: str) -> str:
        """A hub that was paired by code and waits for the owner."""
        did = self._new_key(number)
        description = self.hub_description(did, name)
        self.hub_requests.append(
            HubRequest(
                did=did,
                name=name,
                description=description,
                via=self.hubs[0],
                seen_ms=self.now_ms,
            )
        )
        self.tell(LiveRequests(requests=request_list(self)))
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
            self.read_property(device, name, value, at_ms=at_ms, record=record_id, command=None)
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
            self.read_property(
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
            self.tell(LiveHome(home=home_view(self, self.anna)))
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

    def said(self, name: str, value: Any, *, since_ms: int) -> list[ReadingView]:
        """Readings of that value since then."""
        return [
            reading
            for reading in self.readings
            if (reading.name, reading.value) == (name, value) and reading.at_ms >= since_ms
        ]

    # ------------------------------------------------------------------ inside

    def _new_key(self, number: int) -> str:
        made = key(number)
        self.keys[made.public.did] = made
        return made.public.did

    def _name_of(self, did: str) -> str:
        if did in self.persons:
            return self.persons[did].name
        return self.devices[did].name if did in self.devices else "?"

    def hub_description(self, did: str, name: str) -> HubDescription:
        return HubDescription(hub=did, name=name, certificate="AA", mesh=[], api=[], residents=[])

    def command_raw(self, person: str, device: str, action: str) -> bytes:
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

    def read_property(
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
                self.tell(LiveRequests(requests=request_list(self)))
            case HubRecord():
                self.hub_requests = [r for r in self.hub_requests if r.did != record.hub.hub]
                self.tell(LiveRequests(requests=request_list(self)))
                self.tell(LiveMesh(mesh=mesh_view(self)))
