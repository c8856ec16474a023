"""Several hubs behind one face: a session with each, and the next one when one is silent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import aiohttp
import msgspec

from homechain.api.client.endpoints import HubEndpoint
from homechain.api.client.errors import HubProblem, HubUnreachable
from homechain.api.client.transport import (
    JOSE_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    ClientTimeouts,
    Transport,
    decoded,
    read_answer,
)
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.session import Challenge, ChallengeRequest, Session, SessionClaims
from homechain.crypto.jws import sign_compact
from homechain.crypto.keys import PrivateKey

_TRY_ANOTHER_HUB: Final = frozenset(
    {ProblemCode.BUSY, ProblemCode.NOT_FINAL_IN_TIME, ProblemCode.STORAGE_FAILED}
)
"""Problems of one hub, not of the request."""

T = TypeVar("T")


class HubRing:
    """The hubs in order; the one that answered last is asked first."""

    def __init__(
        self,
        endpoints: Sequence[HubEndpoint],
        *,
        key: PrivateKey,
        home: str | None,
        timeouts: ClientTimeouts,
        wall_s: Callable[[], float],
    ) -> None:
        if not endpoints:
            raise ValueError("a client needs the address of at least one hub")
        self._endpoints = [endpoint.checked() for endpoint in endpoints]
        self._first = 0
        self._key = key
        self._wall_s = wall_s
        self._transport = Transport(timeouts)
        self._tokens: dict[HubEndpoint, str] = {}
        self._opening = asyncio.Lock()
        self.home = home
        """The home's id, if it was given or once a session was opened."""

    @property
    def current(self) -> HubEndpoint:
        """The hub that is asked first."""
        return self._endpoints[self._first]

    def __iter__(self) -> Iterator[HubEndpoint]:
        """Every hub, once each."""
        return iter(self._endpoints)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    def skip_current(self) -> None:
        """Ask another hub first from now on."""
        self._first = (self._first + 1) % len(self._endpoints)

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        session: bool = True,
        repeatable: bool = True,
    ) -> bytes:
        """The answer of the first hub that gives a good one.

        A request that is not `repeatable` goes to one hub only, once.
        """

        async def once(endpoint: HubEndpoint) -> bytes:
            if not session:
                return await self._transport.send(
                    endpoint, method, path, body=body, headers=headers
                )
            async with self.opened(endpoint, method, path, body=body, headers=headers) as response:
                return await read_answer(response)

        if not repeatable:
            return await once(self.current)
        return await self._first_good(once)

    async def send_record(self, raw: bytes, *, wait: bool) -> bytes:
        """Hand in signed bytes. Repeating them is harmless, so a silent hub stops nothing."""
        headers = {"Content-Type": JOSE_MEDIA_TYPE}
        if not wait:
            headers["Prefer"] = "respond-async"
        return await self.send("POST", "/v1/records", body=raw, headers=headers)

    @asynccontextmanager
    async def opened(
        self,
        endpoint: HubEndpoint,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        is_stream: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer inside this person's session, which is opened again where it ended."""
        silence_s = self._transport.stream_silence_s() if is_stream else None
        for last_try in (False, True):
            token = await self._token(endpoint)
            bearer = {**(headers or {}), "Authorization": f"Bearer {token}"}
            try:
                async with self._transport.opened(
                    endpoint, method, path, body=body, headers=bearer, silence_s=silence_s
                ) as response:
                    yield response
                    return
            except HubProblem as problem:
                if problem.code != ProblemCode.UNAUTHENTICATED or last_try:
                    raise
                if self._tokens.get(endpoint) == token:
                    del self._tokens[endpoint]

    async def _first_good(self, once: Callable[[HubEndpoint], Awaitable[T]]) -> T:
        failures: list[Exception] = []
        for step in range(len(self._endpoints)):
            place = (self._first + step) % len(self._endpoints)
            try:
                answer = await once(self._endpoints[place])
            except HubUnreachable as error:
                failures.append(error)
            except HubProblem as problem:
                if problem.code not in _TRY_ANOTHER_HUB:
                    self._first = place
                    raise
                failures.append(problem)
            else:
                self._first = place
                return answer
        for failure in failures:
            if isinstance(failure, HubProblem):
                raise failure  # a hub that answers says more than one that does not
        raise HubUnreachable("; ".join(str(failure) for failure in failures)) from failures[-1]

    async def _token(self, endpoint: HubEndpoint) -> str:
        async with self._opening:
            if endpoint not in self._tokens:
                self._tokens[endpoint] = await self._open_session(endpoint)
            return self._tokens[endpoint]

    async def _open_session(self, endpoint: HubEndpoint) -> str:
        did = self._key.public.did
        answer = await self._transport.send(
            endpoint,
            "POST",
            "/v1/session/challenge",
            body=msgspec.json.encode(ChallengeRequest(person=did)),
            headers={"Content-Type": JSON_MEDIA_TYPE},
        )
        challenge = decoded(answer, Challenge)
        if endpoint.hub is not None and challenge.hub != endpoint.hub:
            raise HubUnreachable(f"{endpoint.url}: another hub answers there: {challenge.hub}")
        if self.home is not None and challenge.home != self.home:
            raise HubUnreachable(f"{endpoint.url}: a hub of another home answers there")
        claims = SessionClaims(
            iss=did,
            home=challenge.home,
            aud=challenge.hub,
            challenge=challenge.challenge,
            iat=int(self._wall_s()),
        )
        proof = sign_compact(msgspec.json.encode(claims), typ=SessionClaims.TYP, key=self._key)
        session = await self._transport.send(
            endpoint,
            "POST",
            "/v1/session",
            body=proof,
            headers={"Content-Type": JOSE_MEDIA_TYPE},
        )
        self.home = challenge.home
        return decoded(session, Session).token
