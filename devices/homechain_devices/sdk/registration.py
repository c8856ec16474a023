"""How a device that belongs to nobody gets into a home (docs/protocol.md, registration).

The device commits to a nonce, the hub answers with its own, the device reveals; six digits follow
from both nonces, the home, the hub and the description. The device computes and shows its own.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from homechain.api.client import ClientError, DeviceClient, HubProblem
from homechain.api.schema.pairing import DeviceState, DeviceStatus
from homechain.api.schema.problems import ProblemCode
from homechain.crypto.errors import CryptoError
from homechain.crypto.hashing import unb64u
from homechain.crypto.keys import PrivateKey
from homechain.ledger.pairing import commitment_to, pairing_digits
from homechain.ledger.records import sign_description
from homechain.model.errors import FormatError
from homechain.model.ids import DigestText, digest_from_text
from homechain.model.records import DeviceDescription, Thing
from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.errors import RETIRED, NotTakenIn, WrongHome
from homechain_devices.sdk.events import DeviceEvent, DigitsShown
from homechain_devices.sdk.hubs import Hubs
from homechain_devices.sdk.limits import DeviceLimits
from homechain_devices.sdk.outbox import Outbox
from homechain_devices.sdk.trust import Trust

NONCE_BYTES: Final = 32
FAILED_POLLS: Final = 10
"""After so many unanswered polls in a row the device introduces itself to another hub."""

_TURNED_AWAY: Final = frozenset(
    {ProblemCode.KEY_REFUSED, ProblemCode.PAIRING_REFUSED, ProblemCode.RETIRED}
)


INTRODUCTION_PAPER: Final = "introduction"


class Introduction(Struct, frozen=True, kw_only=True):
    """Where the device has introduced itself, and the digits that came of it.

    Kept on the disk, because a resident may approve while the device is off.
    """

    home: DigestText
    shown: DigitsShown


class Registration:
    """The way of one device into a home."""

    def __init__(
        self,
        *,
        key: PrivateKey,
        thing: Thing,
        hubs: Hubs,
        outbox: Outbox,
        clock: DeviceClock,
        limits: DeviceLimits,
        notify: Callable[[DeviceEvent], None],
    ) -> None:
        self._key = key
        self._thing = thing
        self._hubs = hubs
        self._outbox = outbox
        self._clock = clock
        self._limits = limits
        self._notify = notify
        self._digits_made = 0

    async def run(self) -> Trust:
        """Introduce the device and wait until a resident approves; the papers of its home.

        Tries for ever, hub after hub. Raises `NotTakenIn` when every hub turns it away.
        """
        introduction = await self._remembered()
        forgotten = introduction is None
        while True:
            address = await self._hubs.next()
            async with self._hubs.client(address) as client:
                try:
                    if forgotten or introduction is None:
                        introduction = await self._introduce_or_go_on(client, introduction)
                        forgotten = False
                    self._notify(introduction.shown)
                    trust = await self._wait_for_approval(client, introduction)
                except NotTakenIn as refusal:
                    self._hubs.turned_away(address, str(refusal))
                    continue
                except (ClientError, WrongHome) as error:
                    self._hubs.failed(address, str(error))
                    continue
            if trust is not None:
                self._hubs.worked(address)
                return trust
            forgotten = True
            self._hubs.failed(address, "the hub has forgotten this device")

    async def _remembered(self) -> Introduction | None:
        paper = (await self._outbox.papers()).get(INTRODUCTION_PAPER)
        return None if paper is None else msgspec.json.decode(paper, type=Introduction)

    async def _introduce_or_go_on(
        self, client: DeviceClient, before: Introduction | None
    ) -> Introduction:
        """A new introduction, on the disk; the one before, if the home took the device in by it."""
        try:
            introduction = await self._introduce(client)
        except HubProblem as problem:
            if before is not None and problem.code == ProblemCode.PAIRING_REFUSED:
                return before
            if problem.code in _TURNED_AWAY:
                raise NotTakenIn(f"the home turns this device away: {problem}") from problem
            raise
        paper = msgspec.json.encode(introduction)
        await self._outbox.keep_papers({INTRODUCTION_PAPER: paper})
        return introduction

    async def _introduce(self, client: DeviceClient) -> Introduction:
        """New digits, in exchange for the nonce that makes them.

        Whoever sits in between knows them then, and the digits of the devices of its own that wait
        at the hub. It may say that it forgot this device, until two of them are the same by chance:
        one new set each half a minute leaves it days to try, before a resident's eyes.
        """
        if self._digits_made >= self._limits.digits_at_once:
            await asyncio.sleep(self._limits.digits_pause_ms / 1_000)
        known = await client.well_known()
        nonce = os.urandom(NONCE_BYTES)
        description = sign_description(
            DeviceDescription(
                iss=self._key.public.did,
                home=known.home,
                hub=known.hub,
                iat=self._clock.now_ms() // 1_000,
                commitment=commitment_to(nonce),
                thing=self._thing,
            ),
            self._key,
        )
        accepted = await client.register(description.raw)
        if accepted.hub != known.hub:
            raise WrongHome("the hub changed its name while the device introduced itself")
        try:
            digits = pairing_digits(
                home=digest_from_text(known.home),
                hub=known.hub,
                description_id=description.id,
                hub_nonce=unb64u(accepted.hub_nonce),
                device_nonce=nonce,
            )
        except (CryptoError, FormatError, ValueError) as error:
            raise WrongHome(f"the hub's answer makes no digits: {error}") from error
        shown = DigitsShown(
            digits=digits,
            device=self._key.public.did,
            hub=known.hub,
            hub_name=known.hub_name,
            home_name=known.home_name,
        )
        self._digits_made += 1
        if (await client.reveal(nonce)).digits != digits:
            raise WrongHome("the hub came to other digits: something may sit in between")
        return Introduction(home=known.home, shown=shown)

    async def _wait_for_approval(
        self, client: DeviceClient, introduction: Introduction
    ) -> Trust | None:
        """The papers; None when the hub has forgotten the device."""
        unanswered = 0
        while True:
            try:
                status = await client.status()
            except ClientError:
                unanswered += 1
                if unanswered >= FAILED_POLLS:
                    raise
                await self._pause()
                continue
            unanswered = 0
            match status:
                case DeviceStatus(state=DeviceState.APPROVED, bundle=None):
                    raise WrongHome("the hub approved the device and showed no papers")
                case DeviceStatus(state=DeviceState.APPROVED, bundle=bundle) if bundle is not None:
                    return Trust.from_bundle(
                        bundle,
                        home=introduction.home,
                        name=status.name or "",
                        area=status.area or "",
                    )
                case DeviceStatus(state=DeviceState.RETIRED):
                    raise NotTakenIn(RETIRED)
                case DeviceStatus(state=DeviceState.UNKNOWN):
                    return None
                case _:
                    await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(self._limits.poll_ms / 1_000)
