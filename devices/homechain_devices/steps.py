"""What a model answers: its next state, and what changed on the way.

May live here: the two frozen values that every device's model speaks in. May not: time, chance,
hubs, or knowledge of any one device.
"""

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

Value = str | int | float | bool | None | dict[str, Any]
"""What a reading can be."""

State = TypeVar("State")


class Change(NamedTuple):
    """One property's new value, or one occurrence of an event (its value is then `True`)."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """The state after an input, the changes oldest first, and why the act failed, if it did."""

    state: State
    changes: tuple[Change, ...] = ()
    failure: str = ""
    """Empty when nothing failed; else a sentence for a resident."""
