"""The keys, on one page."""

from typing import Final

from textual.content import Content

from homechain_tui.plain_text import styled
from homechain_tui.sentences import ALARM, BY_HAND, CHANGE, DENIED, DONE, WAITING

_PAGES: Final = (
    (
        "Everywhere",
        (
            ("1 … 5", "Home, Device, Access, Requests, Mesh"),
            ("Tab", "to the next list; arrows move in it, Enter opens"),
            ("Ctrl+P", "all commands and devices, by name"),
            ("Ctrl+R", "read everything again"),
            ("Esc", "back, nothing done"),
            ("q", "leave"),
        ),
    ),
    ("Home", (("l  u", "lock, unlock the chosen door"), ("Enter", "the device, or the record"))),
    (
        "Device",
        (
            ("l u o", "lock, unlock, open a door"),
            ("s p", "take a picture, switch privacy"),
            ("- +", "colder, warmer; m mode, h hold, r resume"),
            ("a w", "all actions; who may do what"),
            ("[ ]", "the device before, the next one"),
        ),
    ),
    (
        "Access",
        (("g x", "give, revoke a grant"), ("e n", "may they, and why? take somebody in")),
    ),
    ("Requests", (("Enter d w", "approve, put aside, let a hub join"),)),
    ("Mesh", (("r", "remove a hub"),)),
)
_MARKS: Final = (
    (DONE, "done"),
    (DENIED, "denied, refused, failed"),
    (WAITING, "under way"),
    (BY_HAND, "by hand or unknown"),
    (ALARM, "alarm"),
    (CHANGE, "something else"),
)


def help_content() -> Content:
    """Keys and marks."""
    parts: list[str | tuple[str, str]] = []
    for title, keys in _PAGES:
        parts.append((f"{title}\n", "bold $accent"))
        for key, words in keys:
            parts += [(f"  {key:<10}", "bold"), f"{words}\n"]
    parts.append(("Marks of what happened\n  ", "bold $accent"))
    parts += [f"{mark} {words}   " for mark, words in _MARKS]
    return styled(*parts)
