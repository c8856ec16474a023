"""The Merkle tree over all records (RFC 6962, RFC 9162): roots, growth and proofs.

May live here: the tree as arithmetic over hashes. May not: where hashes are stored; a caller
hands in `read_node(level, index)`, the hash of the perfect subtree over leaves
`index << level` up to `(index + 1) << level`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from homechain.crypto.errors import InvalidProof
from homechain.crypto.hashing import HASH_BYTES, sha256

EMPTY_ROOT: Final = sha256()
MAX_SIZE: Final = 2**63 - 1
"""Leaves of a tree: what a signed 64-bit column holds."""

NodeAddress = tuple[int, int]
"""(level, index) of a perfect subtree."""

ReadNode = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of 0x00 and the data (RFC 9162, section 2.1.1)."""
    return sha256(b"\x00", data)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of 0x01 and both children."""
    return sha256(b"\x01", left, right)


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree reduced to what its growth needs: its size and the roots of its perfect subtrees.

    `peaks` are those roots from left to right, one for each set bit of `size`.
    Raises `InvalidProof` if the two do not fit.
    """

    size: int
    peaks: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.peaks) != self.size.bit_count():
            raise InvalidProof("a frontier's peaks do not fit its size")
        if any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise InvalidProof(f"a peak has {HASH_BYTES} bytes")

    @staticmethod
    def empty() -> "Frontier":
        """Return the frontier of the tree without leaves."""
        return Frontier(0, ())

    def root(self) -> bytes:
        """Return the 32-byte root of the whole tree."""
        return _fold(self.peaks) if self.peaks else EMPTY_ROOT

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier with one more leaf, given as its `leaf_hash`."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the frontier with more leaves, each given as its `leaf_hash`."""
        return self.extend_recording(leaves)[0]

    def extend_recording(
        self, leaves: Iterable[bytes]
    ) -> tuple["Frontier", list[tuple[int, int, bytes]]]:
        """Extend, and also return every perfect subtree that became complete.

        The list holds `(level, index, hash)` in the order of completion, leaves (level 0)
        included; stored, it is all that `read_node` is ever asked for.
        """
        size, peaks = self.size, list(self.peaks)
        completed: list[tuple[int, int, bytes]] = []
        for leaf in leaves:
            level, index, subtree = 0, size, leaf
            completed.append((level, index, subtree))
            while index & 1:  # a right child: its left sibling is the last peak
                subtree = node_hash(peaks.pop(), subtree)
                level, index = level + 1, index >> 1
                completed.append((level, index, subtree))
            peaks.append(subtree)
            size += 1
        return Frontier(size, tuple(peaks)), completed


def inclusion_path_nodes(*, index: int, size: int) -> list[tuple[NodeAddress, ...]]:
    """Return which stored nodes make up the audit path of leaf `index` in a tree of `size`.

    One entry for each hash of the path, from the leaf up. An entry with several addresses is a
    subtree at the ragged right edge: its hash is the fold of those perfect subtrees.
    Raises `InvalidProof` unless 0 <= index < size.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidProof("the index is outside the tree")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_perfect_subtrees(middle, end))
            end = middle
        else:
            path.append(_perfect_subtrees(start, middle))
            start = middle
    path.reverse()
    return path


def inclusion_path(*, index: int, size: int, read_node: ReadNode) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, from the leaf up."""
    nodes = inclusion_path_nodes(index=index, size=size)
    return [_read_folded(addresses, read_node) for addresses in nodes]


def root_from_path(*, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that `path` leads to from the leaf hash (RFC 9162, section 2.1.3.2).

    Raises `InvalidProof` if the path cannot be one of this index and size.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidProof("the index is outside the tree")
    if any(len(entry) != HASH_BYTES for entry in (leaf, *path)):
        raise InvalidProof(f"a hash of a proof has {HASH_BYTES} bytes")
    position, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise InvalidProof("the path is too long")
        if position & 1 or position == last:
            root = node_hash(sibling, root)
            while not position & 1 and position != 0:
                position, last = position >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise InvalidProof("the path is too short")
    return root


def verify_inclusion(
    *, leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Say whether `path` proves that the leaf hash stands at `index` below `root`."""
    try:
        return root_from_path(leaf=leaf, index=index, size=size, path=path) == root
    except InvalidProof:
        return False


def consistency_path(*, old_size: int, new_size: int, read_node: ReadNode) -> list[bytes]:
    """Return the proof that the first `old_size` leaves are unchanged in the tree of `new_size`.

    Empty if the sizes are equal or the old tree was empty (RFC 9162, section 2.1.4.1).
    Raises `InvalidProof` unless 0 <= old_size <= new_size.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise InvalidProof("the old tree is larger than the new one")
    if old_size in (0, new_size):
        return []
    path = []
    start, end = 0, new_size
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_perfect_subtrees(middle, end))
            end = middle
        else:
            path.append(_perfect_subtrees(start, middle))
            start = middle
    if start != 0:  # from the very left, this subtree is the old root, which the verifier has
        path.append(_perfect_subtrees(start, end))
    return [_read_folded(addresses, read_node) for addresses in reversed(path)]


def verify_consistency(
    *, old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Say whether `path` proves that the new tree only appended (RFC 9162, section 2.1.4.2)."""
    if not 0 <= old_size <= new_size <= MAX_SIZE or any(len(e) != HASH_BYTES for e in path):
        return False
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT and (new_size > 0 or new_root == EMPTY_ROOT)
    if old_size == new_size:
        return not path and old_root == new_root
    entries = [old_root, *path] if old_size.bit_count() == 1 else list(path)
    if not entries:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = entries[0]
    for entry in entries[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(entry, old), node_hash(entry, new)
            while not position & 1 and position != 0:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, entry)
        position, last = position >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _split(count: int) -> int:
    """The largest power of two below `count` (>= 2): where RFC 9162 cuts a tree in two."""
    return 1 << (count - 1).bit_length() - 1


def _perfect_subtrees(start: int, end: int) -> tuple[NodeAddress, ...]:
    """The perfect subtrees over leaves start..end, left to right.

    `start` comes from RFC 9162's cuts, so it is a multiple of the first subtree's width.
    """
    addresses = []
    while start < end:
        level = (end - start).bit_length() - 1
        addresses.append((level, start >> level))
        start += 1 << level
    return tuple(addresses)


def _read_folded(addresses: Sequence[NodeAddress], read_node: ReadNode) -> bytes:
    return _fold([read_node(level, index) for level, index in addresses])


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """The root over neighbouring perfect subtrees that get smaller to the right."""
    root = subtrees[-1]
    for subtree in reversed(subtrees[:-1]):
        root = node_hash(subtree, root)
    return root
