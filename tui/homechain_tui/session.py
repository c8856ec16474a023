"""One dashboard's conversation with the home: reads, follows, asks; holds the state.

Knows no screen. Whoever shows the state subscribes; every change is told once.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from msgspec import Struct

from homechain.api.client import HubProblem
from homechain.api.schema.commands import CommandLife
from homechain.api.schema.mesh import MeshView
from homechain.api.schema.problems import ProblemCode
from homechain.api.schema.records import Receipt
from homechain.crypto.jws import parse_compact
from homechain.model import limits
from homechain.model.ids import digest_text
from homechain.model.records import Authorization, CommandRecord
from homechain_tui.fold import (
    fold,
    must_read_again,
    with_lists,
    with_mesh,
    with_receipt,
    with_refusal,
    with_snapshot,
    with_trouble,
    with_wish,
)
from homechain_tui.plain_text import plain
from homechain_tui.ports import HubCalls
from homechain_tui.problems import EXPECTED, in_words
from homechain_tui.state import Act, HomeState, Snapshot

FEED_RECORDS: Final = 150
GRANT_ID_BYTES: Final = 16

T = TypeVar("T")


class Answer(Struct, frozen=True, kw_only=True):
    """What became of one request to the hub: exactly one of the two says something."""

    receipt: Receipt | None = None
    trouble: str = ""


class HomeSession:
    """The home, as far as this person may see it, and what they may ask of it."""

    def __init__(self, client: HubCalls, *, now_ms: Callable[[], int]) -> None:
        self.client = client
        self.now_ms = now_ms
        self.state = HomeState()
        self._listeners: list[Callable[[], None]] = []
        self._to_read = "all"

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def follow(self) -> None:
        """Follow the live feed until cancelled, or until the hub refuses this person."""
        try:
            async for item in self.client.stream():
                self._change(fold(self.state, item, now_ms=self.now_ms()))
                wanted = must_read_again(item)
                if self._to_read != "all":
                    self._to_read = wanted or self._to_read
                if self._to_read and self.state.connection.live:
                    await self._read_again()
        except HubProblem as problem:
            self._change(with_refusal(self.state, in_words(problem)))

    async def refresh(self) -> str:
        """Read everything again now; a sentence if that failed, else nothing."""
        self._to_read = "all"
        return await self._read_again()

    async def read_mesh(self) -> None:
        """Read the hubs again: the feed tells changes of links and leaders, not every height."""
        mesh = await self.read(self.client.mesh())
        if isinstance(mesh, MeshView):
            self._change(with_mesh(self.state, mesh))

    async def command(self, device: str, action: str, arguments: dict[str, Any]) -> Answer:
        """Ask a device to act. The wish is in the state at once, and its life follows there."""
        now_ms = self.now_ms()
        try:
            raw = await self.client.sign(
                CommandRecord,
                device=device,
                action=action,
                arguments=arguments,
                exp=now_ms // 1000 + limits.COMMAND_LIFETIME_S,
            )
        except EXPECTED as error:
            return Answer(trouble=in_words(error))
        act_id = digest_text(parse_compact(raw, max_bytes=limits.RECORD_BYTES).id)
        wish = Act(
            id=act_id,
            device=device,
            person=self.client.did,
            action=action,
            arguments=arguments,
            at_ms=now_ms,
            life=CommandLife.REQUESTED,
        )
        self._change(with_wish(self.state, wish))
        try:
            receipt = await self.client.post_record(raw)
        except EXPECTED as error:
            sentence = in_words(error)
            self._change(with_trouble(self.state, act_id=act_id, sentence=sentence))
            return Answer(trouble=sentence)
        self._change(with_receipt(self.state, receipt))
        return Answer(receipt=receipt)

    async def give(
        self, person: str, authorizations: list[Authorization], *, nbf_s: int, exp_s: int
    ) -> Answer:
        """Sign a grant under a fresh id."""
        return await self.ask(
            self.client.grant(
                person,
                authorizations,
                grant_id=secrets.token_urlsafe(GRANT_ID_BYTES),
                nbf_s=nbf_s,
                exp_s=exp_s,
            )
        )

    async def ask(self, call: Awaitable[Receipt]) -> Answer:
        """Wait for a record to be final, then read the lists again."""
        try:
            receipt = await call
        except EXPECTED as error:
            return Answer(trouble=in_words(error))
        self._to_read = self._to_read or "lists"
        await self._read_again()
        return Answer(receipt=receipt)

    async def read(self, call: Awaitable[T]) -> T | str:
        """What a reading call answers, or a sentence that says what went wrong."""
        try:
            return await call
        except EXPECTED as error:
            return in_words(error)

    async def _read_again(self) -> str:
        wanted, self._to_read = self._to_read, ""
        try:
            if wanted == "all":
                self._change(with_snapshot(self.state, await self._snapshot()))
            elif wanted:
                home = await self.client.home()
                devices = await self.client.devices()
                persons = await self.client.persons()
                grants = await self.client.grants()
                self._change(
                    with_lists(
                        self.state, home=home, devices=devices, persons=persons, grants=grants
                    )
                )
        except EXPECTED as error:
            self._to_read = wanted  # tried again with the next sign of life
            return in_words(error)
        return ""

    async def _snapshot(self) -> Snapshot:
        client = self.client
        return Snapshot(
            home=await client.home(),
            devices=await client.devices(),
            persons=await client.persons(),
            grants=await client.grants(),
            mesh=await _if_allowed(client.mesh()),
            requests=await _if_allowed(client.requests()),
            records=(await client.records(limit=FEED_RECORDS)).records,
        )

    def _change(self, state: HomeState) -> None:
        if state is self.state:
            return
        self.state = state
        for listener in list(self._listeners):
            listener()


async def _if_allowed(call: Awaitable[T]) -> T | None:
    try:
        return await call
    except HubProblem as problem:
        if problem.code != ProblemCode.FORBIDDEN:
            raise
        return None


def short_reason(answer: Answer) -> str:
    """Why it was not done: the trouble, or the home's reason; nothing if it was allowed."""
    if answer.trouble:
        return answer.trouble
    decision = answer.receipt.decision if answer.receipt else None
    return plain(decision.reason) if decision is not None and not decision.allowed else ""
