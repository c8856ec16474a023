"""A commitment to the ledger's state, a small map from text to bytes, and proofs against it.

May live here: the map, its root and its proofs. May not: what keys and values mean. A lock checks
proofs with this module alone, so it stays small enough to be read in one sitting.

A key belongs to one of 256 buckets, chosen by the first byte of SHA-256 of the key in UTF-8.
    leaf(bucket) = SHA-256(0x00 || for each (key, value) by key: u32 length || key || u32 length || value)
    node         = SHA-256(0x01 || left || right), eight levels up to the root
Lengths are big-endian. A proof shows the whole bucket, so it proves absence as well as presence.
"""  # noqa: E501 - the formula stays on one line

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from homechain.crypto.errors import InvalidProof
from homechain.crypto.hashing import HASH_BYTES, sha256

BUCKETS_COUNT: Final = 256
DEPTH: Final = 8

Bucket = tuple[tuple[str, bytes], ...]


class StateProof(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The bucket of a key, all of it, and the eight sibling hashes from the leaf up."""

    bucket: list[tuple[str, bytes]]
    siblings: list[bytes]


def verify_state_proof(root: bytes, key: str, proof: StateProof) -> bytes | None:
    """Return the value that `key` has under `root`, or None if it is proven to have none.

    Raises `InvalidProof` if the proof does not lead to `root`, or its bucket could not stand in
    an honest tree.
    """
    index = bucket_index(key)
    if len(proof.siblings) != DEPTH or any(len(node) != HASH_BYTES for node in proof.siblings):
        raise InvalidProof(f"a state proof has {DEPTH} siblings of {HASH_BYTES} bytes")
    keys = [present for present, _ in proof.bucket]
    if keys != sorted(set(keys)) or any(bucket_index(present) != index for present in keys):
        raise InvalidProof("a state proof's bucket is out of order or holds a foreign key")
    node = _leaf(proof.bucket)
    for level, sibling in enumerate(proof.siblings):
        is_right = index >> level & 1
        node = _inner(sibling, node) if is_right else _inner(node, sibling)
    if node != root:
        raise InvalidProof("a state proof leads to another root")
    return dict(proof.bucket).get(key)


def bucket_index(key: str) -> int:
    """Return the bucket (0 to 255) of a key; raises `InvalidProof` if it is not Unicode text."""
    return sha256(_utf8(key))[0]


@dataclass(frozen=True, slots=True, repr=False)
class StateTree:
    """The map with its commitment: a value that never changes. Start from `empty()`.

    `nodes` is a heap: the root at 1, the children of n at 2n and 2n+1, bucket b's leaf at 256+b.
    """

    buckets: tuple[Bucket, ...]
    nodes: tuple[bytes, ...]

    @staticmethod
    def empty() -> "StateTree":
        """Return the tree of the empty map."""
        return _EMPTY

    @property
    def root(self) -> bytes:
        """32 bytes that commit to every key and value."""
        return self.nodes[1]

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None."""
        return dict(self.buckets[bucket_index(key)]).get(key)

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Give all keys and values, ordered by key."""
        yield from sorted(entry for bucket in self.buckets for entry in bucket)

    def updated(self, changes: Mapping[str, bytes | None]) -> "StateTree":
        """Return the tree with these values set; None removes a key (which may be absent).

        Only touched buckets and the nodes above them are hashed again.
        """
        touched: dict[int, dict[str, bytes]] = {}
        for key, value in changes.items():
            index = bucket_index(key)
            entries = touched.setdefault(index, dict(self.buckets[index]))
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = bytes(value)
        buckets, nodes = list(self.buckets), list(self.nodes)
        for index, entries in touched.items():
            buckets[index] = tuple(sorted(entries.items()))
            nodes[BUCKETS_COUNT + index] = _leaf(buckets[index])
        dirty = {BUCKETS_COUNT + index >> 1 for index in touched}
        while dirty:
            for parent in dirty:
                nodes[parent] = _inner(nodes[2 * parent], nodes[2 * parent + 1])
            dirty = {parent >> 1 for parent in dirty if parent > 1}
        return StateTree(tuple(buckets), tuple(nodes))

    def prove(self, key: str) -> StateProof:
        """Return the proof of the value of `key`, or of its absence."""
        index = bucket_index(key)
        position = BUCKETS_COUNT + index
        siblings = [self.nodes[position >> level ^ 1] for level in range(DEPTH)]
        return StateProof(bucket=list(self.buckets[index]), siblings=siblings)

    def __repr__(self) -> str:
        return f"StateTree(root={self.root.hex()})"


def _leaf(bucket: Sequence[tuple[str, bytes]]) -> bytes:
    framed = [_framed(part) for key, value in bucket for part in (_utf8(key), value)]
    return sha256(b"\x00", *framed)


def _inner(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01", left, right)


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part


def _utf8(key: str) -> bytes:
    try:
        return key.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidProof("a state key is not Unicode text") from error


def _empty_tree() -> StateTree:
    level = [_leaf(())] * BUCKETS_COUNT
    nodes = level
    while len(level) > 1:
        level = [_inner(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
        nodes = level + nodes
    return StateTree(((),) * BUCKETS_COUNT, (b"", *nodes))


_EMPTY: Final = _empty_tree()
