"""From a command's proof to the outcome: believe, note, act, sign. Once per command, ever.

The order is what makes it safe. The proof is checked first, against the device's own papers. Then
the command's id goes to the disk, and only then does anything move; so a command that a crash
interrupted is answered with "I do not know" and never done twice. One command at a time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homechain.api.schema.commands import CommandOrder
from homechain.ledger.errors import ProofRefused
from homechain.ledger.proofs import AcceptedCommand
from homechain.model.ids import digest_text
from homechain.model.records import Affordance, OutcomeResult
from homechain_devices.sdk.arguments import check_arguments
from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.errors import BadDescription, BadValue
from homechain_devices.sdk.events import (
    CommandAnswered,
    CommandBelieved,
    CommandRefused,
    DeviceEvent,
)
from homechain_devices.sdk.limits import OUTCOME_READINGS, REASON_CHARACTERS
from homechain_devices.sdk.outbox import Outbox, OutcomeDraft
from homechain_devices.sdk.outcome import Outcome
from homechain_devices.sdk.readings import Readings
from homechain_devices.sdk.trust import Trust

log = logging.getLogger(__name__)

INTERRUPTED: Final = "the device stopped before it could say what became of this"

ANSWERED_LATE_MS: Final = 3_600_000
"""How long after its end a command still gets the answer that it came too late."""
_LATE: Final = frozenset({"expired", "stale"})

Act = Callable[[Mapping[str, Any]], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Handler:
    """What the maker's program does for one action."""

    affordance: Affordance
    act: Act
    optional: frozenset[str]
    """Arguments that may be left out."""


class Acting:
    """Does what the home permitted."""

    def __init__(
        self,
        *,
        did: str,
        trust: Trust,
        handlers: Mapping[str, Handler],
        outbox: Outbox,
        readings: Readings,
        clock: DeviceClock,
        action_s: float,
        notify: Callable[[DeviceEvent], None],
    ) -> None:
        self._did = did
        self._trust = trust
        self._handlers = handlers
        self._outbox = outbox
        self._readings = readings
        self._clock = clock
        self._action_s = action_s
        self._notify = notify

    async def answer_interrupted(self) -> None:
        """Answer what was begun before the last stop. What happened then nobody knows."""
        for command in await self._outbox.interrupted():
            await self._answer(command, "", Outcome.failed(INTERRUPTED))

    async def handle(self, order: CommandOrder, *, address: str) -> bool:
        """Do what a hub hands over, if it is proven and new; say whether there is an outcome.

        Raises `ProofRefused` where fresher papers might help; nothing has happened then.
        """
        try:
            accepted, late = self._check(order)
        except ProofRefused as refusal:
            self._notify(
                CommandRefused(
                    command=order.id, address=address, code=refusal.code, reason=refusal.reason
                )
            )
            raise
        self._trust.learn(accepted)
        self._clock.learn(self._trust.proven_ms)
        if await self._outbox.is_full():
            log.warning("the outbox is full of outcomes: command %s has to wait", order.id)
            return False
        command = digest_text(accepted.id)
        begun = await self._outbox.begin(
            command,
            expires_s=accepted.command.exp,
            now_ms=self._clock.now_ms(),
            papers=self._trust.papers(),
        )
        if not begun:
            return False  # done before, or being done: the outbox holds the answer
        action = accepted.command.action
        self._notify(CommandBelieved(command=command, person=accepted.command.iss, action=action))
        outcome = (
            Outcome.refused("the command came too late")
            if late
            else await self._act(action, accepted.command.arguments)
        )
        await self._answer(command, action, outcome)
        return True

    def _check(self, order: CommandOrder) -> tuple[AcceptedCommand, bool]:
        """The proven command, and whether it came too late to be done."""
        now_ms = self._clock.now_ms()
        try:
            return self._trust.check(order.proof, device=self._did, now_ms=now_ms), False
        except ProofRefused as refusal:
            if refusal.code not in _LATE:
                raise
            late = self._trust.check_late(order.proof, device=self._did)
            # Only as long as its id would be remembered: nobody shall make the device answer
            # again what it did long ago.
            if now_ms > late.command.exp * 1_000 + ANSWERED_LATE_MS:
                raise
            return late, True

    async def _act(self, action: str, arguments: Mapping[str, Any]) -> Outcome:
        handler = self._handlers.get(action)
        if handler is None:
            return Outcome.refused(f"this device cannot {action}")
        try:
            check_arguments(action, handler.affordance, arguments, optional=handler.optional)
        except BadValue as error:
            return Outcome.refused(str(error))
        try:
            async with asyncio.timeout(self._action_s):
                return await handler.act(arguments)
        except TimeoutError:
            return Outcome.failed(f"the device did not finish within {self._action_s:g} seconds")
        except Exception:
            # The maker's code: a fault in one action must not unhinge the device.
            log.exception("the handler of %s failed", action)
            return Outcome.failed("a fault in the device's own program")

    async def _answer(self, command: str, action: str, outcome: Outcome) -> None:
        """Sign and keep the outcome; a still first."""
        media = None
        now_ms = self._clock.now_ms()
        try:
            if outcome.jpeg is not None:
                media = await self._outbox.stills.keep(outcome.jpeg)
            made = [self._readings.make(c.name, c.value, at_ms=now_ms) for c in outcome.changes]
        except (BadValue, BadDescription):
            log.exception("the outcome of %s does not fit the description", action)
            outcome, made = Outcome.failed("a fault in the device's own program"), []
        draft = OutcomeDraft(
            command=command,
            result=outcome.result,
            reason=outcome.reason[:REASON_CHARACTERS],
            at_ms=now_ms,
            media=media,
            readings=tuple(made[:OUTCOME_READINGS]),
        )
        await self._outbox.finish(draft, now_ms=now_ms)
        if surplus := made[OUTCOME_READINGS:]:
            await self._outbox.add_readings(surplus)
        self._notify(
            CommandAnswered(
                command=command,
                action=action,
                result=str(OutcomeResult(outcome.result)),
                reason=draft.reason,
            )
        )
