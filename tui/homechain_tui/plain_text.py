"""Words of strangers, made safe to show: devices and persons choose their names.

Nothing of them may steer the terminal, reorder a line, hide, or climb over other lines. Whoever
shows a text that came from a record passes it through `plain` and builds `Content` from it; markup
is never parsed. (The style below never reads a name: styles are ours.)
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec
from rich.cells import cell_len
from textual.content import Content

from homechain.ledger.names import MARKS_PER_GRAPHEME, confusable_with, forbidden_character

SHOWN_CHARACTERS: Final = 256
"""Longest text of a stranger on one line; the rest is cut off with an ellipsis."""
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: object, *, limit: int = SHOWN_CHARACTERS) -> str:
    """`text` on one line without anything a terminal could obey; `(no name)` if nothing is left."""
    words: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", str(text)[: limit * 4]):
        category = unicodedata.category(character)
        if category in ("Mn", "Mc", "Me"):
            marks += 1
            # A variation selector changes a character's width behind the terminal's back.
            if marks > MARKS_PER_GRAPHEME or "\ufe00" <= character <= "\ufe0f" or not words:
                continue
            words.append(character)
            continue
        marks = 0
        if character.isspace():
            words.append(" ")
        elif category not in _HIDDEN_CATEGORIES and forbidden_character(character) is None:
            words.append(character)
    line = " ".join("".join(words).split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return line or "(no name)"


def plain_json(value: Any, *, limit: int = 4_000) -> str:
    """A record's payload as indented JSON, each line cleaned."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    lines = (_kept_indent(line) for line in text[:limit].split("\n"))
    return "\n".join(lines)


def fingerprint(did: str) -> str:
    """The end of a key's name, to be compared by eye: `…Xy7QpL2m`."""
    return "…" + plain(did)[-8:]


def warned_name(name: str, *, did: str, others: Iterable[str]) -> str:
    """The name; with a warning and the fingerprint where it could be taken for another one."""
    shown = plain(name)
    twin = _twin(shown, tuple(others))
    if twin is None:
        return shown
    return f"{shown} (! looks like {twin}; key {fingerprint(did)})"


def fitted(text: str, width: int) -> str:
    """`text` in exactly `width` terminal cells: cut with an ellipsis, or filled with spaces."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        while text and cell_len(text) > width - 1:
            text = text[:-1]
        text += "…"
        length = cell_len(text)
    return text + " " * (width - length)


def wrapped(text: str, width: int, *, lines: int) -> list[str]:
    """`text` in at most `lines` lines of `width` cells, broken at spaces where it can be."""
    rows = [""]
    for word in text.split(" "):
        longer = f"{rows[-1]} {word}" if rows[-1] else word
        if cell_len(longer) <= width or not rows[-1]:
            rows[-1] = longer
        else:
            rows.append(word)
    kept = rows[: lines - 1] + ([" ".join(rows[lines - 1 :])] if len(rows) >= lines else [])
    return [fitted(row, max(1, width)).rstrip() for row in kept]


def styled(*parts: str | tuple[str, str]) -> Content:
    """Content of plain strings and (string, style) pairs; strings are never read as markup."""
    return Content.assemble(*parts)


@lru_cache(maxsize=2_048)
def _twin(shown: str, others: tuple[str, ...]) -> str | None:
    """Remembered, because every drawing of a list asks again for every name."""
    return confusable_with(shown, (plain(other) for other in others))


def _kept_indent(line: str) -> str:
    stripped = line.lstrip(" ")
    return " " * (len(line) - len(stripped)) + (plain(stripped) if stripped else "")
