"""How commands speak: sentences and tables for people, one JSON document for scripts."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def say(text: str) -> None:
    """One line to the person at the terminal."""
    print(printable(text), flush=True)


def warn(text: str) -> None:
    """One line beside the output, so that a script's pipe stays clean."""
    print(printable(text), file=sys.stderr, flush=True)


def emit(value: Any) -> None:
    """One JSON document."""
    print(json.dumps(msgspec.to_builtins(value), ensure_ascii=False), flush=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table in plain text; nothing in a cell can move the cursor."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not cells:
        say("nothing yet")
        return
    widths = [
        max(len(heading), *(len(row[column]) for row in cells))
        for column, heading in enumerate(headings)
    ]
    for row in ([heading.upper() for heading in headings], *cells):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """`text` with control and format characters shown as escapes: names come from strangers."""
    return "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}" for character in text
    )
