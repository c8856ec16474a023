"""Waiting records on their way to all hubs, so that whoever leads can take them.

What cannot enter yet, because this hub's state is a block behind the sender's, waits for the next
block. What still waits after a while is shown again: a message may have been lost, and no record
may depend on one hub alone being the leader. May not live here: signatures, or the disk.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from homechain.ledger.admission import check
from homechain.ledger.errors import Inadmissible
from homechain.ledger.records import SignedRecord
from homechain.model.messages import PendingRecords
from homechain.node.engine import Engine
from homechain.node.inbound import FLOOD_RECORDS
from homechain.node.pool import PoolFull

logger = logging.getLogger(__name__)

FLOOD_BYTES: Final = 1024 * 1024
"""Most record bytes in one message, so that statements do not wait behind it."""
SHOWN_RECORDS: Final = 2_048
"""Most records shown to a hub that appears; the rest follows as these become final."""
AGAIN_RECORDS: Final = 512
AGAIN_AFTER_MS: Final = 2_000
"""How long a record waits before it is shown again."""
EARLY_RECORDS: Final = 512
EARLY_PER_HUB: Final = 128
"""Most records of one hub that wait for this hub's state."""
EARLY_TRIES: Final = 8
"""Blocks that such a record is tried after; then it has to be shown again."""
_HOPELESS: Final = ("counter_replayed", "counter_too_old", "wrong_home", "command_expired")


class _Early(NamedTuple):
    record: SignedRecord
    hub: str
    tries: int


class Spreading:
    """Floods what waits here, and takes in what waits elsewhere."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._fresh: list[bytes] = []
        self._early: OrderedDict[bytes, _Early] = OrderedDict()
        """Verified, but not admissible yet, by id."""

    # ------------------------------------------------------------------ out

    def flood(self, raw: bytes) -> None:
        """Collects what was admitted in one turn of the loop into one message."""
        self._engine.flood.note(raw)
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._flush)
        self._fresh.append(raw)

    def _flush(self) -> None:
        raws, self._fresh = self._fresh, []
        for part in parts(raws):
            self._engine.peers.broadcast(PendingRecords(part))

    def show(self, hub: str) -> None:
        """A link with `hub` came up: it learns what waits here."""
        self._send(hub, self._engine.pool.raws(at_most=SHOWN_RECORDS))

    def show_again(self) -> None:
        """Shows everybody what has waited for long."""
        before_ms = self._engine.clock.monotonic_ms() - AGAIN_AFTER_MS
        raws = self._engine.pool.raws(at_most=AGAIN_RECORDS, before_ms=before_ms)
        for part in parts(raws):
            self._engine.peers.broadcast(PendingRecords(part))

    def _send(self, hub: str, raws: Sequence[bytes]) -> None:
        for part in parts(raws):
            self._engine.peers.send(hub, PendingRecords(part))

    # ------------------------------------------------------------------ in

    def admit(self, records: Sequence[SignedRecord], came_from: str) -> None:
        """Verified records that another hub took in. They are durable there; here they wait too."""
        self._admit([_Early(record, came_from, EARLY_TRIES) for record in records], came_from)

    def _admit(self, candidates: Sequence[_Early], came_from: str) -> None:
        taken = [each.record.raw for each in candidates if self._take(each)]
        if not taken:
            return
        peers = self._engine.peers
        for peer in self._engine.flood.relay_to(
            origin=came_from, came_from=came_from, peers=peers.connected()
        ):
            self._send(peer, taken)
        self._engine.tell_pending()

    def try_early(self) -> None:
        """The state moved: what was too early may be welcome now, what came late is forgotten."""
        early, self._early = self._early, OrderedDict()
        by_hub: dict[str, list[_Early]] = {}
        for candidate in early.values():
            by_hub.setdefault(candidate.hub, []).append(candidate)
        for hub, candidates in by_hub.items():
            self._admit(candidates, hub)

    def _take(self, candidate: _Early) -> bool:
        engine, record = self._engine, candidate.record
        try:
            check(engine.chain.head.state, record, time_ms=engine.chain.head.header.time_ms)
            is_new = engine.pool.add(record, now_ms=engine.clock.monotonic_ms())
        except Inadmissible as reason:
            if reason.code in _HOPELESS:
                engine.flood.note(record.raw)  # nothing will ever change that
            else:
                self._keep_for_later(candidate)
            logger.debug("a flooded record was not taken: %s", reason)
            return False
        except PoolFull:
            return False
        engine.flood.note(record.raw)
        return is_new

    def _keep_for_later(self, candidate: _Early) -> None:
        of_hub = sum(1 for each in self._early.values() if each.hub == candidate.hub)
        if candidate.tries > 0 and len(self._early) < EARLY_RECORDS and of_hub < EARLY_PER_HUB:
            self._early[candidate.record.id] = candidate._replace(tries=candidate.tries - 1)


def parts(raws: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """The records in messages of a decent size, in order."""
    found: list[tuple[bytes, ...]] = []
    part: list[bytes] = []
    size = 0
    for raw in raws:
        if part and (len(part) >= FLOOD_RECORDS or size + len(raw) > FLOOD_BYTES):
            found.append(tuple(part))
            part, size = [], 0
        part.append(raw)
        size += len(raw)
    return [*found, tuple(part)] if part else found
