"""What this device has said and not yet heard to be final. It survives crashes and dead hubs.

A record is signed once, under a counter that is used once, before anybody sees it; after that the
same bytes are sent until a hub says that they are final. Readings wait unsigned while hubs are
slow or away, so that up to 256 of them share a record. When there are too many, the oldest plain
readings go first, and the gap is itself reported (`readings_dropped`). Outcomes are never dropped:
a device that cannot get rid of them stops acting.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec

from homechain.crypto.keys import PrivateKey
from homechain.ledger.records import sign_record
from homechain.model import limits as record_limits
from homechain.model.ids import digest_text
from homechain.model.records import (
    EventRecord,
    HomeRecord,
    OutcomeRecord,
    OutcomeResult,
    Reading,
)
from homechain_devices.sdk.device_file import DeviceFile, Signed, Waiting
from homechain_devices.sdk.limits import PAYLOAD_BYTES, DeviceLimits
from homechain_devices.sdk.media import MediaStore

FILE_NAME: Final = "device.sqlite3"
DROPPED: Final = "readings_dropped"
"""The event under which a device says how many readings it had to drop."""

T = TypeVar("T")


class OutcomeDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command, before it is signed."""

    command: str
    result: OutcomeResult
    reason: str = ""
    at_ms: int
    media: str | None = None
    readings: tuple[Reading, ...] = ()


class Outbox:
    """The durable outbox of one device. Every method returns once its effect is on the disk."""

    def __init__(
        self,
        file: DeviceFile,
        thread: ThreadPoolExecutor,
        *,
        key: PrivateKey,
        stills: MediaStore,
        limits: DeviceLimits,
    ) -> None:
        self._file = file
        self._thread = thread
        self._key = key
        self._limits = limits
        self._signer: _Signer | None = None
        self.stills = stills
        """Pictures that wait with the outcomes that name them."""

    @classmethod
    async def open(
        cls, directory: Path, *, key: PrivateKey, limits: DeviceLimits, first_counter: int = 1
    ) -> Self:
        """Open or make the outbox in a device's directory. Raises `StateDamaged`."""
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        stills = MediaStore(directory / "stills")

        def open_file() -> DeviceFile:
            file = DeviceFile(directory / FILE_NAME, first_counter=first_counter)
            waiting = file.waiting(outcomes=True)
            stills.keep_only([record.media for record in waiting if record.media is not None])
            return file

        try:
            file = await asyncio.get_running_loop().run_in_executor(thread, open_file)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(file, thread, key=key, stills=stills, limits=limits)

    async def close(self) -> None:
        """Close the file. What waits is there at the next start."""
        await self._do(self._file.close)
        self._thread.shutdown()

    def belong_to(self, home: str) -> None:
        """From now on records are signed for this home. Until then readings wait unsigned."""
        self._signer = _Signer(self._key, home=home)

    async def add_readings(self, readings: Sequence[Reading]) -> int:
        """Keep these; return how many older ones were dropped for them."""
        encoded = [msgspec.json.encode(reading) for reading in readings]
        most = self._limits.waiting_readings
        return await self._do(lambda: self._file.add_readings(encoded, most=most))

    async def to_send(self, *, outcomes: bool, now_ms: int) -> list[Waiting]:
        """The outcomes, or else the events, that are signed and not known to be final.

        Before it lists events, it packs readings that wait into new ones.
        """
        signer = self._bound()

        def pack_and_list() -> list[Waiting]:
            self._file.pack_readings(
                lambda counter, readings, dropped: signer.event(
                    counter, readings, dropped=dropped, now_ms=now_ms
                ),
                records=self._limits.records_in_flight,
                readings_per_record=record_limits.READINGS_PER_EVENT - 1,
                bytes_per_record=PAYLOAD_BYTES,
            )
            return self._file.waiting(outcomes=False)

        if outcomes:
            return await self._do(lambda: self._file.waiting(outcomes=True))
        return await self._do(pack_and_list)

    async def forget(self, ids: Iterable[str]) -> None:
        """These records are final, or were refused for good."""
        gone = list(ids)
        await self._do(lambda: self._file.forget_records(gone))

    async def is_full(self) -> bool:
        """Whether so many outcomes wait that the device may not act on more commands."""
        return await self._do(self._file.unanswered_outcomes) >= self._limits.waiting_outcomes

    async def begin(
        self, command: str, *, expires_s: int, now_ms: int, papers: Mapping[str, bytes]
    ) -> bool:
        """Note that the device is about to act; False if it already did, or may have.

        `papers` (what the command's proof taught) are kept in the same step.
        """
        forget_before_s = now_ms // 1_000 - self._limits.commands_remembered_s
        return await self._do(
            lambda: self._file.begin_command(
                command, expires_s=expires_s, forget_before_s=forget_before_s, papers=papers
            )
        )

    async def keep_papers(self, papers: Mapping[str, bytes]) -> None:
        """Remember these by name, in place of what was there."""
        await self._do(lambda: self._file.keep_papers(papers))

    async def papers(self) -> dict[str, bytes]:
        """What is remembered by name."""
        return await self._do(self._file.papers)

    async def finish(self, draft: OutcomeDraft, *, now_ms: int) -> None:
        """Sign and keep what became of a command that was begun."""
        signer = self._bound()
        await self._do(
            lambda: self._file.finish_command(
                draft.command,
                lambda counter: signer.outcome(counter, draft, now_ms=now_ms),
                media=draft.media,
            )
        )

    async def interrupted(self) -> list[str]:
        """Commands that were begun before this start and never answered."""
        return await self._do(self._file.interrupted_commands)

    def _bound(self) -> "_Signer":
        assert self._signer is not None, "a device signs nothing before it belongs to a home"
        return self._signer

    async def _do(self, work: Callable[[], T]) -> T:
        # A cancelled wait must not leave a step half known: it is finished first.
        step = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(step)
        except asyncio.CancelledError:
            await asyncio.wait([step])
            raise


class _Signer:
    """A device's key, bound to its home."""

    def __init__(self, key: PrivateKey, *, home: str) -> None:
        self._key = key
        self._home = home

    def event(
        self, counter: int, readings: Sequence[bytes], *, dropped: int, now_ms: int
    ) -> Signed:
        """An event record of readings (each JSON), behind a note of those that were dropped."""
        decoded = [msgspec.json.decode(reading, type=Reading) for reading in readings]
        if dropped:
            decoded.insert(0, Reading(at=decoded[0].at, name=DROPPED, value=dropped))
        return self._sign(
            EventRecord(
                iss=self._key.public.did,
                ctr=counter,
                iat=now_ms // 1_000,
                home=self._home,
                readings=decoded,
            )
        )

    def outcome(self, counter: int, draft: OutcomeDraft, *, now_ms: int) -> Signed:
        """An outcome record."""
        return self._sign(
            OutcomeRecord(
                iss=self._key.public.did,
                ctr=counter,
                iat=now_ms // 1_000,
                home=self._home,
                command=draft.command,
                result=draft.result,
                reason=draft.reason,
                at=draft.at_ms,
                media=draft.media,
                readings=list(draft.readings),
            )
        )

    def _sign(self, record: HomeRecord) -> Signed:
        signed = sign_record(record, self._key)
        return Signed(digest_text(signed.id), signed.raw)
