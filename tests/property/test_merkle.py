"""The tree against RFC 9162's own recursive definitions."""

from hypothesis import given, settings
from hypothesis import strategies as st

from homechain.crypto.hashing import sha256
from homechain.crypto.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_from_path,
    verify_consistency,
    verify_inclusion,
)

MAX_LEAVES = 130
LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(MAX_LEAVES)]
sizes = st.integers(1, MAX_LEAVES)


def _naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(_naive_root(leaves[:split]), _naive_root(leaves[split:]))


def _read_node(level: int, index: int) -> bytes:
    """The hash of a perfect subtree that lies inside the leaves; nothing else may be asked for."""
    end = (index + 1) << level
    assert end <= MAX_LEAVES
    return _naive_root(LEAVES[index << level : end])


def _reader(size: int) -> dict[tuple[int, int], bytes]:
    """What storage would hold for a tree of this size."""
    _, completed = Frontier.empty().extend_recording(LEAVES[:size])
    return {(level, index): node for level, index, node in completed}


@given(st.lists(st.binary(max_size=4), max_size=70), st.integers(0, 70))
def test_the_frontier_is_the_naive_tree_however_it_grows(data: list[bytes], cut: int) -> None:
    leaves = [leaf_hash(entry) for entry in data]
    at_once = Frontier.empty().extend(leaves)
    in_two = Frontier.empty().extend(leaves[:cut]).extend(leaves[cut:])
    one_by_one = Frontier.empty()
    for leaf in leaves:
        one_by_one = one_by_one.append(leaf)
    assert at_once == in_two == one_by_one
    assert at_once.root() == _naive_root(leaves)


@given(sizes)
def test_recording_gives_every_perfect_subtree(size: int) -> None:
    nodes = _reader(size)
    expected = {
        (level, index) for level in range(size.bit_length()) for index in range(size >> level)
    }
    assert nodes.keys() == expected
    assert all(nodes[address] == _read_node(*address) for address in expected)


@given(sizes, st.data())
@settings(deadline=None)
def test_every_path_verifies_from_stored_nodes_alone(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    nodes = _reader(size)
    root = Frontier.empty().extend(LEAVES[:size]).root()
    path = inclusion_path(index=index, size=size, read_node=lambda *at: nodes[at])
    assert root_from_path(leaf=LEAVES[index], index=index, size=size, path=path) == root
    assert verify_inclusion(leaf=LEAVES[index], index=index, size=size, path=path, root=root)


@given(sizes, st.data())
@settings(deadline=None, max_examples=200)
def test_no_flipped_bit_and_no_other_place_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    root = _naive_root(LEAVES[:size])
    path = inclusion_path(index=index, size=size, read_node=_read_node)
    hashes = [LEAVES[index], root, *path]
    which = data.draw(st.integers(0, len(hashes) - 1))
    bit = data.draw(st.integers(0, 255))
    damaged = bytearray(hashes[which])
    damaged[bit // 8] ^= 1 << bit % 8
    hashes[which] = bytes(damaged)
    leaf, claimed_root, *changed = hashes
    assert not verify_inclusion(leaf=leaf, index=index, size=size, path=changed, root=claimed_root)
    elsewhere = data.draw(st.integers(0, MAX_LEAVES).filter(lambda place: place != index))
    assert not verify_inclusion(
        leaf=LEAVES[index], index=elsewhere, size=size, path=path, root=root
    )
    for wrong in (path[:-1] if path else [root], [*path, sha256(b"more")]):
        assert not verify_inclusion(
            leaf=LEAVES[index], index=index, size=size, path=wrong, root=root
        )


@given(sizes, st.data())
@settings(deadline=None, max_examples=200)
def test_growth_is_proven_and_a_rewrite_is_not(new_size: int, data: st.DataObject) -> None:
    old_size = data.draw(st.integers(0, new_size))
    nodes = _reader(new_size)
    old_root, new_root = _naive_root(LEAVES[:old_size]), _naive_root(LEAVES[:new_size])
    path = consistency_path(old_size=old_size, new_size=new_size, read_node=lambda *at: nodes[at])
    assert verify_consistency(
        old_size=old_size, new_size=new_size, old_root=old_root, new_root=new_root, path=path
    )
    if old_size == 0:
        return
    rewritten = list(LEAVES[:old_size])
    rewritten[data.draw(st.integers(0, old_size - 1))] = leaf_hash(b"rewritten")
    assert not verify_consistency(
        old_size=old_size,
        new_size=new_size,
        old_root=_naive_root(rewritten),
        new_root=new_root,
        path=path,
    )
    for place in range(len(path)):
        changed = list(path)
        changed[place] = sha256(changed[place])
        assert not verify_consistency(
            old_size=old_size, new_size=new_size, old_root=old_root, new_root=new_root, path=changed
        )
