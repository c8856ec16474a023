"""The membership of consensus: which hubs count, and how many of them decide."""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from homechain.model import limits

PROTOCOL_VERSION: Final = 1


def tolerated_liars(hubs: int) -> int:
    """`f`: how many of `hubs` may lie while the home still decides everything it is asked."""
    return (hubs - 1) // 3


def quorum_of(hubs: int) -> int:
    """`q = ceil((n + f + 1) / 2)`: 1→1, 2→2, 3→2, 4→3, 5→4, 6→4, 7→5."""
    return (hubs + tolerated_liars(hubs) + 2) // 2


class Configuration(Struct, frozen=True, array_like=True):
    """One epoch's members, sorted by name. A signer's number is its place in `members`."""

    version: int
    home: bytes
    epoch: int
    members: tuple[str, ...]
    """`did:key` of each hub, ascending."""
    quorum: int
    """Signed as a number, so that nobody can talk a verifier into a smaller one."""

    def hash(self) -> bytes:
        """32 bytes that every statement of this epoch covers."""
        return hashlib.sha256(
            b"homechain configuration 1\0" + msgspec.msgpack.encode(self)
        ).digest()

    @property
    def size(self) -> int:
        """`n`, the number of hubs."""
        return len(self.members)

    @property
    def lying(self) -> int:
        """Hubs that can lie without a fork."""
        return 2 * self.quorum - self.size - 1

    @property
    def silent(self) -> int:
        """Hubs that can be down without a halt."""
        return self.size - self.quorum

    def leader(self, term: int) -> int:
        """The only hub that may propose in `term` (R0): a rotation seeded by this epoch."""
        return (int.from_bytes(self.hash()[:4], "big") + term) % self.size

    def number_of(self, hub: str) -> int | None:
        """Place of `hub` among the members, or None."""
        return self.members.index(hub) if hub in self.members else None


def configuration(*, home: bytes, epoch: int, members: tuple[str, ...]) -> Configuration:
    """The configuration of `epoch` with these hubs. `ValueError` beyond 1 to 7 distinct hubs."""
    ordered = tuple(sorted(set(members)))
    if len(ordered) != len(members) or not 1 <= len(ordered) <= limits.HUBS:
        raise ValueError(f"a home has 1 to {limits.HUBS} distinct hubs, not {len(members)}")
    return Configuration(PROTOCOL_VERSION, home, epoch, ordered, quorum_of(len(ordered)))


def commits_to_close(current: Configuration, *, next_size: int) -> int:
    """How many commits of the old members close an epoch (R11): `max(q, n - q + f' + 1)`."""
    reached = current.size - current.quorum + tolerated_liars(next_size) + 1
    return min(current.size, max(current.quorum, reached))
