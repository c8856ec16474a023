"""From the outbox to a hub, again and again, until it says that a record is final.

Outcomes and readings go out by two senders side by side, so that a resident does not wait for the
news of a door behind a day of temperatures.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from homechain.api.client import ClientError, DeviceClient
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import ReceiptStatus, RecordResult
from homechain.crypto.hashing import unb64u
from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.device_file import Waiting
from homechain_devices.sdk.errors import RETIRED
from homechain_devices.sdk.events import DeviceEvent, RecordRefused
from homechain_devices.sdk.hubs import Hubs
from homechain_devices.sdk.outbox import Outbox

REQUEST_BYTES: Final = 60 * 1024
"""Records of one request; the hub takes bodies of 64 KiB."""
REQUEST_RECORDS: Final = 64

NEVER: Final = frozenset(
    {
        ProblemCode.MALFORMED_JSON,
        ProblemCode.MALFORMED_JWS,
        ProblemCode.MALFORMED_RECORD,
        ProblemCode.BODY_TOO_LARGE,
        ProblemCode.BAD_SIGNATURE,
        ProblemCode.WRONG_HOME,
        ProblemCode.WRONG_KIND,
        ProblemCode.INADMISSIBLE,
        ProblemCode.NOT_ALLOWED,
        ProblemCode.EXPIRED,
        ProblemCode.REPLAYED_COUNTER,
    }
)
"""What a hub says of a record that no hub will ever take. All else is tried again."""


class Sender:
    """Sends one class of records, oldest first, as many to a request as fit."""

    def __init__(
        self,
        *,
        outcomes: bool,
        outbox: Outbox,
        hubs: Hubs,
        clock: DeviceClock,
        wake: asyncio.Event,
        copy: Callable[[str], None],
        notify: Callable[[DeviceEvent], None],
    ) -> None:
        """`outcomes` says which class; `wake` is set when there is something new in the outbox.

        `copy` gets the digest of each still whose outcome is final.
        """
        self._outcomes = outcomes
        self._outbox = outbox
        self._hubs = hubs
        self._clock = clock
        self._notify = notify
        self._wake = wake
        self._copy = copy
        self._refused_by: dict[str, set[str]] = {}
        self._client: tuple[str, DeviceClient] | None = None

    async def run(self) -> NoReturn:
        """Send for ever. Raises `NotTakenIn` once every hub says that the device is retired."""
        try:
            while True:
                self._wake.clear()
                waiting = await self._outbox.to_send(
                    outcomes=self._outcomes, now_ms=self._clock.now_ms()
                )
                if waiting:
                    await self._send(fitting(waiting))
                else:
                    await self._wake.wait()
        finally:
            await self._drop_client()

    async def _send(self, batch: Sequence[Waiting]) -> None:
        address = await self._hubs.next()
        client = await self._client_of(address)
        try:
            for record in batch:
                await self._upload(client, record)
            results = await client.post_records([record.raw for record in batch])
        except ClientError as error:
            await self._drop_client()
            self._hubs.failed(address, str(error))
            return
        unsettled = [
            refusal
            for record, result in zip(batch, results, strict=True)
            if (refusal := await self._settle(record, result, address))
        ]
        if any(r.problem is not None and r.problem.code == ProblemCode.RETIRED for r in results):
            self._hubs.turned_away(address, RETIRED)
        elif unsettled:
            self._hubs.failed(address, unsettled[0])
        else:
            self._hubs.worked(address)

    async def _upload(self, client: DeviceClient, record: Waiting) -> None:
        """Bring the picture first: an outcome must not name one that nobody can look at."""
        if record.media is None:
            return
        jpeg = await self._outbox.stills.read(record.media)
        if jpeg is not None:
            await client.put_media(unb64u(record.media), jpeg)

    async def _settle(self, record: Waiting, result: RecordResult, address: str) -> str:
        """Forget a record that is final or refused for good; else say why it has to wait."""
        problem = result.problem
        if problem is None:
            if result.receipt is None or result.receipt.status is not ReceiptStatus.FINAL:
                return "the record is not final yet"
        elif problem.code in NEVER and self._refused_everywhere(record, address):
            self._notify(
                RecordRefused(record=record.id, code=problem.code, detail=problem.detail[:256])
            )
        else:
            return f"{problem.title}: {problem.detail}"
        self._refused_by.pop(record.id, None)
        await self._outbox.forget([record.id])
        if record.media is not None:
            self._copy(record.media)
        return ""

    def _refused_everywhere(self, record: Waiting, address: str) -> bool:
        """Whether two hubs refuse it: a single one that lies must not make a device forget."""
        refused_by = self._refused_by.setdefault(record.id, set())
        refused_by.add(address)
        return len(refused_by) >= min(2, len(self._hubs.addresses))

    async def _client_of(self, address: str) -> DeviceClient:
        if self._client is not None and self._client[0] == address:
            return self._client[1]
        await self._drop_client()
        self._client = (address, self._hubs.client(address))
        return self._client[1]

    async def _drop_client(self) -> None:
        if self._client is not None:
            _, client = self._client
            self._client = None
            await client.close()


def fitting(waiting: Sequence[Waiting]) -> list[Waiting]:
    """As many of the first records as one request takes; at least one."""
    batch: list[Waiting] = []
    size = 0
    for record in waiting[:REQUEST_RECORDS]:
        size += len(record.raw) + 3  # quotes and comma
        if batch and size > REQUEST_BYTES:
            break
        batch.append(record)
    return batch
