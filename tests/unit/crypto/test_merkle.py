import pytest

from homechain.crypto.errors import InvalidProof
from homechain.crypto.hashing import sha256
from homechain.crypto.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    consistency_path,
    inclusion_path,
    inclusion_path_nodes,
    leaf_hash,
    node_hash,
    root_from_path,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(7)]


def _store(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    _, completed = Frontier.empty().extend_recording(leaves)
    return {(level, index): node for level, index, node in completed}


def test_leaves_and_nodes_hash_in_different_domains() -> None:
    assert leaf_hash(b"") == sha256(b"\x00")
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert Frontier.empty().root() == EMPTY_ROOT == sha256(b"")


def test_a_seven_leaf_tree_is_cut_as_the_rfc_draws_it() -> None:
    # RFC 9162, section 2.1.5: hash = node(k, l), k over leaves 0..3, l = node(i, j).
    a, b, c, d, e, f, j = LEAVES
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, last = node_hash(g, h), node_hash(i, j)
    assert Frontier.empty().extend(LEAVES).root() == node_hash(k, last)
    nodes = _store(LEAVES)
    paths = [
        inclusion_path(index=index, size=7, read_node=lambda *at: nodes[at])
        for index in (0, 3, 4, 6)
    ]
    assert paths == [[b, h, last], [c, g, last], [f, j, k], [i, k]]


def test_the_consistency_proofs_of_the_rfc() -> None:
    a, b, c, d, e, f, j = LEAVES
    nodes = _store(LEAVES)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, last = node_hash(g, h), node_hash(i, j)
    proofs = [
        consistency_path(old_size=old, new_size=7, read_node=lambda *at: nodes[at])
        for old in (3, 4, 6)
    ]
    assert proofs == [[c, d, g, last], [last], [i, j, k]]


def test_the_ragged_edge_is_named_as_stored_nodes() -> None:
    assert inclusion_path_nodes(index=0, size=7) == [((0, 1),), ((1, 1),), ((1, 2), (0, 6))]
    assert inclusion_path_nodes(index=0, size=1) == []


def test_recording_names_each_completed_subtree_once() -> None:
    first, before = Frontier.empty().extend_recording(LEAVES[:3])
    _, after = first.extend_recording(LEAVES[3:])
    assert [(level, index) for level, index, _ in before] == [(0, 0), (0, 1), (1, 0), (0, 2)]
    assert [(level, index) for level, index, _ in after] == [
        (0, 3),
        (1, 1),
        (2, 0),
        (0, 4),
        (0, 5),
        (1, 2),
        (0, 6),
    ]
    assert {(level, index): node for level, index, node in before + after} == _store(LEAVES)


@pytest.mark.parametrize(
    ("size", "peaks"),
    [
        (-1, ()),
        (0, (bytes(32),)),
        (1, ()),
        (2, (bytes(32), bytes(32))),
        (1, (bytes(31),)),
        (2**64, (bytes(32),)),
    ],
)
def test_a_frontier_that_cannot_be_is_refused(size: int, peaks: tuple[bytes, ...]) -> None:
    with pytest.raises(InvalidProof):
        Frontier(size, peaks)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, MAX_SIZE + 1)])
def test_a_leaf_outside_the_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(InvalidProof):
        inclusion_path_nodes(index=index, size=size)
    with pytest.raises(InvalidProof):
        root_from_path(leaf=LEAVES[0], index=index, size=size, path=[])
    assert not verify_inclusion(leaf=LEAVES[0], index=index, size=size, path=[], root=LEAVES[0])


def test_a_path_of_the_wrong_length_leads_nowhere() -> None:
    with pytest.raises(InvalidProof, match="too short"):
        root_from_path(leaf=LEAVES[0], index=0, size=3, path=[LEAVES[1]])
    with pytest.raises(InvalidProof, match="too long"):
        root_from_path(leaf=LEAVES[0], index=0, size=2, path=[LEAVES[1], LEAVES[2]])


def test_an_inner_node_is_not_taken_for_a_leaf() -> None:
    nodes = _store(LEAVES[:4])
    root = Frontier.empty().extend(LEAVES[:4]).root()
    inner, sibling = nodes[1, 0], nodes[1, 1]
    # With the size made smaller by the liar the same root is reached, so whoever checks must take
    # the size from a certified header; under the true size the proof is too short.
    assert not verify_inclusion(leaf=inner, index=0, size=4, path=[sibling], root=root)
    assert not verify_inclusion(
        leaf=leaf_hash(LEAVES[0] + LEAVES[1]), index=0, size=2, path=[sibling], root=root
    )


@pytest.mark.parametrize(("old_size", "new_size"), [(-1, 3), (4, 3), (0, MAX_SIZE + 1)])
def test_a_tree_that_shrinks_is_not_consistent(old_size: int, new_size: int) -> None:
    with pytest.raises(InvalidProof):
        consistency_path(old_size=old_size, new_size=new_size, read_node=lambda *_: bytes(32))
    assert not verify_consistency(
        old_size=old_size, new_size=new_size, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT, path=[]
    )


def test_the_empty_tree_is_consistent_with_every_tree_and_only_by_its_own_root() -> None:
    root = Frontier.empty().extend(LEAVES).root()
    assert consistency_path(old_size=0, new_size=7, read_node=lambda *_: b"") == []
    for old_root, new_size, new_root, verdict in (
        (EMPTY_ROOT, 7, root, True),
        (EMPTY_ROOT, 0, EMPTY_ROOT, True),
        (EMPTY_ROOT, 0, root, False),
        (root, 7, root, False),
    ):
        assert verdict is verify_consistency(
            old_size=0, new_size=new_size, old_root=old_root, new_root=new_root, path=[]
        )


def test_a_consistency_proof_of_the_wrong_length_is_refused() -> None:
    nodes = _store(LEAVES)
    roots = {size: Frontier.empty().extend(LEAVES[:size]).root() for size in (3, 7)}
    path = consistency_path(old_size=3, new_size=7, read_node=lambda *at: nodes[at])
    for wrong in ([], path[:-1], [*path, path[-1]], [entry[:-1] for entry in path]):
        assert not verify_consistency(
            old_size=3, new_size=7, old_root=roots[3], new_root=roots[7], path=wrong
        )


def test_a_consistency_proof_does_not_hold_for_another_size() -> None:
    nodes = _store(LEAVES)
    roots = {size: Frontier.empty().extend(LEAVES[:size]).root() for size in (3, 4)}
    path = consistency_path(old_size=3, new_size=4, read_node=lambda *at: nodes[at])
    verdicts = [
        verify_consistency(
            old_size=3, new_size=claimed, old_root=roots[3], new_root=roots[4], path=path
        )
        for claimed in (4, 5, 7, 8)
    ]
    assert verdicts == [True, False, False, False]
