"""Which nodes of the record tree are stored, and where: every perfect subtree of eight or more.

The lowest three levels, seven eighths of all nodes, are hashed again from the record bytes next to
them: a proof then reads at most seven more records. Stored nodes are numbered in the order in which
they become complete (as in a Merkle mountain range), so the table only ever grows at its end.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from homechain.crypto.merkle import Frontier, NodeAddress

LOWEST_STORED_LEVEL: Final = 3


class NodesWanted(NamedTuple):
    """What has to be read to know some nodes."""

    positions: tuple[int, ...]
    """Of stored nodes."""
    leaves: tuple[int, ...]
    """Numbers of records whose leaf hashes make up the others."""


def node_position(level: int, index: int) -> int:
    """Where node (level, index) stands in the table, from 0; level >= `LOWEST_STORED_LEVEL`."""
    height = level - LOWEST_STORED_LEVEL
    assert height >= 0
    before = ((index + 1) << height) - 1  # units of eight leaves that were complete earlier
    return 2 * before - before.bit_count() + height


def peak_addresses(size: int) -> list[NodeAddress]:
    """The perfect subtrees that make up a tree of `size` leaves, largest first."""
    addresses, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            addresses.append((level, start >> level))
            start += 1 << level
    return addresses


def nodes_wanted(addresses: Iterable[NodeAddress]) -> NodesWanted:
    """What to read for these nodes."""
    positions: list[int] = []
    leaves: list[int] = []
    for level, index in addresses:
        if level >= LOWEST_STORED_LEVEL:
            positions.append(node_position(level, index))
        else:
            leaves += range(index << level, (index + 1) << level)
    return NodesWanted(tuple(positions), tuple(leaves))


def subtree_hash(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of the perfect subtree over these leaf hashes (1, 2 or 4 of them)."""
    return Frontier.empty().extend(leaf_hashes).root()
