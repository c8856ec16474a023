"""What this dashboard itself checked of one record, step by step. Pure.

A hub's word is not a check: each step says what was computed here, and on whose word it stands.
"""

from msgspec import Struct

from homechain.api.schema.mesh import MeshView
from homechain.api.schema.records import InclusionProof, RecordDetail
from homechain.crypto.errors import CryptoError
from homechain.crypto.jws import parse_compact, verify_compact
from homechain.crypto.keys import PublicKey
from homechain.crypto.merkle import leaf_hash, verify_inclusion
from homechain.ledger.certificates import verify_commit
from homechain.ledger.errors import LedgerError
from homechain.model import limits
from homechain.model.blocks import Header, block_hash, read_header
from homechain.model.configuration import configuration
from homechain.model.errors import FormatError
from homechain.model.ids import digest_from_text, digest_text


class Check(Struct, frozen=True, kw_only=True):
    """One step. `passed` is None where it could not be made."""

    passed: bool | None
    words: str


def checks(detail: RecordDetail, *, home: str, mesh: MeshView | None) -> list[Check]:
    """Signature, name, place in the tree, commit certificate, in this order."""
    found = _signature(detail)
    if detail.proof is None:
        words = "Not proven yet: the header that covers it comes with the next block"
        return [*found, Check(passed=None, words=words)]
    try:
        header = read_header(detail.proof.header)
    except FormatError as error:
        return [*found, Check(passed=False, words=f"The header cannot be read: {error}")]
    return [
        *found,
        _inclusion(detail, detail.proof, header),
        _commit(detail.proof, header, home=home, mesh=mesh),
    ]


def _signature(detail: RecordDetail) -> list[Check]:
    record = detail.record
    try:
        jws = parse_compact(detail.raw.encode("ascii"), max_bytes=limits.RECORD_BYTES)
        is_signed = verify_compact(jws, PublicKey.from_did(record.signer))
    except CryptoError as error:
        return [Check(passed=False, words=f"The record cannot be read: {error}")]
    is_named = digest_text(jws.id) == record.id
    return [
        Check(
            passed=is_signed,
            words="Signed by this key (Ed25519)" if is_signed else "NOT signed by this key",
        ),
        Check(
            passed=is_named,
            words="Its id is the hash of what was signed" if is_named else "Its id is WRONG",
        ),
    ]


def _inclusion(detail: RecordDetail, proof: InclusionProof, header: Header) -> Check:
    try:
        path = [digest_from_text(node) for node in proof.path]
    except FormatError:
        return Check(passed=False, words="The path in the tree cannot be read")
    is_included = proof.tree_size == header.tree_size and verify_inclusion(
        leaf=leaf_hash(detail.raw.encode("ascii")),
        index=proof.index,
        size=proof.tree_size,
        path=path,
        root=header.records_root,
    )
    where = f"record {proof.index + 1} of {proof.tree_size} under block #{header.height}"
    words = f"In the ledger: {where}" if is_included else f"NOT in the ledger as {where}"
    return Check(passed=is_included, words=words)


def _commit(proof: InclusionProof, header: Header, *, home: str, mesh: MeshView | None) -> Check:
    if mesh is None or mesh.epoch != header.epoch:
        words = f"The hubs of epoch {header.epoch} are not known here, so its commit is unchecked"
        return Check(passed=None, words=words)
    members = tuple(hub.did for hub in mesh.hubs if hub.member)
    try:
        hubs = configuration(home=digest_from_text(home), epoch=mesh.epoch, members=members)
        verify_commit(proof.commit, hubs, closes=header.close)
    except (LedgerError, FormatError, ValueError) as error:
        return Check(passed=False, words=f"The commit certificate is WRONG: {error}")
    is_same = proof.commit.block == block_hash(proof.header) and header.configuration == hubs.hash()
    if not is_same:
        return Check(passed=False, words="The commit certificate is of ANOTHER block")
    count = len(proof.commit.endorsements)
    words = f"Committed by {count} of {hubs.size} hubs (which hubs there are, your hub says)"
    return Check(passed=True, words=words)
