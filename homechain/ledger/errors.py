"""What can be wrong with a record, a block, a certificate, a proof or a whole ledger.

All of it is the fault of whoever handed it over; nothing here reports a fault of this machine.
"""


class LedgerError(ValueError):
    """Something was refused by the rules of the ledger; the message says what and why."""


class Inadmissible(LedgerError):
    """A record may not enter the ledger. `code` is a stable word, `reason` a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class InvalidBlock(LedgerError):
    """A block is not the one that its parent and its records make."""


class InvalidCertificate(LedgerError):
    """A certificate does not prove what it claims."""


class ProofRefused(LedgerError):
    """A device does not believe a proof. `code` is a stable word, `reason` a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class BrokenLedger(LedgerError):
    """The first place of a stored ledger that is wrong.

    `part` is `header`, `record`, `records`, `proposal` or `commit`; `record` is the place of the
    record in its block (None where no single one is to blame); `byte_range` is (first, after
    last) within the part: the header's bytes, the record's bytes, all records of the block one
    after the other, the proposal's 64 bytes, or the MessagePack of the commit certificate.
    """

    def __init__(
        self,
        *,
        height: int,
        part: str,
        reason: str,
        record: int | None = None,
        byte_range: tuple[int, int] | None = None,
    ) -> None:
        where = f"block {height}, {part}" if record is None else f"block {height}, record {record}"
        spot = "" if byte_range is None else f", bytes {byte_range[0]} to {byte_range[1] - 1}"
        super().__init__(f"{where}{spot}: {reason}")
        self.height = height
        self.part = part
        self.reason = reason
        self.record = record
        self.byte_range = byte_range
