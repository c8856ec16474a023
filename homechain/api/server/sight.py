"""What one person may see. Owners and residents see the home; guests see what they hold.

May live here: who sees which device, record, command or reading. May not: who may *do* what, which
is `ledger.policy`'s to say.
"""

from homechain.ledger.entries import Grant, Person
from homechain.ledger.policy import counts
from homechain.ledger.state import State
from homechain.model.records import DeviceKind, GrantRecord, Record, RevokeRecord, Role
from homechain.node.queries import CommandRow, ReadingRow

_TELLS_WHO_CAME: frozenset[DeviceKind] = frozenset({DeviceKind.LOCK, DeviceKind.CAMERA})
"""Of these kinds a guest sees no past but what they did themselves."""


class Sight:
    """What `person` may see in `state` at `time_ms`."""

    def __init__(self, state: State, person: Person, *, time_ms: int) -> None:
        self._state = state
        self._person = person
        self.sees_everything = person.role is not Role.GUEST
        self._held = [
            grant
            for grant in (() if self.sees_everything else state.grants_of(person.did))
            if counts(state, grant, at_ms=time_ms)
        ]

    def device(self, did: str) -> bool:
        """Whether they may know this device and its present values."""
        if self.sees_everything:
            return True
        device = self._state.device(did)
        return device is not None and any(
            did in allowance.devices or device.area in allowance.areas
            for grant in self._held
            for allowance in grant.allowances
        )

    def person(self, did: str) -> bool:
        """Whether they may know this person."""
        return self.sees_everything or did == self._person.did

    def grant(self, grant: Grant) -> bool:
        """Whether they may read this grant."""
        return self.sees_everything or grant.subject == self._person.did

    def command(self, row: CommandRow) -> bool:
        """Whether they may read this command and its outcome."""
        return self.sees_everything or row.person == self._person.did

    def reading(self, row: ReadingRow, *, mine: bool) -> bool:
        """Whether they may read this past value. `mine`: their own command caused it."""
        if self.sees_everything or mine:
            return True
        device = self._state.device(row.device)
        return device is not None and device.kind not in _TELLS_WHO_CAME and self.device(row.device)

    def record(self, payload: Record) -> bool:
        """Whether they may read this record. Outcomes are asked about as commands."""
        if self.sees_everything or payload.iss == self._person.did:
            return True
        match payload:
            case GrantRecord():
                return payload.sub == self._person.did
            case RevokeRecord():
                grant = self._state.grant(payload.grant)
                return grant is not None and grant.subject == self._person.did
            case _:
                return False
