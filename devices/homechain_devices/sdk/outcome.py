"""What a handler answers: done, failed or refused, what changed, and a still if there is one."""

from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from homechain.model.records import OutcomeResult
from homechain_devices.steps import Change, Step

State = TypeVar("State")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command, in the device's own word."""

    result: OutcomeResult
    reason: str = ""
    """A sentence for a resident; empty when it was done."""
    changes: tuple[Change, ...] = ()
    """What the act changed; goes into the outcome, so that cause and effect are one record."""
    jpeg: bytes | None = field(default=None, repr=False)
    """A still that the act produced."""

    @classmethod
    def done(cls, *changes: Change, jpeg: bytes | None = None, **values: Any) -> Self:
        """It was done. Changes as `Change`s, or in short as `name=value`."""
        return cls(
            result=OutcomeResult.DONE,
            changes=(*changes, *(Change(name, value) for name, value in values.items())),
            jpeg=jpeg,
        )

    @classmethod
    def failed(cls, reason: str, *changes: Change, **values: Any) -> Self:
        """The device tried and could not; what changed all the same belongs in here too."""
        return cls(
            result=OutcomeResult.FAILED,
            reason=reason,
            changes=(*changes, *(Change(name, value) for name, value in values.items())),
        )

    @classmethod
    def of(cls, step: Step[State]) -> Self:
        """What a model's step says: done, or failed for its reason."""
        if step.failure:
            return cls.failed(step.failure, *step.changes)
        return cls.done(*step.changes)

    @classmethod
    def refused(cls, reason: str) -> Self:
        """The device did not try: the arguments make no sense, or it may not."""
        return cls(result=OutcomeResult.REFUSED, reason=reason)
