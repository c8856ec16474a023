"""The state's commitment depends on the map and on nothing else."""

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from homechain.crypto.errors import InvalidProof
from homechain.crypto.state_tree import StateProof, StateTree, bucket_index, verify_state_proof

# A few keys that share buckets, so that buckets with several entries come up often.
CROWDED = [f"k{n}" for n in range(4000) if bucket_index(f"k{n}") in (0, 255)]
keys = st.sampled_from(CROWDED) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
maps = st.dictionaries(keys, st.binary(max_size=6), max_size=12)
edits = st.lists(st.tuples(keys, st.none() | st.binary(max_size=4)), max_size=25)


@given(edits)
@settings(deadline=None)
def test_the_root_does_not_depend_on_the_way_there(
    steps: list[tuple[str, bytes | None]],
) -> None:
    tree, model = StateTree.empty(), dict[str, bytes]()
    for key, value in steps:
        tree = tree.updated({key: value})
        if value is None:
            model.pop(key, None)
        else:
            model[key] = value
    assert tree == StateTree.empty().updated(model)
    assert tree.root == StateTree.empty().updated(dict(reversed(model.items()))).root
    assert list(tree.items()) == sorted(model.items())


@given(maps, maps)
@settings(deadline=None)
def test_different_maps_have_different_roots(
    first: dict[str, bytes], second: dict[str, bytes]
) -> None:
    roots = [StateTree.empty().updated(content).root for content in (first, second)]
    assert (roots[0] == roots[1]) is (first == second)


@given(maps, keys)
@settings(deadline=None)
def test_every_key_is_proven_present_with_its_value_or_absent(
    content: dict[str, bytes], key: str
) -> None:
    tree = StateTree.empty().updated(content)
    proof = msgspec.msgpack.decode(msgspec.msgpack.encode(tree.prove(key)), type=StateProof)
    assert verify_state_proof(tree.root, key, proof) == content.get(key) == tree.get(key)


@given(maps, maps, keys)
@settings(deadline=None)
def test_a_proof_of_another_state_proves_nothing(
    content: dict[str, bytes], other: dict[str, bytes], key: str
) -> None:
    assume(content != other)
    root = StateTree.empty().updated(content).root
    try:
        verify_state_proof(root, key, StateTree.empty().updated(other).prove(key))
    except InvalidProof:
        return
    raise AssertionError("a proof of another state was accepted")


@given(maps, keys, st.data())
@settings(deadline=None, max_examples=200)
def test_no_changed_byte_of_a_proof_is_accepted(
    content: dict[str, bytes], key: str, data: st.DataObject
) -> None:
    tree = StateTree.empty().updated(content)
    sent = bytearray(msgspec.msgpack.encode(tree.prove(key)))
    sent[data.draw(st.integers(0, len(sent) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        proof = msgspec.msgpack.decode(bytes(sent), type=StateProof)
        value = verify_state_proof(tree.root, key, proof)
    except (InvalidProof, msgspec.DecodeError, UnicodeDecodeError):
        return
    # A change of the encoding alone (a longer length prefix, say) may pass; a lie may not.
    assert value == content.get(key)
    assert proof == tree.prove(key)
