"""Where nodes stand, and that enough of them are kept."""

from homechain.crypto.merkle import Frontier, leaf_hash
from homechain.storage.tree_nodes import (
    LOWEST_STORED_LEVEL,
    node_position,
    nodes_wanted,
    peak_addresses,
    subtree_hash,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(200)]


def test_nodes_are_numbered_in_the_order_of_their_completion() -> None:
    _, completed = Frontier.empty().extend_recording(LEAVES)
    positions = [
        node_position(level, index) for level, index, _ in completed if level >= LOWEST_STORED_LEVEL
    ]
    assert positions == list(range(len(positions)))
    assert len(positions) < len(LEAVES) // 4


def test_peaks_are_the_nodes_of_the_frontier() -> None:
    _, completed = Frontier.empty().extend_recording(LEAVES)
    nodes = {(level, index): digest for level, index, digest in completed}
    for size in range(len(LEAVES) + 1):
        peaks = tuple(nodes[address] for address in peak_addresses(size))
        assert peaks == Frontier.empty().extend(LEAVES[:size]).peaks


def test_small_nodes_are_made_of_their_leaves() -> None:
    _, completed = Frontier.empty().extend_recording(LEAVES)
    for level, index, digest in completed:
        wanted = nodes_wanted([(level, index)])
        if level >= LOWEST_STORED_LEVEL:
            assert wanted == ((node_position(level, index),), ())
        else:
            assert wanted.positions == ()
            assert subtree_hash([LEAVES[leaf] for leaf in wanted.leaves]) == digest
