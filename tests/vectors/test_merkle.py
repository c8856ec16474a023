"""RFC 6962 trees: other people's inclusion proofs, good and bad, and known roots."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from homechain.crypto.merkle import EMPTY_ROOT, Frontier, leaf_hash, verify_inclusion

INCLUSION = Path(__file__).parent / "merkle" / "inclusion"
PROOFS = sorted(INCLUSION.rglob("*.json"))

# The eight leaves and the roots of the growing tree that Certificate Transparency's own
# implementations test with.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_proof_files_are_complete() -> None:
    wanted = [json.loads(path.read_text("utf-8"))["wantErr"] for path in PROOFS]
    assert (len(wanted), wanted.count(False)) == (len(PROOFS), 6)
    assert len(PROOFS) > 90


@pytest.mark.parametrize("path", PROOFS, ids=lambda path: str(path.relative_to(INCLUSION)))
def test_inclusion_proof_is_judged_as_its_authors_say(path: Path) -> None:
    vector: dict[str, Any] = json.loads(path.read_text("utf-8"))
    verdict = verify_inclusion(
        leaf=b64decode(vector["leafHash"] or ""),
        index=vector["leafIdx"],
        size=vector["treeSize"],
        path=[b64decode(entry) for entry in vector["proof"] or []],
        root=b64decode(vector["root"] or ""),
    )
    assert verdict is not vector["wantErr"]


def test_known_roots_of_a_growing_tree() -> None:
    frontier, roots = Frontier.empty(), []
    assert frontier.root() == EMPTY_ROOT
    for leaf in LEAVES:
        frontier = frontier.append(leaf_hash(leaf))
        roots.append(frontier.root().hex())
    assert roots == ROOTS
