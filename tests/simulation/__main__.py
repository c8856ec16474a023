"""`python -m tests.simulation --seeds N --from K`: many homes, one JSON line at the end.

Exit code 0 only without violations. A failing seed prints the line that replays it.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from tests.simulation.history import Outcome, draw, play


def main() -> int:
    """Runs the seeds and reports."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", dest="start", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    seeds = range(options.start, options.start + options.seeds)
    started = time.perf_counter()
    if options.jobs > 1 and len(seeds) > 1:
        with ProcessPoolExecutor(options.jobs) as pool:
            outcomes = list(pool.map(play, seeds, chunksize=4))
    else:
        outcomes = [play(seed) for seed in seeds]
    for outcome in outcomes:
        if outcome.violation is not None:
            print(f"seed {outcome.seed}: {outcome.violation[:600]}", file=sys.stderr)
            print(f"  {draw(outcome.seed)}", file=sys.stderr)
            print(f"  python -m tests.simulation --seeds 1 --from {outcome.seed}", file=sys.stderr)
    print(json.dumps(summary(outcomes, time.perf_counter() - started)))
    return 1 if any(outcome.violation for outcome in outcomes) else 0


def summary(outcomes: list[Outcome], wall_seconds: float) -> dict[str, Any]:
    """The one line."""
    faults: Counter[str] = Counter()
    for outcome in outcomes:
        faults.update(outcome.faults)
    return {
        "seeds": len(outcomes),
        "simulated_seconds": round(sum(o.simulated_ms for o in outcomes) / 1000),
        "wall_seconds": round(wall_seconds, 1),
        "faults": dict(sorted(faults.items())),
        "elections": sum(o.elections for o in outcomes),
        "commits": sum(o.commits for o in outcomes),
        "records": sum(o.records for o in outcomes),
        "violations": sum(o.violation is not None for o in outcomes),
    }


if __name__ == "__main__":
    sys.exit(main())
