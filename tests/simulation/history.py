"""One seed, one history: which faults are drawn, how bad, and what must hold afterwards."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from homechain.consensus.timing import Timing
from tests.simulation.network import Weather
from tests.simulation.notary import Violation
from tests.simulation.world import HUBS, Change, World

LIVENESS_MS = 30_000
"""After the faults stop, everything must be final within this virtual time."""
FAULTS_MS = (5_000, 40_000)
SPARE_HUBS = 2


@dataclass(frozen=True, slots=True)
class Climate:
    """What a seed draws. A fault that is not drawn does not happen: mixtures find more."""

    hubs: int
    fault_ms: int
    loss: float
    duplicates: float
    stragglers: float
    crash_every_ms: int | None
    crash_chance: float
    partition_every_ms: int | None
    one_way: bool
    slow_disk: bool
    change_every_ms: int | None
    submit_every_ms: int


def draw(seed: int) -> Climate:
    """Of the named ranges."""
    chance = random.Random(seed ^ 0x5EED)

    def maybe(value: float, odds: float = 0.5) -> float:
        return value if chance.random() < odds else 0

    return Climate(
        hubs=chance.choice((1, 2, 3, 3, 3, 4, 4, 5, 6, 7)),
        fault_ms=chance.randint(*FAULTS_MS),
        loss=maybe(chance.choice((0.01, 0.05, 0.2, 0.5))),
        duplicates=maybe(chance.choice((0.02, 0.2))),
        stragglers=maybe(chance.choice((0.02, 0.2))),
        crash_every_ms=int(maybe(chance.choice((1_000, 3_000, 10_000)))) or None,
        crash_chance=maybe(chance.choice((0.0005, 0.005)), 0.4),
        partition_every_ms=int(maybe(chance.choice((1_000, 4_000, 10_000)))) or None,
        one_way=chance.random() < 0.5,
        slow_disk=chance.random() < 0.2,
        change_every_ms=int(maybe(chance.choice((2_000, 6_000)), 0.35)) or None,
        submit_every_ms=chance.choice((20, 100, 500, 3_000)),
    )


@dataclass
class Outcome:
    """What came of one seed."""

    seed: int
    simulated_ms: int = 0
    wall_seconds: float = 0.0
    trace: str = ""
    violation: str | None = None
    elections: int = 0
    commits: int = 0
    records: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class History:
    """Runs one seed."""

    def __init__(self, seed: int) -> None:
        self.climate = climate = draw(seed)
        spare = SPARE_HUBS if climate.change_every_ms else 0
        names = HUBS[: min(len(HUBS), climate.hubs + spare)]
        self.world = World(
            seed=seed,
            names=names,
            members=names[: climate.hubs],
            timing=Timing(election_timeout_limit_ms=8_000),
        )
        self.chance = random.Random(seed ^ 0xFA117)
        self.faulty = True

    def run(self) -> None:
        """`Violation` if anything that must hold does not."""
        world, climate = self.world, self.climate
        world.crash_chance = climate.crash_chance
        if climate.slow_disk:
            world.disk_ms = (5, 120)
        world.network.weather = Weather(
            loss=climate.loss,
            duplicates=climate.duplicates,
            stragglers=climate.stragglers,
            straggle_ms=1_500,
        )
        world.start()
        self.again(climate.submit_every_ms, self.submit)
        self.again(climate.crash_every_ms, self.crash)
        self.again(climate.partition_every_ms, self.partition)
        self.again(climate.change_every_ms, self.change)
        world.run(climate.fault_ms)
        self.calm()
        self.settle()
        world.checkers.at_the_end()

    def again(self, every_ms: int | None, action: "object") -> None:
        """Repeats `action` at random intervals around `every_ms` while the faults last."""
        if every_ms is None or not callable(action):
            return

        def act() -> None:
            if self.faulty:
                action()
                self.world.later(self.chance.randint(every_ms // 2, every_ms * 3 // 2), act)

        self.world.later(self.chance.randint(0, every_ms), act)

    # ------------------------------------------------------------------ load and faults

    def submit(self) -> None:
        self.world.submit(self.chance.choice(self.world.names))

    def crash(self) -> None:
        alive = sorted(self.world.runners)
        if alive:
            self.world.crash(self.chance.choice(alive))

    def partition(self) -> None:
        """Two sides, or one hub cut in one direction, or one link; heals by itself."""
        names, chance, cut = self.world.names, self.chance, self.world.network.cut
        if len(names) < 2:
            return
        kind = chance.choice(("sides", "alone", "link"))
        if kind == "link":
            pairs = [tuple(chance.sample(names, 2))]
        else:
            size = 1 if kind == "alone" else chance.randint(1, len(names) - 1)
            side = set(chance.sample(names, size))
            pairs = [(a, b) for a in names for b in names if (a in side) != (b in side)]
        if self.climate.one_way and chance.random() < 0.5:
            first = pairs[0][0]
            pairs = [(a, b) for a, b in pairs if a == first or (kind == "sides" and a < b)]
            self.world.faults["one-way cut"] += 1
        else:
            pairs += [(b, a) for a, b in pairs]
            self.world.faults["partition"] += 1
        new = {(a, b) for a, b in pairs} - cut
        cut |= new
        for a, b in sorted(new):
            if chance.random() < 0.5:
                self.world.later(chance.randint(500, 6_000), self.world.link_lost, b, a)
        self.world.later(chance.randint(200, 8_000), self.heal, new)

    def heal(self, pairs: set[tuple[str, str]]) -> None:
        self.world.network.cut -= pairs
        for name in sorted({a for a, _ in pairs}):
            runner = self.world.runners.get(name)
            if runner is not None:
                runner.announce()

    def change(self) -> None:
        """An owner adds a hub that is caught up, or removes one."""
        world, chance = self.world, self.chance
        members = world.checkers.members()
        outside = [
            name
            for name in world.names
            if name not in members and name in world.runners
            and len(world.disks[name].finals) >= len(world.checkers.chain) - 2
        ]  # fmt: skip
        name = chance.choice(members)
        if outside and len(members) < 7 and (len(members) == 1 or chance.random() < 0.5):
            world.submit(name, Change(add=chance.choice(outside)))
            world.faults["hub added"] += 1
        elif len(members) > 1:
            world.submit(name, Change(remove=chance.choice(members)))
            world.faults["hub removed"] += 1

    # ------------------------------------------------------------------ afterwards

    def calm(self) -> None:
        """All faults stop, all hubs run."""
        world = self.world
        self.faulty = False
        world.crash_chance = 0.0
        world.disk_ms = (1, 3)
        world.network.weather = Weather()
        self.heal(set(world.network.cut))
        world.start()

    def settle(self) -> None:
        """Liveness: what waits, and one record more, becomes final everywhere."""
        world = self.world
        probe = world.submit(world.checkers.members()[0])
        stop = world.now_ms + LIVENESS_MS
        world.run(stop, stop=world.checkers.everything_is_final)
        if not world.checkers.everything_is_final() or probe not in world.checkers.place:
            state = {
                name: (
                    runner.core.role,
                    runner.core.epoch,
                    runner.core.term,
                    runner.core.committed_height,
                    len(runner.pending),
                )
                for name, runner in sorted(world.runners.items())
            }
            raise Violation(f"not live {LIVENESS_MS // 1000} s after the faults: {state}")


def play(seed: int) -> Outcome:
    """Runs one seed and says what came of it; never raises for what the core did."""
    outcome = Outcome(seed)
    started = time.perf_counter()
    history = History(seed)
    try:
        history.run()
    except Exception as error:  # noqa: BLE001 - any exception of the core is a finding
        outcome.violation = f"{type(error).__name__}: {error}"
    world = history.world
    outcome.simulated_ms = world.now_ms
    outcome.wall_seconds = time.perf_counter() - started
    outcome.trace = world.trace_hash()
    outcome.elections = len(world.checkers.elections)
    outcome.commits = len(world.checkers.chain)
    outcome.records = len(world.checkers.place)
    outcome.faults = world.faults
    return outcome
