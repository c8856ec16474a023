"""What becomes of a state under the records of one block.

The rule of a block: first all its records apply, in order; then every command of the block is
decided, in order, against the resulting state. So the state root in the header proves exactly the
state that decided, and a device can repeat the decision from proven entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homechain.ledger.admission import check_in_block
from homechain.ledger.decisions import Decision
from homechain.ledger.errors import Inadmissible
from homechain.ledger.fold import apply
from homechain.ledger.policy import decide
from homechain.ledger.records import SignedRecord
from homechain.ledger.state import State
from homechain.model.blocks import EpochClose
from homechain.model.records import CommandRecord, HubRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What becomes of a state under some records."""

    state: State
    changes: Mapping[str, bytes | None]
    accepted: tuple[SignedRecord, ...]
    refused: tuple[tuple[SignedRecord, Inadmissible], ...]
    decisions: tuple[Decision, ...]
    close: EpochClose | None
    """Set where the last accepted record changes the membership (R11)."""


def execute(state: State, records: Sequence[SignedRecord], *, time_ms: int) -> Execution:
    """Apply records in order, then decide the accepted commands. `time_ms` is the block's time.

    A refused record changes nothing and the rest goes on. After an accepted hub record everything
    else is refused as `epoch_closed`: it waits for the next epoch.
    """
    draft = state.draft()
    accepted: list[SignedRecord] = []
    refused: list[tuple[SignedRecord, Inadmissible]] = []
    close: EpochClose | None = None
    for record in records:
        try:
            if close is not None:
                raise Inadmissible("epoch_closed", "a membership change ends its block")
            check_in_block(draft, record, time_ms=time_ms)
        except Inadmissible as error:
            refused.append((record, error))
            continue
        apply(draft, record, time_ms=time_ms)
        accepted.append(record)
        if isinstance(record.payload, HubRecord):
            close = EpochClose(draft.configuration.hash(), draft.configuration.size)
    after, changes = draft.finish()
    return Execution(
        state=after,
        changes=changes,
        accepted=tuple(accepted),
        refused=tuple(refused),
        decisions=tuple(
            decide(after, record.payload, command_id=record.id, time_ms=time_ms)
            for record in accepted
            if isinstance(record.payload, CommandRecord)
        ),
        close=close,
    )


def first_refused(records: Sequence[SignedRecord], accepted: Sequence[SignedRecord]) -> int:
    """Place of the first of `records` that is not among the `accepted`, of which it is not all.

    A repeated record equals an accepted one, so places are compared and not values.
    """
    for place, (given, taken) in enumerate(zip(records, accepted, strict=False)):
        if given != taken:
            return place
    return len(accepted)
