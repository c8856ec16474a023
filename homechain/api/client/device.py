"""The device's side of the HTTP interface: one call a request, one hub at a time.

Which hub to ask, and when to ask another, is the caller's business; so is keeping records until
they are final.
"""

import secrets
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType
from typing import Self

import msgspec

from homechain.api.client.endpoints import HubEndpoint
from homechain.api.client.errors import UnexpectedAnswer
from homechain.api.client.lines import decoded_lines
from homechain.api.client.transport import (
    JOSE_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    ClientTimeouts,
    Transport,
    decoded,
)
from homechain.api.schema.commands import CommandLine
from homechain.api.schema.discovery import WellKnown
from homechain.api.schema.pairing import (
    DeviceStatus,
    NonceReveal,
    PairingDigits,
    RegistrationAccepted,
)
from homechain.api.schema.records import BatchResult, Receipt, RecordBatch, RecordResult
from homechain.api.schema.session import RequestClaims
from homechain.crypto.hashing import b64u
from homechain.crypto.jws import sign_compact
from homechain.crypto.keys import PrivateKey

NONCE_BYTES = 32


class DeviceClient:
    """One device talking to one hub. Every call raises `HubProblem` or `HubUnreachable`."""

    def __init__(
        self,
        address: str,
        *,
        key: PrivateKey,
        timeouts: ClientTimeouts | None = None,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        nonce: Callable[[], bytes] = lambda: secrets.token_bytes(NONCE_BYTES),
    ) -> None:
        """`address` is `host:port` of a hub's device interface, as in `HubDescription.api`."""
        self._endpoint = HubEndpoint(url=f"http://{address}")
        self._key = key
        self._wall_ms = wall_ms
        self._nonce = nonce
        self._transport = Transport(timeouts or ClientTimeouts())
        self._hub: str | None = None
        self._hub_clock_ahead_ms = 0

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
        await self._transport.close()

    @property
    def did(self) -> str:
        """The device's own name."""
        return self._key.public.did

    async def well_known(self) -> WellKnown:
        """Which home and hub answer here. Also sets this client's idea of the hub's clock."""
        answer = await self._transport.send(self._endpoint, "GET", "/.well-known/homechain")
        known = decoded(answer, WellKnown)
        self._hub = known.hub
        self._hub_clock_ahead_ms = known.clock_ms - self._wall_ms()
        return known

    async def register(self, description: bytes) -> RegistrationAccepted:
        """Introduce this device by its signed description (`homechain-description+jws`)."""
        answer = await self._post_jose("/v1/devices", description)
        return decoded(answer, RegistrationAccepted)

    async def reveal(self, device_nonce: bytes) -> PairingDigits:
        """Reveal the 32 bytes that the description committed to; the answer is to be shown.

        Compute the digits from both nonces as well, and stop if they differ.
        """
        body = msgspec.json.encode(NonceReveal(device_nonce=b64u(device_nonce)))
        answer = await self._transport.send(
            self._endpoint,
            "PUT",
            f"/v1/devices/{self.did}/pairing",
            body=body,
            headers={"Content-Type": JSON_MEDIA_TYPE},
        )
        return decoded(answer, PairingDigits)

    async def status(self) -> DeviceStatus:
        """Where this device stands; with the trust bundle once it is approved. A signed request."""
        path = f"/v1/devices/{self.did}"
        headers = await self._authorization("GET", path)
        return decoded(
            await self._transport.send(self._endpoint, "GET", path, headers=headers), DeviceStatus
        )

    async def post_record(self, record: bytes, *, wait: bool = True) -> Receipt:
        """Hand in one event or outcome; returns once it is final, or durable with `wait=False`."""
        return decoded(await self._post_jose("/v1/events", record, wait=wait), Receipt)

    async def post_records(
        self, records: Sequence[bytes], *, wait: bool = True
    ) -> list[RecordResult]:
        """Hand in up to 256 records (64 KiB together); one result each, in order."""
        batch = RecordBatch(records=[record.decode("ascii") for record in records])
        headers = {"Content-Type": JSON_MEDIA_TYPE}
        if not wait:
            headers["Prefer"] = "respond-async"
        answer = await self._transport.send(
            self._endpoint,
            "POST",
            "/v1/events",
            body=msgspec.json.encode(batch),
            headers=headers,
        )
        results = decoded(answer, BatchResult).results
        if len(results) != len(records):
            raise UnexpectedAnswer("the hub answered another number of records than it was sent")
        return results

    async def commands(self) -> AsyncGenerator[CommandLine, None]:
        """The command stream: waiting commands first, then live, with keep-alives between.

        Ends with `HubUnreachable` when the hub closes it or falls silent.
        """
        path = f"/v1/devices/{self.did}/commands"
        headers = await self._authorization("GET", path)
        async with self._transport.opened(
            self._endpoint,
            "GET",
            path,
            headers=headers,
            silence_s=self._transport.stream_silence_s(),
        ) as response:
            async for line in decoded_lines(response, CommandLine):
                yield line

    async def put_media(self, sha256: bytes, jpeg: bytes) -> None:
        """Store a still; the ledger holds only its hash. Repeating it changes nothing."""
        path = f"/v1/media/{b64u(sha256)}"
        headers = await self._authorization("PUT", path)
        headers["Content-Type"] = "image/jpeg"
        await self._transport.send(self._endpoint, "PUT", path, body=jpeg, headers=headers)

    async def _post_jose(self, path: str, jws: bytes, *, wait: bool = True) -> bytes:
        headers = {"Content-Type": JOSE_MEDIA_TYPE}
        if not wait:
            headers["Prefer"] = "respond-async"
        return await self._transport.send(self._endpoint, "POST", path, body=jws, headers=headers)

    async def _authorization(self, method: str, path: str) -> dict[str, str]:
        hub = self._hub or (await self.well_known()).hub
        claims = RequestClaims(
            iss=self.did,
            aud=hub,
            htm=method,
            htu=path,
            iat=(self._wall_ms() + self._hub_clock_ahead_ms) // 1000,
            jti=b64u(self._nonce()),
        )
        proof = sign_compact(msgspec.json.encode(claims), typ=RequestClaims.TYP, key=self._key)
        return {"Authorization": f"Homechain {proof.decode('ascii')}"}
