"""`decide`: may this person do this to this device now? One pure function, default deny.

May live here: the decision and its words. May not: a way to change anything, or a look at
anything but the narrow `PolicyView`, so that a lock can decide again from proven entries alone.

Codes of permission: `role`, `granted`. Codes of denial: `unknown_person`, `removed_person`,
`unknown_device`, `retired_device`, `unknown_action`, `expired`, `not_yet`, `issuer_lost_role`,
`revoked`, `grant_expired`, `no_grant`.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from msgspec import Struct

from homechain.ledger.decisions import Decision, Verdict
from homechain.ledger.entries import Device, Grant, Person
from homechain.ledger.wording import when
from homechain.model.records import CommandRecord, Role


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
    revoked, covers the action on the device, and whose issuer still may give grants. Only whole
    seconds of block time count, and an end (`exp`) is the first second that is too late.
    """
    question = _Question(
        person_did=command.iss,
        device_did=command.device,
        action=command.action,
        at_s=time_ms // 1000,
    )
    verdict = _judge(view, question, command_exp_s=command.exp)
    return Decision(
        command=command_id,
        allowed=verdict.allowed,
        code=verdict.code,
        reason=verdict.reason,
        grant=verdict.grant,
    )


def explain(view: PolicyView, *, person: str, device: str, action: str, at_ms: int) -> Verdict:
    """What `decide` would say to a command of `person` that is decided at `at_ms`."""
    question = _Question(person_did=person, device_did=device, action=action, at_s=at_ms // 1000)
    return _judge(view, question, command_exp_s=None)


def counts(view: PolicyView, grant: Grant, *, at_ms: int) -> bool:
    """Whether `decide` would let this grant count for what it covers at `at_ms`."""
    return _standing(view, grant, at_s=at_ms // 1000) == "granted"


class _Question(Struct, frozen=True, kw_only=True):
    person_did: str
    device_did: str
    action: str
    at_s: int


def _judge(view: PolicyView, question: _Question, *, command_exp_s: int | None) -> Verdict:
    person = view.person(question.person_did)
    device = view.device(question.device_did)
    if person is None:
        return _denied("unknown_person", "Nobody of this home signed this")
    if person.removed:
        return _denied("removed_person", f"{person.name} no longer belongs to this home")
    if device is None:
        return _denied("unknown_device", "This home has no such device")
    if device.retired:
        return _denied("retired_device", f"{device.name} is no longer in service")
    action = question.action.replace("_", " ")
    if question.action not in device.actions:
        return _denied("unknown_action", f"{device.name} cannot {action}")
    if command_exp_s is not None and question.at_s >= command_exp_s:
        late = f"the command expired {when(command_exp_s, zone=view.time_zone)}"
        return _denied("expired", f"{person.name} asked too long ago: {late}")
    if person.role in (Role.OWNER, Role.RESIDENT):
        return Verdict(
            allowed=True,
            code="role",
            reason=f"{person.name} may {action} {device.name}: {person.role} of this home",
        )
    return _judge_grants(view, question, person, device)


_CLOSENESS: Final = ("granted", "not_yet", "issuer_lost_role", "revoked", "grant_expired")
"""How close a grant comes to a permission, closest first. Grants that do not cover are no miss."""


def _judge_grants(view: PolicyView, question: _Question, person: Person, device: Device) -> Verdict:
    action = question.action.replace("_", " ")
    covering = [
        (_CLOSENESS.index(_standing(view, grant, at_s=question.at_s)), -grant.exp_s, grant.jti)
        for grant in view.grants_of(person.did)
        if any(allowance.covers(device, question.action) for allowance in grant.allowances)
    ]
    if not covering:
        reason = f"{person.name} may not {action} {device.name}: no grant covers it"
        return _denied("no_grant", reason)
    closeness, _, jti = min(covering)
    grant = view.grant(jti)
    assert grant is not None, "a grant of a person is a grant"
    code = _CLOSENESS[closeness]
    allowed = code == "granted"
    verb = "may" if allowed else "may not"
    return Verdict(
        allowed=allowed,
        code=code,
        reason=f"{person.name} {verb} {action} {device.name}: {_in_words(view, code, grant)}",
        grant=jti,
    )


def _standing(view: PolicyView, grant: Grant, *, at_s: int) -> str:
    """The code for a grant that covers what was asked."""
    if grant.revoked:
        return "revoked"
    if at_s >= grant.exp_s:
        return "grant_expired"
    issuer = view.person(grant.issuer)
    # A role that was lost and came back does not revive what was given before (security 32).
    if issuer is None or not issuer.may_give or issuer.since_ms > grant.given_ms:
        return "issuer_lost_role"
    if at_s < grant.nbf_s:
        return "not_yet"
    return "granted"


def _in_words(view: PolicyView, code: str, grant: Grant) -> str:
    issuer = view.person(grant.issuer)
    giver = issuer.name if issuer is not None else "somebody unknown"
    zone = view.time_zone
    match code:
        case "granted":
            return f"grant from {giver} until {when(grant.exp_s, zone=zone)}"
        case "not_yet":
            return f"the grant from {giver} begins {when(grant.nbf_s, zone=zone)}"
        case "issuer_lost_role":
            return f"{giver}, who gave the grant, may no longer give it"
        case "revoked":
            return f"the grant from {giver} was revoked"
        case _:
            return f"the grant from {giver} ended {when(grant.exp_s, zone=zone)}"


def _denied(code: str, reason: str) -> Verdict:
    return Verdict(allowed=False, code=code, reason=reason)
