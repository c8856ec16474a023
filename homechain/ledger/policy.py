"""`decide`: may this person do this to this device now? One pure function, default deny.

May live here: the decision and its words. May not: a way to change anything, or a look at
anything but the narrow `PolicyView`, so that a lock can decide again from proven entries alone.

Codes of permission: `role`, `granted`. Codes of denial: `unknown_person`, `removed_person`,
`unknown_device`, `retired_device`, `unknown_action`, `expired`, `not_yet`, `issuer_lost_role`,
`revoked`, `grant_expired`, `no_grant`.
"""

from collections.abc import Iterable
from typing import Protocol

from homechain.ledger.decisions import Decision, Verdict
from homechain.ledger.entries import Device, Grant, Person
from homechain.model.records import CommandRecord


class PolicyView(Protocol):
    """The few entries that a decision reads. Absent entries can only lead to a denial."""

    @property
    def time_zone(self) -> str:
        """Zone for the times in reasons; changes no decision."""

    def person(self, did: str) -> Person | None: ...

    def device(self, did: str) -> Device | None: ...

    def grants_of(self, did: str) -> Iterable[Grant]: ...

    def grant(self, jti: str) -> Grant | None: ...


def decide(
    view: PolicyView, command: CommandRecord, *, command_id: bytes, time_ms: int
) -> Decision:
    """Decide a command in the state after its block; `time_ms` is the block's time.

    Owners and residents act by role; a guest by a grant that has begun, has not ended, is not
    revoked, covers the action on the device, and whose issuer still may give grants.
    """
    raise NotImplementedError


def explain(view: PolicyView, *, person: str, device: str, action: str, at_ms: int) -> Verdict:
    """What `decide` would say to a command of `person` that is decided at `at_ms`."""
    raise NotImplementedError
