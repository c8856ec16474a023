"""Which records may enter the ledger: one function, `check`, and the rules behind it.

May live here: rules that keep senseless, replayed or unauthorised records out. May not: whether a
command is permitted; that is a decision (`policy`), and denials are recorded like permissions.
"""

from homechain.ledger.records import SignedRecord
from homechain.ledger.state import StateView


def check(view: StateView, record: SignedRecord, *, time_ms: int) -> None:
    """Raise `Inadmissible` if a record that arrived may not enter. `time_ms` is the hub's own time.

    Beyond the rules of a block it refuses what a block would carry in vain or what depends on this
    machine's Unicode tables: `command_expired`, `bad_name`. The record's signature is verified.
    """
    raise NotImplementedError


def check_in_block(view: StateView, record: SignedRecord, *, time_ms: int) -> None:
    """Raise `Inadmissible` if a record may not stand in a block of time `time_ms`.

    The same answer on every hub for ever.
    """
    raise NotImplementedError
