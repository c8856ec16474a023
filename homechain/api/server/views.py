"""From the state's entries and the ledger's rows to the wire types. Pure."""

from typing import Any

import msgspec

from homechain.api.schema.commands import CommandLife, CommandView, DecisionView
from homechain.api.schema.devices import ReadingView
from homechain.api.schema.home import GrantStatus, GrantView, PersonView
from homechain.api.schema.mesh import HubView, MeshView
from homechain.api.schema.records import BlockView, RecordView
from homechain.api.server.ports import MeshReport
from homechain.crypto.jws import parse_compact
from homechain.ledger.decisions import Decision, Verdict
from homechain.ledger.entries import Grant, Person
from homechain.ledger.state import State
from homechain.model import limits
from homechain.model.blocks import CertifiedBlock, block_hash, read_header
from homechain.model.configuration import Configuration
from homechain.model.ids import digest_text
from homechain.model.records import Authorization
from homechain.node.queries import CommandRow, DecisionRow, ReadingRow, RecordRow


def name_of(state: State, did: str) -> str:
    """What the home calls a principal; the end of its key's name where it has no other."""
    known = state.person(did) or state.device(did) or state.hub(did)
    return known.name if known is not None else f"…{did[-8:]}"


def decision_view(decision: Decision | DecisionRow | Verdict) -> DecisionView:
    """What was decided, and why."""
    return DecisionView(
        allowed=decision.allowed,
        code=decision.code,
        reason=decision.reason,
        grant=decision.grant,
    )


def command_view(
    row: CommandRow, state: State, *, delivered_ms: int | None, time_ms: int
) -> CommandView:
    """One command, as far as it has come at `time_ms`."""
    return CommandView(
        id=digest_text(row.id),
        device=row.device,
        person=row.person,
        person_name=name_of(state, row.person),
        action=row.action,
        arguments=row.arguments,
        requested_ms=row.requested_ms,
        expires_ms=row.expires_s * 1000,
        final_ms=row.final_ms,
        height=row.height,
        life=_life(row, delivered_ms=delivered_ms, time_ms=time_ms),
        decision=decision_view(row.decision),
        delivered_ms=delivered_ms,
        outcome=row.outcome,
        outcome_reason=row.outcome_reason,
        outcome_ms=row.outcome_ms,
        media=row.media,
    )


def _life(row: CommandRow, *, delivered_ms: int | None, time_ms: int) -> CommandLife:
    if not row.decision.allowed:
        return CommandLife.DENIED
    if row.outcome is not None:
        return CommandLife(row.outcome)
    if time_ms >= row.expires_s * 1000:
        return CommandLife.EXPIRED
    return CommandLife.FINAL if delivered_ms is None else CommandLife.DELIVERED


def payload_of(raw: bytes) -> dict[str, Any]:
    """What a final record says, as JSON. It was read strictly before it became final."""
    payload = parse_compact(raw, max_bytes=limits.RECORD_BYTES).payload
    return msgspec.json.decode(payload, type=dict[str, Any])


def record_view(
    row: RecordRow, state: State, *, decision: Decision | DecisionRow | None = None
) -> RecordView:
    """One final record, for a list."""
    return RecordView(
        id=digest_text(row.id),
        kind=row.kind,
        signer=row.signer,
        signer_name=name_of(state, row.signer),
        height=row.height,
        index=row.index,
        time_ms=row.time_ms,
        payload=payload_of(row.raw),
        decision=None if decision is None else decision_view(decision),
    )


def reading_view(row: ReadingRow) -> ReadingView:
    """One past value."""
    return ReadingView(
        device=row.device,
        name=row.name,
        value=row.value,
        at_ms=row.at_ms,
        height=row.height,
        record=digest_text(row.record),
        command=None if row.command is None else digest_text(row.command),
    )


def person_view(person: Person) -> PersonView:
    """One person."""
    return PersonView(did=person.did, name=person.name, role=person.role, removed=person.removed)


def grant_view(grant: Grant, state: State, *, time_ms: int) -> GrantView:
    """One grant, and whether it counts at `time_ms`."""
    if grant.revoked:
        status = GrantStatus.REVOKED
    elif time_ms >= grant.exp_s * 1000:
        status = GrantStatus.EXPIRED
    elif time_ms < grant.nbf_s * 1000:
        status = GrantStatus.WAITING
    else:
        status = GrantStatus.ACTIVE
    return GrantView(
        id=grant.jti,
        giver=grant.issuer,
        giver_name=name_of(state, grant.issuer),
        person=grant.subject,
        person_name=name_of(state, grant.subject),
        nbf_s=grant.nbf_s,
        exp_s=grant.exp_s,
        authorization_details=[
            Authorization(
                devices=list(allowance.devices),
                areas=list(allowance.areas),
                actions=list(allowance.actions),
            )
            for allowance in grant.allowances
        ],
        status=status,
    )


def block_view(certified: CertifiedBlock, configurations: dict[int, Configuration]) -> BlockView:
    """One final block. Names of signers where the epoch's configuration is known."""
    header = read_header(certified.block.header)
    members = configurations[header.epoch].members if header.epoch in configurations else ()
    endorsements = certified.commit.endorsements if certified.commit is not None else ()
    return BlockView(
        height=header.height,
        hash=digest_text(block_hash(certified.block.header)),
        parent=digest_text(header.parent),
        epoch=header.epoch,
        term=header.term,
        seq=header.seq,
        time_ms=header.time_ms,
        record_count=header.record_count,
        tree_size=header.tree_size,
        records_root=digest_text(header.records_root),
        state_root=digest_text(header.state_root),
        closes_epoch=header.close is not None,
        committed_by=[
            members[endorsement.signer]
            for endorsement in endorsements
            if endorsement.signer < len(members)
        ],
    )


def mesh_view(report: MeshReport, *, hub: str, height: int) -> MeshView:
    """The mesh as this hub sees it."""
    return MeshView(
        hub=hub,
        role=report.role,
        epoch=report.epoch,
        term=report.term,
        height=height,
        quorum=report.quorum,
        size=sum(each.member for each in report.hubs),
        lying=report.lying,
        silent=report.silent,
        fresh=report.fresh,
        words=quorum_words(lying=report.lying, silent=report.silent),
        hubs=[
            HubView(
                did=each.did,
                name=each.name,
                member=each.member,
                this_hub=each.did == hub,
                linked=each.linked or each.did == hub,
                leader=each.leader,
                term=each.term,
                height=each.height,
                lag=each.lag,
                rtt_ms=each.rtt_ms,
                clock_skew_ms=each.clock_skew_ms,
                addresses=list(each.addresses),
            )
            for each in report.hubs
        ],
    )


def quorum_words(*, lying: int, silent: int) -> str:
    """What the home survives, for a resident."""
    keeps = f"keeps going with {silent} down" if silent else "stops if one hub is down"
    return f"safe with {lying} lying hub{'' if lying == 1 else 's'}, {keeps}"
