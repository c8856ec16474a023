"""What happens by chance in a simulated home, drawn from a seed: who comes, what moves.

May live here: plans over given time. May not: clocks, or devices that the plans are for.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class HandAct(StrEnum):
    """What somebody at the door does with their hands."""

    TURN_TO_UNLOCKED = "turn to unlocked"
    OPEN_DOOR = "open the door"
    CLOSE_DOOR = "close the door"
    TURN_TO_LOCKED = "turn to locked"


@dataclass(frozen=True, slots=True)
class _Due:
    at_ms: int
    act: HandAct


class Visitors:
    """People who come through a door without asking the home."""

    def __init__(self, chance: Random, *, per_hour: float, now_ms: int) -> None:
        """`per_hour` visits on average; 0 for an empty house."""
        self._chance = chance
        self._per_hour = per_hour
        self._plan: list[_Due] = []
        if per_hour > 0:
            self._plan = self._visit_after(now_ms)

    def due(self, now_ms: int) -> list[HandAct]:
        """What has been done since the last call."""
        acts = []
        while self._plan and self._plan[0].at_ms <= now_ms:
            due = self._plan.pop(0)
            acts.append(due.act)
            if not self._plan:
                self._plan = self._visit_after(due.at_ms)
        return acts

    def _visit_after(self, now_ms: int) -> list[_Due]:
        come_ms = now_ms + int(self._chance.expovariate(self._per_hour) * 3_600_000)
        open_ms = come_ms + self._chance.randint(800, 3_000)
        close_ms = open_ms + self._chance.randint(3_000, 12_000)
        plan = [
            _Due(come_ms, HandAct.TURN_TO_UNLOCKED),
            _Due(open_ms, HandAct.OPEN_DOOR),
            _Due(close_ms, HandAct.CLOSE_DOOR),
        ]
        if self._chance.random() < 0.5:
            plan.append(_Due(close_ms + self._chance.randint(500, 2_000), HandAct.TURN_TO_LOCKED))
        return plan


class Movements:
    """Something that crosses a camera's view from time to time."""

    def __init__(self, chance: Random, *, per_hour: float, now_ms: int) -> None:
        """`per_hour` crossings on average; 0 for a quiet street."""
        self._chance = chance
        self._per_hour = per_hour
        self._begin_ms = self._end_ms = -1
        if per_hour > 0:
            self._plan_after(now_ms)

    def progress(self, now_ms: int) -> float | None:
        """How far across the view it is, from 0 to 1; None when nothing moves."""
        if self._per_hour <= 0:
            return None
        if now_ms >= self._end_ms:
            self._plan_after(now_ms)
        if now_ms < self._begin_ms:
            return None
        return (now_ms - self._begin_ms) / (self._end_ms - self._begin_ms)

    def _plan_after(self, now_ms: int) -> None:
        self._begin_ms = now_ms + int(self._chance.expovariate(self._per_hour) * 3_600_000)
        self._end_ms = self._begin_ms + self._chance.randint(6_000, 20_000)
