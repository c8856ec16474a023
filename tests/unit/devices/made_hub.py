"""Hubs over real HTTP, in front of a home with real keys: what the device kit is tested against.

The chain, the proofs and the papers are real; only consensus is left out: whatever arrives at any
hub is in the next block. Faults are switched on by tests.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec
from aiohttp import web

from homechain.api.schema.commands import CommandKeepAlive, CommandOrder
from homechain.api.schema.discovery import WellKnown
from homechain.api.schema.pairing import (
    Checkpoint,
    DeviceState,
    DeviceStatus,
    NonceReveal,
    PairingDigits,
    RegistrationAccepted,
    TrustBundle,
)
from homechain.api.schema.problems import PROBLEM_MEDIA_TYPE, PROBLEM_TYPE_PREFIX, Problem
from homechain.api.schema.records import (
    BatchResult,
    Receipt,
    ReceiptStatus,
    RecordBatch,
    RecordResult,
)
from homechain.crypto.hashing import b64u, sha256, unb64u
from homechain.ledger.anchors import ConfigurationStep
from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.pairing import pairing_digits
from homechain.ledger.proofs import make_command_proof, make_configuration_step
from homechain.ledger.records import SignedRecord, read_description, read_record, verify_record
from homechain.model.ids import digest_text
from homechain.model.records import CommandRecord, DeviceRecord, EventRecord, OutcomeRecord, Reading
from tests.fakes.home import Actor, MadeHome, hub_description


class House:
    """The home behind all hubs, and what has reached it."""

    def __init__(self) -> None:
        self.home = MadeHome(hubs=3)
        self.hubs: list[MadeHub] = []
        self.receipts: dict[str, Receipt] = {}
        self.records: list[SignedRecord] = []
        """Final records of devices, in order."""
        self.descriptions: dict[str, bytes] = {}
        self.approved: set[str] = set()
        self.retired: set[str] = set()
        self.reveals = 0
        """How often a device has shown the nonce behind its digits."""
        self.changed = asyncio.Event()

    def settle(self, raw: bytes) -> RecordResult:
        """Make a record final; the same bytes again get the same receipt."""
        record = read_record(raw)
        known = self.receipts.get(digest_text(record.id))
        if known is not None:
            return RecordResult(receipt=known)
        if not verify_record(record):
            return RecordResult(problem=made_problem("bad-signature", 400))
        built = self.home.commit(record)
        if record.id not in [one.id for one in built.records]:
            return RecordResult(problem=made_problem("replayed-counter", 409))
        receipt = Receipt(
            id=digest_text(record.id), status=ReceiptStatus.FINAL, height=built.header.height
        )
        self.receipts[receipt.id] = receipt
        self.records.append(record)
        self.tell()
        return RecordResult(receipt=receipt)

    def tell(self) -> None:
        """Wake whoever waits for something."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something about this house is so."""
        async with asyncio.timeout(20):
            while not condition():
                await self.changed.wait()

    def approve(self, did: str, *, name: str = "Front door") -> None:
        """The owner takes a registered device in."""
        owner = self.home.owner
        description = self.descriptions[did].decode("ascii")
        record = self.home.sign(
            owner, DeviceRecord, description=description, name=name, area="Hall"
        )
        assert self.home.commit(record).records, "the device is in"
        self.approved.add(did)
        self.tell()

    def order(
        self, person: Actor, did: str, action: str, **fields: object
    ) -> tuple[CommandOrder, BuiltBlock]:
        """A person's command, final and proven."""
        command = self.home.sign(
            person,
            CommandRecord,
            device=did,
            action=action,
            **{"arguments": {}, "exp": self.home.now_s + 30, **fields},
        )
        built = self.home.commit(command)
        return self.proven(command, built), built

    def proven(self, command: SignedRecord, built: BuiltBlock) -> CommandOrder:
        """The order that an honest hub makes of a command in a block."""
        commit = self.home.blocks[built.header.height].commit
        assert commit is not None
        proof = make_command_proof(
            built, command.id, headers_above=[], commit=commit, configurations=self.steps()
        )
        return CommandOrder(id=digest_text(command.id), proof=proof)

    def steps(self) -> list[ConfigurationStep]:
        """The ends of all epochs."""
        return [
            make_configuration_step(certified.block.header, certified.commit, built.configuration)
            for built, certified in zip(self.home.built, self.home.blocks, strict=True)
            if built.header.close is not None and certified.commit is not None
        ]

    def bundle(self) -> TrustBundle:
        """The papers."""
        newest = self.home.blocks[-1]
        hubs = [
            msgspec.structs.replace(hub_description(key, name="Hub"), api=api)
            for (did, key) in self.home.hub_keys.items()
            if (api := [hub.address for hub in self.hubs if hub.did == did])
        ]
        return TrustBundle(
            home=self.home.id_text,
            genesis=self.home.genesis.raw.decode("ascii"),
            configuration_steps=self.steps(),
            checkpoint=Checkpoint(header=newest.block.header, commit=newest.commit),
            hubs=hubs,
        )

    def outcomes(self) -> list[OutcomeRecord]:
        """Every final outcome, in order."""
        return [r.payload for r in self.records if isinstance(r.payload, OutcomeRecord)]

    def readings(self) -> list[Reading]:
        """Every reading of every final event record, in order."""
        events = [r.payload for r in self.records if isinstance(r.payload, EventRecord)]
        return [reading for event in events for reading in event.readings]

    def send(self, order: CommandOrder) -> None:
        """Hand an order to every open stream of every hub."""
        for hub in self.hubs:
            hub.push(order)


