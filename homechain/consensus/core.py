"""The core's one door: `Consensus.step(input) -> list[effect]`.

May live here: the transition table and what outsiders may ask. May not: a clock, chance, signatures,
a database, logging, `async`, or a rule (those are in the modules that the table names).
"""

from collections.abc import Sequence
from typing import Literal

from homechain.consensus.effects import Effect
from homechain.consensus.inputs import BlockSummary, Input
from homechain.consensus.safety import SafetyRecord
from homechain.consensus.timing import Timing
from homechain.model.blocks import CommitCertificate, Rank
from homechain.model.configuration import Configuration

Role = Literal["observer", "candidate", "follower", "leader"]


class Consensus:
    """One hub's part in one home."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        me: int | None,
        safety: SafetyRecord,
        head: BlockSummary | None,
        chain: Sequence[BlockSummary],
        commit: CommitCertificate | None,
        timing: Timing,
        now_ms: int,
        entropy: int,
    ) -> None:
        """A hub that starts or restarts.

        `me`: place in the members, None to watch only. `safety`: as it was last persisted, or
        `first_record` if its epoch is older than `configuration`'s. `head`: the newest final block
        (None: genesis). `chain`: blocks stored above it, in any order. `commit`: the newest commit
        certificate on disk, if it is of this epoch. `ValueError` where these contradict one another
        (the database is behind the record: quarantine, R13). Call `step(TimePassed())` at
        `deadline_ms`, as ever.
        """
        raise NotImplementedError

    def step(self, event: Input, *, now_ms: int, entropy: int) -> list[Effect]:
        """What is to be done about `event`, in order. `now_ms` never goes back; `entropy` is 64
        fresh random bits.
        """
        raise NotImplementedError

    @property
    def deadline_ms(self) -> int:
        """When `TimePassed` is wanted next."""
        raise NotImplementedError

    @property
    def role(self) -> Role: ...

    @property
    def epoch(self) -> int: ...

    @property
    def term(self) -> int: ...

    @property
    def leader(self) -> int | None:
        """Number of the leader whose election is proven here, else None."""

    @property
    def fresh(self) -> bool:
        """The leader has q acks not older than an election timeout; a follower heard of it (R10)."""

    @property
    def high(self) -> Rank: ...

    @property
    def committed_height(self) -> int: ...

    @property
    def committed_block(self) -> bytes: ...

    @property
    def safety(self) -> SafetyRecord:
        """As of the last step; durable once its `Persist` is confirmed."""
