"""What a hub must never forget (R13): it stands between a restart and a second signature.

A plain tuple, so that storage writes it as an array and reads it back strictly. Only what was in a
confirmed `Persist` counts after a crash; the core signs nothing that the record does not imply.
"""

from typing import NamedTuple

from homechain.model.blocks import QuorumCertificate, Rank, root_certificate


class Promise(NamedTuple):
    """The one vote of a term (R3), so that the same bytes can be sent again."""

    term: int
    high: QuorumCertificate


class Prepared(NamedTuple):
    """The last prepare (R6), so that the same bytes can be sent again."""

    rank: Rank
    block: bytes
    justify_rank: Rank
    justify_block: bytes


class SafetyRecord(NamedTuple):
    """Everything that R0 to R11 need after a restart. Grows only: `writes` counts the versions."""

    epoch: int
    term: int
    """Promised: nothing is ever signed below it again (pre-votes bind nobody)."""
    voted: Promise | None
    """The vote of the newest term that this hub voted in; `voted.term <= term`."""
    prepared: Prepared | None
    """The newest prepare of this epoch."""
    high: QuorumCertificate
    """Highest prepare certificate held; an epoch begins with its root's certificate."""
    committed_rank: Rank
    """Rank of the highest commit certificate known here."""
    committed_block: bytes
    committed_height: int
    root: bytes
    """The block that closed the epoch before, or genesis."""
    writes: int


def first_record(*, epoch: int, root: bytes, height: int) -> SafetyRecord:
    """What a hub knows on entering `epoch` on a root block at `height`: term 0, nothing said.

    Also right for a restart that finds the epoch entered on disk and a safety record of an older
    one: nothing was said in the new epoch, because its first `Persist` was not confirmed.
    """
    rank = Rank(epoch, 0, 0)
    return SafetyRecord(
        epoch, 0, None, None, root_certificate(epoch, root), rank, root, height, root, 0
    )