class MadeHub:
    """One hub's HTTP side. `fault` names a problem that it answers records with."""

    def __init__(self, house: House, number: int) -> None:
        self.house = house
        self.did = list(house.home.hub_keys)[number]
        self.address = ""
        self.fault = ""
        self.verdict = ""
        """A problem that it names for every record that it is handed."""
        self.refuses_introductions = ""
        self.lying_digits = False
        self.posts = 0
        self.media: dict[str, bytes] = {}
        self.connections = 0
        self._nonce = sha256(f"hub nonce {number}".encode())
        self._streams: list[asyncio.Queue[CommandOrder | None]] = []
        self._waiting: list[CommandOrder] = []
        self._runner: web.AppRunner | None = None
        house.hubs.append(self)

    async def start(self) -> "MadeHub":
        """Listen, on the same port as before if there was one."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.add_routes(
            [
                web.get("/.well-known/homechain", self._well_known),
                web.post("/v1/devices", self._register),
                web.put("/v1/devices/{did}/pairing", self._reveal),
                web.get("/v1/devices/{did}", self._status),
                web.post("/v1/events", self._events),
                web.get("/v1/devices/{did}/commands", self._commands),
                web.put("/v1/media/{digest}", self._media),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        port = int(self.address.rpartition(":")[2] or 0)
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        """Be gone, with every open stream."""
        for stream in self._streams:
            stream.put_nowait(None)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def push(self, order: CommandOrder) -> None:
        """Send an order down every open stream, and to every one that opens later."""
        self._waiting.append(order)
        for stream in self._streams:
            stream.put_nowait(order)

    async def _well_known(self, request: web.Request) -> web.Response:
        home = self.house.home
        return _answer(
            WellKnown(
                protocol=1,
                home=home.id_text,
                home_name="Linden Street",
                hub=self.did,
                hub_name="Hub",
                pairing_open=False,
                clock_ms=home.now_s * 1000,
            )
        )

    async def _register(self, request: web.Request) -> web.Response:
        if self.refuses_introductions:
            return _refusal(self.refuses_introductions, 409)
        raw = await request.read()
        description = read_description(raw)
        self.house.descriptions[description.signer] = raw
        path = f"/v1/devices/{description.signer}"
        return _answer(
            RegistrationAccepted(
                device=description.signer,
                poll=path,
                reveal=f"{path}/pairing",
                hub=self.did,
                hub_nonce=b64u(self._nonce),
            ),
            status=202,
        )

    async def _reveal(self, request: web.Request) -> web.Response:
        reveal = msgspec.json.decode(await request.read(), type=NonceReveal)
        raw = self.house.descriptions[request.match_info["did"]]
        digits = pairing_digits(
            home=self.house.home.id,
            hub=self.did,
            description_id=read_description(raw).id,
            hub_nonce=self._nonce,
            device_nonce=unb64u(reveal.device_nonce),
        )
        if self.lying_digits:
            digits = f"{(int(digits) + 1) % 1_000_000:06d}"
        self.house.reveals += 1
        self.house.tell()
        return _answer(PairingDigits(digits=digits))

    async def _status(self, request: web.Request) -> web.Response:
        did = request.match_info["did"]
        state = DeviceState.PENDING if did in self.house.descriptions else DeviceState.UNKNOWN
        if did in self.house.approved:
            state = DeviceState.APPROVED
        if did in self.house.retired:
            state = DeviceState.RETIRED
        approved = state is DeviceState.APPROVED
        return _answer(
            DeviceStatus(
                device=did,
                state=state,
                clock_ms=self.house.home.now_s * 1000,
                name="Front door" if approved else None,
                area="Hall" if approved else None,
                bundle=self.house.bundle() if approved else None,
            )
        )

    async def _events(self, request: web.Request) -> web.Response:
        self.posts += 1
        batch = msgspec.json.decode(await request.read(), type=RecordBatch)
        if self.fault:
            self.house.tell()
            return _refusal(self.fault, 503)
        if self.verdict:
            verdict = RecordResult(problem=made_problem(self.verdict, 422))
            return _answer(BatchResult(results=[verdict for _ in batch.records]))
        results = [self.house.settle(record.encode("ascii")) for record in batch.records]
        return _answer(BatchResult(results=results))

    async def _commands(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        stream: asyncio.Queue[CommandOrder | None] = asyncio.Queue()
        self._streams.append(stream)
        await response.write(_line(CommandKeepAlive(clock_ms=0)))
        for waiting in self._waiting:
            stream.put_nowait(waiting)
        self.connections += 1
        self.house.tell()
        try:
            with suppress(ConnectionError):
                while (order := await stream.get()) is not None:
                    await response.write(_line(order))
        finally:
            self._streams.remove(stream)
        return response

    async def _media(self, request: web.Request) -> web.Response:
        self.media[request.match_info["digest"]] = await request.read()
        self.house.tell()
        return web.Response(status=204)


def made_problem(code: str, status: int) -> Problem:
    return Problem(
        type=PROBLEM_TYPE_PREFIX + code, title=code, status=status, detail="Said by a test."
    )


def _refusal(code: str, status: int) -> web.Response:
    body = msgspec.json.encode(made_problem(code, status))
    return web.Response(status=status, body=body, content_type=PROBLEM_MEDIA_TYPE)


def _answer(body: msgspec.Struct, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )


def _line(line: msgspec.Struct) -> bytes:
    return msgspec.json.encode(line) + b"\n"
