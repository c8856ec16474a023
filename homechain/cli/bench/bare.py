"""What the machine can do without homechain, in the same run: the measure for everything else."""

import os
import statistics
import time
from pathlib import Path
from typing import Final

from homechain.cli.bench.figures import Figure
from homechain.cli.bench.home import Plan
from homechain.crypto.keys import PrivateKey

MESSAGE_BYTES: Final = 384
"""About what is signed of a record with one reading."""
VERIFY_BATCH: Final = 200
VERIFY_RUN_S: Final = 0.5
SYNC_BYTES: Final = 4_096
SYNCS: Final = 100


def measure_verifications(plan: Plan) -> list[Figure]:
    """Ed25519 verifications in one second of one core, by the routine that hubs use."""
    values = [verifications_per_s(run_s=VERIFY_RUN_S) for _ in range(plan.runs)]
    return [plan.figure("verify", "1/s of a core", values)]


def measure_syncs(plan: Plan, place: Path, *, name: str) -> list[Figure]:
    """How long the disk takes to keep 4 KiB at the end of a file in `place`."""
    values = [1000 * sync_s(place, syncs=SYNCS) for _ in range(plan.runs)]
    return [plan.figure(name, "ms", values)]


def verifications_per_s(*, run_s: float) -> float:
    """For each second of processor time; measured for about `run_s` of it.

    Processor time, because hubs' costs are in it, too, and the machine may have other work.
    """
    key = PrivateKey.from_seed(bytes(range(32)))
    messages = [number.to_bytes(4, "big") * (MESSAGE_BYTES // 4) for number in range(VERIFY_BATCH)]
    signed = [(key.sign(message), message) for message in messages]
    done = 0
    began_s = time.thread_time()
    while (passed_s := time.thread_time() - began_s) < run_s or not done:
        assert all(key.public.verify(signature, message) for signature, message in signed)
        done += VERIFY_BATCH
    return done / passed_s


def sync_s(place: Path, *, syncs: int) -> float:
    """Median of `syncs` appends with fsync."""
    path = place / "fsync-probe"
    marks = []
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(syncs):
                began_s = time.perf_counter()
                file.write(bytes(SYNC_BYTES))
                os.fsync(file.fileno())
                marks.append(time.perf_counter() - began_s)
    finally:
        path.unlink(missing_ok=True)
    return statistics.median(marks)
