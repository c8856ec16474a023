"""Re-checks a whole ledger from genesis and names the first thing that is wrong.

May live here: the order of checks and the blame. May not: reading files, threads, progress bars:
blocks are fed in, signatures are checked by whatever `verify_batch` the caller brings.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from homechain.crypto.keys import verify_batch
from homechain.ledger.records import SignatureCheck
from homechain.model.blocks import CertifiedBlock

VerifyBatch = Callable[[Sequence[SignatureCheck]], list[bool]]


class AuditProgress(Struct, frozen=True, kw_only=True):
    """How far an audit has come."""

    blocks: int
    """Blocks checked but for signatures still waiting for their batch."""
    records: int
    signatures: int
    """Signatures checked."""
    final_height: int
    """Highest block that a commit certificate covers; -1 before genesis."""


class Auditor:
    """Feed it every block from height 0 on, then `finish`. Raises `BrokenLedger`."""

    def __init__(self, *, home: bytes | None = None, verify: VerifyBatch = verify_batch) -> None:
        """`home`: the id that the ledger must have, where it is known from elsewhere."""
        raise NotImplementedError

    def feed(self, blocks: Iterable[CertifiedBlock]) -> AuditProgress:
        """Check the next blocks, in order; their signatures are verified before it returns."""
        raise NotImplementedError

    def finish(self) -> AuditProgress:
        """Say that there are no more: every block must be covered by a commit certificate."""
        raise NotImplementedError
