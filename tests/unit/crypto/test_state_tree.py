import msgspec
import pytest

from homechain.crypto.errors import InvalidProof
from homechain.crypto.hashing import sha256
from homechain.crypto.state_tree import StateProof, StateTree, bucket_index, verify_state_proof


def _keys_of_one_bucket(count: int) -> list[str]:
    wanted = bucket_index("grant/0")
    found: list[str] = []
    number = 0
    while len(found) < count:
        if bucket_index(f"grant/{number}") == wanted:
            found.append(f"grant/{number}")
        number += 1
    return sorted(found)


TREE = StateTree.empty().updated({f"grant/{number}": b"value" for number in range(600)})


def test_the_root_is_built_as_the_format_says() -> None:
    key, value = "grant/é", b"value"
    raw = key.encode()
    buckets = [b""] * 256
    buckets[sha256(raw)[0]] = (
        len(raw).to_bytes(4, "big") + raw + len(value).to_bytes(4, "big") + value
    )
    level = [sha256(b"\x00" + bucket) for bucket in buckets]
    while len(level) > 1:
        level = [
            sha256(b"\x01" + left + right)
            for left, right in zip(level[::2], level[1::2], strict=True)
        ]
    assert StateTree.empty().updated({key: value}).root == level[0]


def test_the_root_of_the_empty_map_is_frozen() -> None:
    node = sha256(b"\x00")
    for _ in range(8):
        node = sha256(b"\x01", node, node)
    assert StateTree.empty().root == node


def test_values_are_read_back_and_removed() -> None:
    tree = StateTree.empty().updated({"b": b"2", "a": b"1", "empty": b""})
    assert list(tree.items()) == [("a", b"1"), ("b", b"2"), ("empty", b"")]
    assert (tree.get("a"), tree.get("empty"), tree.get("c")) == (b"1", b"", None)
    assert tree.updated({"b": None, "never": None, "empty": None}) == StateTree.empty().updated(
        {"a": b"1"}
    )
    assert tree.updated({"a": None, "b": None, "empty": None}).root == StateTree.empty().root


def test_an_update_leaves_the_old_tree_alone() -> None:
    old = StateTree.empty().updated({"a": b"1"})
    root = old.root
    new = old.updated({"a": b"2"})
    assert (old.root, old.get("a"), new.get("a")) == (root, b"1", b"2")
    assert old.updated({}) == old


def test_an_empty_value_is_not_an_absent_one() -> None:
    tree = StateTree.empty().updated({"a": b""})
    assert tree.root != StateTree.empty().root
    assert verify_state_proof(tree.root, "a", tree.prove("a")) == b""


def test_presence_and_absence_are_proven_after_a_trip_over_the_wire() -> None:
    for key, value in (("grant/17", b"value"), ("grant/600", None)):
        sent = msgspec.msgpack.encode(TREE.prove(key))
        proof = msgspec.msgpack.decode(sent, type=StateProof)
        assert verify_state_proof(TREE.root, key, proof) == value


def test_a_proof_does_not_hold_for_another_root_or_a_key_elsewhere() -> None:
    proof = TREE.prove("grant/0")
    elsewhere = next(f"x{n}" for n in range(99) if bucket_index(f"x{n}") != bucket_index("grant/0"))
    with pytest.raises(InvalidProof, match="another root"):
        verify_state_proof(StateTree.empty().root, "grant/0", proof)
    with pytest.raises(InvalidProof):
        verify_state_proof(TREE.root, elsewhere, proof)


def test_absence_cannot_be_claimed_by_leaving_an_entry_out() -> None:
    first, second = _keys_of_one_bucket(2)
    tree = StateTree.empty().updated({first: b"1", second: b"2"})
    proof = tree.prove(first)
    thinned = msgspec.structs.replace(proof, bucket=[(second, b"2")])
    with pytest.raises(InvalidProof, match="another root"):
        verify_state_proof(tree.root, first, thinned)


def test_a_bucket_out_of_order_or_with_a_repeated_or_foreign_key_is_refused() -> None:
    first, second = _keys_of_one_bucket(2)
    tree = StateTree.empty().updated({first: b"1", second: b"2"})
    proof = tree.prove(first)
    for bucket in (
        proof.bucket[::-1],
        [(first, b"0"), *proof.bucket],
        [*proof.bucket, ("zzz-foreign", b"")],
    ):
        with pytest.raises(InvalidProof, match="out of order or holds a foreign key"):
            verify_state_proof(tree.root, first, msgspec.structs.replace(proof, bucket=bucket))


@pytest.mark.parametrize("count", [0, 7, 9])
def test_a_proof_of_another_depth_is_refused(count: int) -> None:
    siblings = (TREE.prove("grant/0").siblings * 2)[:count]
    proof = msgspec.structs.replace(TREE.prove("grant/0"), siblings=siblings)
    with pytest.raises(InvalidProof, match="8 siblings"):
        verify_state_proof(TREE.root, "grant/0", proof)


def test_a_sibling_of_another_length_is_refused() -> None:
    siblings = [*TREE.prove("grant/0").siblings[:7], bytes(33)]
    proof = msgspec.structs.replace(TREE.prove("grant/0"), siblings=siblings)
    with pytest.raises(InvalidProof, match="32 bytes"):
        verify_state_proof(TREE.root, "grant/0", proof)


def test_a_key_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidProof, match="Unicode"):
        StateTree.empty().updated({"\ud800": b""})


def test_only_touched_buckets_are_rebuilt() -> None:
    new = TREE.updated({"grant/0": b"changed"})
    changed = [old is not new for old, new in zip(TREE.buckets, new.buckets, strict=True)]
    nodes = [old != new for old, new in zip(TREE.nodes, new.nodes, strict=True)]
    assert (sum(changed), sum(nodes)) == (1, 9)


def test_its_repr_shows_the_root_and_not_the_contents() -> None:
    assert repr(TREE) == f"StateTree(root={TREE.root.hex()})"
