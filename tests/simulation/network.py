"""Links that lose, delay, duplicate, reorder and break, one direction at a time."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Weather:
    """How bad the links are at the moment. Probabilities, and milliseconds."""

    loss: float = 0.0
    duplicates: float = 0.0
    delay_ms: tuple[int, int] = (1, 4)
    stragglers: float = 0.0
    """How many messages take up to `straggle_ms` longer: they are overtaken."""
    straggle_ms: int = 0


@dataclass
class Network:
    """Who reaches whom, and when."""

    chance: random.Random
    later: Callable[..., None]
    """`later(delay_ms, function, *arguments)`."""
    weather: Weather = field(default_factory=Weather)
    cut: set[tuple[str, str]] = field(default_factory=set)
    """Directed: (from, to)."""
    faults: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    holds: Callable[[str, str, Any], bool] | None = None
    """`holds(sender, receiver, message)`: a script keeps this message back."""
    held: list[tuple[str, str, Any]] = field(default_factory=list)

    def reaches(self, sender: str, receiver: str) -> bool:
        """Is the directed link whole?"""
        return (sender, receiver) not in self.cut

    def send(
        self, sender: str, receiver: str, message: Any, deliver: Callable[[str, Any], None]
    ) -> None:
        """Calls `deliver(sender, message)` later, never, or twice."""
        if not self.reaches(sender, receiver):
            self.faults["cut off"] += 1
            return
        if self.holds is not None and self.holds(sender, receiver, message):
            self.held.append((sender, receiver, message))
            return
        self.sent += 1
        weather, chance = self.weather, self.chance
        copies = 1
        if weather.loss and chance.random() < weather.loss:
            self.faults["lost"] += 1
            return
        if weather.duplicates and chance.random() < weather.duplicates:
            self.faults["duplicated"] += 1
            copies = 2
        for _ in range(copies):
            delay = chance.randint(*weather.delay_ms)
            if weather.stragglers and chance.random() < weather.stragglers:
                self.faults["delayed"] += 1
                delay += chance.randint(1, weather.straggle_ms)
            self.later(delay, deliver, sender, message)
