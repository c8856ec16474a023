"""What people may call things: one line of plain text that no terminal takes for anything else.

May live here: rules over text. `forbidden_character` decides what may stand in a record at all and
must give the same answer on every hub for ever, so it is a fixed table. The finer rules (NFC,
graphemes) follow Python's Unicode tables, which differ between versions: they are checked where a
record arrives, never where a block is judged.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from homechain.model import limits

MARKS_PER_GRAPHEME: Final = 4
"""Most combining marks on one character: more would climb over other lines of a terminal."""

_FORBIDDEN: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters: escape sequences, line breaks
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"  # format characters
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidirectional controls
    "\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff\ue000-\uf8ff"  # surrogates, private use
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags and variation supplements: invisible text
    "\U000f0000-\U0010ffff"  # private use
    "\u115f\u1160\u3164\uffa0\u2800"  # blanks that pass for letters
    "]"
)


class BadName(ValueError):
    """The text may not be a name; the message says why."""


def forbidden_character(text: str) -> str | None:
    """The first character that may stand in no name: control, format, bidirectional, invisible."""
    match = _FORBIDDEN.search(text)
    return match.group() if match else None


def check_name(text: str) -> None:
    """Raise `BadName` unless `text` is a name exactly as it stands.

    A name is NFC, has 1 to 64 graphemes and no forbidden character, does not begin or end with a
    space, is not blank, and stacks no more than four marks on a character.
    """
    if (bad := forbidden_character(text)) is not None:
        raise BadName(f"the character U+{ord(bad):04X} may not stand in a name")
    if not text.strip():
        raise BadName("a name is not blank")
    if text != text.strip():
        raise BadName("a name does not begin or end with a space")
    if not unicodedata.is_normalized("NFC", text):
        raise BadName("the text is not in normal form C")
    if len(text.encode("utf-8")) > limits.NAME_BYTES:
        raise BadName(f"a name has at most {limits.NAME_BYTES} bytes")
    sizes = _grapheme_sizes(text)
    if len(sizes) > limits.NAME_GRAPHEMES:
        raise BadName(f"a name has at most {limits.NAME_GRAPHEMES} characters")
    if max(sizes) > 1 + MARKS_PER_GRAPHEME:
        raise BadName(f"a character carries at most {MARKS_PER_GRAPHEME} marks")


def clean_name(text: str) -> str:
    """The name that somebody meant who typed `text`: outer space off, inner space single, NFC.

    Raises `BadName` where that is no name either. For whoever signs; a record that arrives is
    checked as it stands.
    """
    name = unicodedata.normalize("NFC", " ".join(text.split(" ")).strip())
    name = re.sub(" {2,}", " ", name)
    check_name(name)
    return name


def confusable_with(name: str, others: Iterable[str]) -> str | None:
    """The first of `others` that a resident could take for `name` though it differs, or None.

    Compares skeletons after UTS 39, section 4, with a small table of look-alikes of Latin, Greek
    and Cyrillic letters and digits. A hint to be shown beside a fingerprint, not a refusal.
    """
    skeleton = _skeleton(name)
    for other in others:
        if other != name and _skeleton(other) == skeleton:
            return other
    return None


def _grapheme_sizes(text: str) -> list[int]:
    """Code points of each grapheme, near enough to UAX 29 for counting."""
    sizes: list[int] = []
    flag_halves = 0
    for character in text:
        is_flag_half = "\U0001f1e6" <= character <= "\U0001f1ff"
        extends = (
            unicodedata.category(character) in ("Mn", "Mc", "Me")
            or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
            or (is_flag_half and flag_halves % 2 == 1)
        )
        flag_halves = flag_halves + 1 if is_flag_half else 0
        if extends and sizes:
            sizes[-1] += 1
        else:
            sizes.append(1)
    return sizes


_LOOK_ALIKES: Final = str.maketrans(
    {
        **dict(zip("аеорсухіјѕԁһӏкмтвнгпь", "aeopcyxijsdhlkmtbhrnb", strict=True)),
        **dict(zip("αβγειικνορτυχωη", "abyeiikvoptuxwn", strict=True)),
        **dict(zip("ıɩɑɡⅼոսօհ0135689|!", "iiagmnuohoiesbbgii", strict=True)),
        "l": "i",
        "ß": "b",
        "þ": "p",
        "ø": "o",
        "đ": "d",
        "ł": "i",
    }
)


def _skeleton(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(c for c in folded if unicodedata.category(c)[0] in "LNPS")
    swapped = letters.translate(_LOOK_ALIKES).translate(_LOOK_ALIKES)
    return swapped.replace("rn", "m").replace("vv", "w")
