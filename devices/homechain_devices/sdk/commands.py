"""Command streams that the device holds open, and the one worker that acts on what they bring.

Several streams are open to different hubs at once: a hub that dies or is cut off then delays no
command, and the command that arrives twice is done once.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final, NoReturn

from homechain.api.client import ClientError, HubProblem
from homechain.api.schema.commands import CommandOrder
from homechain.api.schema.problems import ProblemCode
from homechain.ledger.errors import ProofRefused
from homechain_devices.sdk.acting import Acting
from homechain_devices.sdk.errors import RETIRED
from homechain_devices.sdk.events import DeviceEvent, HubConnected
from homechain_devices.sdk.hubs import Hubs
from homechain_devices.sdk.papers import Papers

ORDERS_WAITING: Final = 64
"""Beyond these a stream is not read on until the device has caught up."""


class Commands:
    """From hubs to the handlers."""

    def __init__(
        self,
        *,
        hubs: Hubs,
        acting: Acting,
        papers: Papers,
        streams: int,
        answered: Callable[[], None],
        notify: Callable[[DeviceEvent], None],
    ) -> None:
        """`answered` is called when there is a new outcome in the outbox."""
        self._hubs = hubs
        self._acting = acting
        self._papers = papers
        self._streams = streams
        self._answered = answered
        self._notify = notify
        self._orders: asyncio.Queue[tuple[CommandOrder, str]] = asyncio.Queue(ORDERS_WAITING)
        self._in_use: set[str] = set()
        self._hub_at: dict[str, str] = {}
        """Who answered where: a hub may have several addresses, and keeps one stream a device."""

    async def run(self) -> None:
        """Listen and act for ever."""
        await self._acting.answer_interrupted()
        self._answered()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._work())
            for _ in range(self._streams):
                tasks.create_task(self._listen())

    async def _listen(self) -> NoReturn:
        """One stream, to one hub after another."""
        while True:
            address = await self._hubs.next(but=self._taken)
            self._in_use.add(address)
            try:
                await self._read_stream(address)
            except ClientError as error:
                if isinstance(error, HubProblem) and error.code == ProblemCode.RETIRED:
                    self._hubs.turned_away(address, RETIRED)
                else:
                    self._hubs.failed(address, str(error))
            finally:
                self._in_use.discard(address)
                self._hubs.reconsider()

    def _taken(self) -> set[str]:
        """Every address of the hubs to which a stream is open or being opened."""
        hubs = {self._hub_at.get(address) for address in self._in_use} - {None}
        return self._in_use | {address for address, hub in self._hub_at.items() if hub in hubs}

    async def _read_stream(self, address: str) -> None:
        connected = False
        async with self._hubs.client(address) as client, aclosing(client.commands()) as lines:
            hub = (await client.well_known()).hub
            self._hub_at.pop(address, None)
            taken = {self._hub_at.get(other) for other in self._in_use}
            self._hub_at[address] = hub
            if hub in taken:
                return  # another stream has this hub already, at another of its addresses
            async for line in lines:
                if not connected:
                    connected = True
                    self._notify(HubConnected(address=address))
                self._hubs.worked(address)
                if isinstance(line, CommandOrder):
                    await self._orders.put((line, address))
        self._hubs.failed(address, "the hub ended the stream")

    async def _work(self) -> NoReturn:
        while True:
            order, address = await self._orders.get()
            if await self._handle(order, address):
                self._answered()

    async def _handle(self, order: CommandOrder, address: str) -> bool:
        try:
            return await self._acting.handle(order, address=address)
        except ProofRefused:
            # Honest hubs get here when the membership changed while this device was away.
            if not await self._papers.refresh():
                return False
        try:
            return await self._acting.handle(order, address=address)
        except ProofRefused:
            return False
