"""How a lock behaves: bolt, latch, door contact, battery and the timers between them.

May live here: a frozen state, and functions from state and given time to the next one. May not:
clocks, chance, hubs, keys or `async`. Whether the bolt jams is something the world decides, so it
comes in with the input. Times are milliseconds of whatever clock the caller keeps.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil
from typing import Final

from homechain_devices.lock.description import AUTO_RELOCK_MAX_S
from homechain_devices.steps import Change, Step

UNLATCH_HOLD_MS: Final = 5_000
"""The motor pulls the latch this long, then lets it spring back."""
RELOCK_RETRY_MS: Final = 30_000
"""After a jam the lock tries again to lock itself, this much later."""
AJAR_AFTER_MS: Final = 120_000
LOW_BATTERY_PERCENT: Final = 20
DRAIN_PER_MOVE_PERCENT: Final = 0.02
"""Some 5,000 moves of the bolt a set of batteries."""
DRAIN_PER_JAM_PERCENT: Final = 0.1
DRAIN_PER_DAY_PERCENT: Final = 0.1
_DAY_MS: Final = 86_400_000


class Bolt(StrEnum):
    """Where the bolt is, as far as the lock can feel it."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    UNLATCHED = "unlatched"
    """Unlocked, with the latch pulled back: the door can be pushed open."""
    JAMMED = "jammed"


class Door(StrEnum):
    """What the door contact says."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock at one moment. Each method answers with the lock after it."""

    now_ms: int
    bolt: Bolt = Bolt.LOCKED
    door: Door = Door.CLOSED
    charge_percent: float = 100.0
    auto_relock_s: int = 30
    relock_at_ms: int | None = None
    unlatched_until_ms: int | None = None
    opened_at_ms: int | None = None
    """When the door was opened; None when it is closed or `ajar` has been said."""

    @property
    def battery(self) -> int:
        """Whole percent begun, as the lock reports it: 0 only when it is empty."""
        return ceil(self.charge_percent)

    def properties(self) -> tuple[Change, ...]:
        """All properties as they are."""
        return (
            Change("bolt", str(self.bolt)),
            Change("door", str(self.door)),
            Change("battery", self.battery),
            Change("auto_relock_s", self.auto_relock_s),
        )

    def lock(self, *, now_ms: int, jams: bool = False) -> Step["Lock"]:
        """Throw the bolt with the motor."""
        if self.bolt is Bolt.LOCKED:
            return self.advance(now_ms=now_ms)
        if self.door is Door.OPEN:
            return _failed(self.advance(now_ms=now_ms), "the door is open")
        return _move(self, Bolt.LOCKED, now_ms=now_ms, jams=jams)

    def unlock(self, *, now_ms: int, jams: bool = False) -> Step["Lock"]:
        """Draw the bolt with the motor."""
        if self.bolt is Bolt.UNLOCKED:
            return _keep_open(self, now_ms=now_ms)
        return _move(self, Bolt.UNLOCKED, now_ms=now_ms, jams=jams)

    def unlatch(self, *, now_ms: int, jams: bool = False) -> Step["Lock"]:
        """Draw the bolt and hold the latch back for `UNLATCH_HOLD_MS`."""
        return _move(self, Bolt.UNLATCHED, now_ms=now_ms, jams=jams)

    def set_auto_relock(self, seconds: int, *, now_ms: int) -> Step["Lock"]:
        """Lock by itself `seconds` after being unlocked; 0 for never."""
        assert 0 <= seconds <= AUTO_RELOCK_MAX_S
        before = self.advance(now_ms=now_ms)
        lock = replace(before.state, auto_relock_s=seconds)
        lock = replace(lock, relock_at_ms=_relock_time(lock))
        return _after(before, lock, Change("auto_relock_s", seconds))

    def turn_by_hand(self, bolt: Bolt, *, now_ms: int) -> Step["Lock"]:
        """Somebody turns the knob or a key: to `LOCKED` or `UNLOCKED`. Costs no battery."""
        assert bolt in (Bolt.LOCKED, Bolt.UNLOCKED)
        before = self.advance(now_ms=now_ms)
        if bolt is before.state.bolt:
            return before
        return _with_bolt(bolt, before=before)

    def open_door(self, *, now_ms: int) -> Step["Lock"]:
        """The door contact opens. With the bolt thrown, that is a break-in."""
        before = self.advance(now_ms=now_ms)
        if before.state.door is Door.OPEN:
            return before
        lock = replace(before.state, door=Door.OPEN, opened_at_ms=now_ms)
        changes = [Change("door", str(Door.OPEN))]
        if lock.bolt is Bolt.LOCKED:
            changes.append(Change("forced", True))
        return _after(before, lock, *changes)

    def close_door(self, *, now_ms: int) -> Step["Lock"]:
        """The door contact closes; the time until the lock locks itself begins anew."""
        before = self.advance(now_ms=now_ms)
        if before.state.door is Door.CLOSED:
            return before
        lock = replace(before.state, door=Door.CLOSED, opened_at_ms=None)
        lock = replace(lock, relock_at_ms=_relock_time(lock))
        return _after(before, lock, Change("door", str(Door.CLOSED)))

    def locks_itself(self, *, now_ms: int) -> bool:
        """Whether the motor throws the bolt by itself when time passes until `now_ms`."""
        due = self.relock_at_ms is not None and now_ms >= self.relock_at_ms
        return due and self.door is Door.CLOSED and self.bolt is not Bolt.LOCKED

    def restarted(self, *, now_ms: int) -> "Lock":
        """The lock after its electronics were off; the springs worked, the timers begin anew."""
        bolt = Bolt.UNLOCKED if self.bolt is Bolt.UNLATCHED else self.bolt
        lock = replace(
            self,
            now_ms=now_ms,
            bolt=bolt,
            unlatched_until_ms=None,
            opened_at_ms=now_ms if self.door is Door.OPEN else None,
        )
        return replace(lock, relock_at_ms=_relock_time(lock))

    def advance(self, *, now_ms: int, jams: bool = False) -> Step["Lock"]:
        """Let time pass until `now_ms`: the latch springs back, the bolt goes home, the door ajar.

        `jams` says whether the bolt would jam if it moved by itself now.
        """
        elapsed_ms = max(0, now_ms - self.now_ms)
        idle_percent = elapsed_ms * DRAIN_PER_DAY_PERCENT / _DAY_MS
        step = _drained(replace(self, now_ms=self.now_ms + elapsed_ms), idle_percent)
        lock = step.state
        if lock.unlatched_until_ms is not None and now_ms >= lock.unlatched_until_ms:
            lock = replace(lock, bolt=Bolt.UNLOCKED, unlatched_until_ms=None)
            step = _after(step, lock, Change("bolt", str(Bolt.UNLOCKED)))
        if lock.opened_at_ms is not None and now_ms >= lock.opened_at_ms + AJAR_AFTER_MS:
            lock = replace(lock, opened_at_ms=None)
            step = _after(step, lock, Change("ajar", True))
        if lock.locks_itself(now_ms=now_ms):
            moved = _move(lock, Bolt.LOCKED, now_ms=now_ms, jams=jams)
            step = Step(moved.state, step.changes + moved.changes)
        return step


