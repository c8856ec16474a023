"""The machine that the figures are of."""

import os
import platform
import sqlite3
from pathlib import Path
from typing import Final

import nacl

PROCESSORS: Final = Path("/proc/cpuinfo")
MEMORY: Final = Path("/proc/meminfo")
MOUNTS: Final = Path("/proc/self/mounts")


def describe_machine(place: Path) -> list[str]:
    """Sentences: processor, memory, system, versions, and the file system of `place`."""
    cores = len(os.sched_getaffinity(0))
    memory = f"{memory_gib(_text(MEMORY)):.1f} GiB"
    python = f"Python {platform.python_version()}"
    return [
        f"{cores} cores, {processor_model(_text(PROCESSORS))}, {platform.machine()}, {memory}",
        f"{platform.system()} {platform.release()}, {file_system(_text(MOUNTS), place)}",
        f"{python}, SQLite {sqlite3.sqlite_version}, PyNaCl {nacl.__version__}",
        f"load average before: {os.getloadavg()[0]:.2f}",
    ]


def processor_model(processors: str) -> str:
    """From the text of `/proc/cpuinfo`; boards without the line say their hardware's name."""
    for wanted in ("model name", "Model", "Hardware"):
        for line in processors.splitlines():
            name, _, value = line.partition(":")
            if name.strip() == wanted and value.strip():
                return value.strip()
    return "unknown processor"


def memory_gib(memory: str) -> float:
    """From the text of `/proc/meminfo`."""
    for line in memory.splitlines():
        name, _, value = line.partition(":")
        if name == "MemTotal":
            return int(value.split()[0]) / 1024**2
    return 0.0


def file_system(mounts: str, place: Path) -> str:
    """From the text of `/proc/self/mounts`: what `place` (absolute) lies on."""
    best, kind = Path("/"), "unknown file system"
    for line in mounts.splitlines():
        _, point, found, *_ = line.split()
        mounted = Path(point.replace("\\040", " "))
        if place.is_relative_to(mounted) and len(mounted.parts) >= len(best.parts):
            best, kind = mounted, found
    return kind


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
