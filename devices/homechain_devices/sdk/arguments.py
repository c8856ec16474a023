"""Whether values fit the device's description: arguments of commands, readings of its own.

May live here: pure checks against affordances. A value is accepted or refused whole; nothing is
cut, rounded or converted.
"""

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any

from msgspec import UNSET

from homechain.model.records import Affordance
from homechain_devices.sdk.errors import BadValue

_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "object": (dict,),
    "null": (type(None),),
}
STRING_CHARACTERS = 256


def check_arguments(
    action: str,
    affordance: Affordance,
    arguments: Mapping[str, Any],
    *,
    optional: Collection[str] = (),
) -> None:
    """Raise `BadValue`, in words for a resident, unless `arguments` are what the action takes.

    Every declared argument must be there, except the `optional` ones; no other may.
    """
    declared = {} if affordance.input is UNSET else affordance.input
    for name in arguments:
        if name not in declared:
            raise BadValue(f"{action} takes no {name[:48]}")
    for name, argument in declared.items():
        if name in arguments:
            check_value(name, argument, arguments[name])
        elif name not in optional:
            raise BadValue(f"{action} needs {name}")


def check_value(name: str, affordance: Affordance, value: Any) -> None:
    """Raise `BadValue`, naming the bound, unless `value` fits the affordance called `name`."""
    if affordance.type is not UNSET:
        _check_type(name, affordance.type, value)
    if isinstance(value, str) and len(value) > STRING_CHARACTERS:
        raise BadValue(f"{name} is longer than {STRING_CHARACTERS} characters")
    if affordance.enum is not UNSET and value not in affordance.enum:
        raise BadValue(f"{name} must be one of {', '.join(affordance.enum)}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        unit = "" if affordance.unit is UNSET else f" {affordance.unit}"
        if affordance.minimum is not UNSET and value < affordance.minimum:
            raise BadValue(f"{name} must be at least {affordance.minimum:g}{unit}")
        if affordance.maximum is not UNSET and value > affordance.maximum:
            raise BadValue(f"{name} must be at most {affordance.maximum:g}{unit}")


def _check_type(name: str, wanted: str, value: Any) -> None:
    # To Python a bool is an int; to a person "true degrees" is nonsense.
    fits = isinstance(value, _TYPES[wanted]) and (wanted == "boolean") == isinstance(value, bool)
    if isinstance(value, float) and not isfinite(value):
        fits = False
    if not fits:
        raise BadValue(f"{name} must be of type {wanted}")
