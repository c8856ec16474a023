"""What a process takes of its machine, as Linux counts it (proc(5))."""

import os
from pathlib import Path
from typing import Final

from msgspec import Struct

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
PROCESSES: Final = Path("/proc")


class Usage(Struct, frozen=True, kw_only=True):
    """Of one process, all its threads."""

    cpu_s: float
    """Since its start, in user and kernel mode."""
    resident_bytes: int


def usage_of(process_id: int) -> Usage:
    """What the process has taken so far; `OSError` if it is gone."""
    directory = PROCESSES / str(process_id)
    return Usage(
        cpu_s=cpu_seconds((directory / "stat").read_text(encoding="utf-8", errors="replace")),
        resident_bytes=resident_bytes((directory / "status").read_text(encoding="utf-8")),
    )


def busy_s() -> float:
    """Processor time of everything that runs on this machine, all cores, since it started."""
    return busy_seconds((PROCESSES / "stat").read_text(encoding="utf-8"))


def busy_seconds(stat: str) -> float:
    """From the text of `/proc/stat`: neither idle nor waiting; `user` includes guests."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_S


def cpu_seconds(stat: str) -> float:
    """From the text of `/proc/PID/stat`: fields 14 and 15, in ticks."""
    # The second field is the program's name in brackets, and a name may hold brackets and spaces.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_bytes(status: str) -> int:
    """From the text of `/proc/PID/status`: VmRSS."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmRSS":
            return int(value.split()[0]) * 1024
    raise ValueError("a running process has a VmRSS line")