def _move(lock: Lock, bolt: Bolt, *, now_ms: int, jams: bool) -> Step[Lock]:
    """The motor tries to bring the bolt there, from wherever it is."""
    before = replace(lock, relock_at_ms=None, unlatched_until_ms=None).advance(now_ms=now_ms)
    if before.state.charge_percent <= 0:
        # The latch is on a spring and comes back without the battery; the bolt does not.
        stuck = replace(before.state, unlatched_until_ms=lock.unlatched_until_ms)
        return Step(stuck, before.changes, "the battery is empty")
    if jams:
        used = _drained(before.state, DRAIN_PER_JAM_PERCENT)
        jammed = replace(
            used.state,
            bolt=Bolt.JAMMED,
            relock_at_ms=used.state.now_ms + RELOCK_RETRY_MS if lock.auto_relock_s else None,
        )
        changed = (Change("bolt", str(Bolt.JAMMED)), Change("jammed", True))
        return Step(jammed, before.changes + used.changes + changed, "the bolt is jammed")
    used = _drained(before.state, DRAIN_PER_MOVE_PERCENT)
    return _with_bolt(bolt, before=Step(used.state, before.changes + used.changes))


def _with_bolt(bolt: Bolt, *, before: Step[Lock]) -> Step[Lock]:
    now_ms = before.state.now_ms
    lock = replace(
        before.state,
        bolt=bolt,
        unlatched_until_ms=now_ms + UNLATCH_HOLD_MS if bolt is Bolt.UNLATCHED else None,
    )
    lock = replace(lock, relock_at_ms=_relock_time(lock))
    return _after(before, lock, Change("bolt", str(bolt)))


def _keep_open(lock: Lock, *, now_ms: int) -> Step[Lock]:
    """Unlocked again while unlocked: the time until the lock locks itself begins anew."""
    before = replace(lock, relock_at_ms=None).advance(now_ms=now_ms)
    return _after(before, replace(before.state, relock_at_ms=_relock_time(before.state)))


def _relock_time(lock: Lock) -> int | None:
    if lock.auto_relock_s == 0 or lock.bolt is Bolt.LOCKED:
        return None
    return lock.now_ms + lock.auto_relock_s * 1_000


def _drained(lock: Lock, percent: float) -> Step[Lock]:
    drained = replace(lock, charge_percent=max(0.0, lock.charge_percent - percent))
    if drained.battery == lock.battery:
        return Step(drained)
    changes = [Change("battery", drained.battery)]
    if drained.battery <= LOW_BATTERY_PERCENT < lock.battery:
        changes.append(Change("low_battery", True))
    return Step(drained, tuple(changes))


def _after(before: Step[Lock], lock: Lock, *changes: Change) -> Step[Lock]:
    return Step(lock, before.changes + changes)


def _failed(step: Step[Lock], reason: str) -> Step[Lock]:
    return Step(step.state, step.changes, reason)
