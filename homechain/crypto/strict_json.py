"""JSON with one meaning only, for bytes that somebody signed.

May live here: what makes a JSON text ambiguous or costly. May not: what its members mean.
Two parsers that read one signed text differently (first or last of two equal keys, rounded
integers, half a surrogate pair) would disagree on what was signed, so such texts are refused.
"""

import json
import re
from math import isfinite
from typing import Any, Final, NoReturn

from homechain.crypto.errors import MalformedJson

MAX_DEPTH: Final = 16
MAX_SAFE_INTEGER: Final = 2**53 - 1
"""RFC 8259, section 6: integers beyond it are not read alike everywhere."""

_MAX_INTEGER_CHARACTERS: Final = 17
# A string needs no closing quote here, so the pattern never backtracks on hostile input.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]+|\\.)*"?|[\[\]{}]', re.DOTALL)
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def decode_strict(data: bytes, *, max_depth: int = MAX_DEPTH) -> object:
    """Return the value of a JSON text: dict, list, str, int, float, bool or None.

    Raises `MalformedJson` for bytes that are not UTF-8 JSON (RFC 8259), for a key that occurs
    twice in one object, NaN and infinities, integers beyond ±(2^53-1), floats beyond a double,
    lone surrogates, and arrays or objects nested deeper than `max_depth`.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJson(f"not UTF-8 at byte {error.start}") from error
    # Fewer brackets than levels cannot nest too deeply; most records end the check here.
    if text.count("{") + text.count("[") > max_depth:
        _refuse_depth(text, max_depth)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedJson(f"not JSON: {error.msg} at character {error.pos}") from error
    if _SURROGATE_ESCAPE.search(text):
        _refuse_lone_surrogates(value)
    return value


def _refuse_depth(text: str, max_depth: int) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        token = match.group()
        if token in ("{", "["):
            depth += 1
            if depth > max_depth:
                raise MalformedJson(f"nested deeper than {max_depth} levels")
        elif token in ("}", "]"):
            depth -= 1


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedJson("a string holds half of a surrogate pair") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("an object has the same key twice")
    return members


def _integer(digits: str) -> int:
    # The length first: turning a long text into a number takes more than linear time.
    if len(digits) > _MAX_INTEGER_CHARACTERS or abs(int(digits)) > MAX_SAFE_INTEGER:
        raise MalformedJson("an integer is beyond 2^53-1")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise MalformedJson("a number is beyond what a double holds")
    return number


def _constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)
