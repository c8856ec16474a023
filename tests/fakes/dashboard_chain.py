"""A ledger of one record a block, with the proofs that the dashboard checks."""

from typing import Any

from homechain.api.schema.commands import CommandView, DecisionView
from homechain.api.schema.records import InclusionProof, RecordDetail, RecordView
from homechain.crypto.hashing import sha256
from homechain.crypto.jws import parse_compact
from homechain.crypto.keys import PrivateKey
from homechain.crypto.merkle import Frontier, leaf_hash, node_hash
from homechain.model.blocks import (
    CommitCertificate,
    CommitEndorsement,
    Header,
    Rank,
    block_hash,
    root_certificate,
    write_header,
)
from homechain.model.configuration import PROTOCOL_VERSION, configuration
from homechain.model.ids import digest_text
from homechain.model.statements import commit_bytes

TERM = 7


class DashboardChain:
    """Grows by `append`; `detail` proves a record under the newest header."""

    def __init__(self, hubs: list[PrivateKey]) -> None:
        root = sha256(b"made-up genesis")
        self.home = digest_text(root)
        self.configuration = configuration(
            home=root, epoch=0, members=tuple(hub.public.did for hub in hubs)
        )
        by_did = {hub.public.did: hub for hub in hubs}
        self._signers = [by_did[did] for did in self.configuration.members]
        self.parent = root
        self.height = 0
        self.raws: list[bytes] = []
        self.views: list[RecordView] = []
        self._header = b""

    def append(
        self,
        raw: bytes,
        *,
        kind: str,
        signer: str,
        signer_name: str,
        payload: dict[str, Any],
        time_ms: int,
        decision: DecisionView | None,
    ) -> RecordView:
        """The record as the hub shows it, final."""
        self.raws.append(raw)
        self.height += 1
        self._header = write_header(self._next_header(time_ms))
        self.parent = block_hash(self._header)
        view = RecordView(
            id=digest_text(parse_compact(raw, max_bytes=len(raw)).id),
            kind=kind,
            signer=signer,
            signer_name=signer_name,
            height=self.height,
            index=len(self.raws) - 1,
            time_ms=time_ms,
            payload=payload,
            decision=decision,
        )
        self.views.append(view)
        return view

    def detail(self, record_id: str, *, command: CommandView | None) -> RecordDetail:
        """One record down to its proof."""
        view = next(view for view in self.views if view.id == record_id)
        leaves = [leaf_hash(raw) for raw in self.raws]
        proof = InclusionProof(
            index=view.index,
            tree_size=len(self.raws),
            path=[digest_text(node) for node in _path(view.index, leaves)],
            header=self._header,
            commit=self._commit(),
        )
        raw = self.raws[view.index].decode()
        return RecordDetail(record=view, raw=raw, proof=proof, command=command)

    def _next_header(self, time_ms: int) -> Header:
        return Header(
            version=PROTOCOL_VERSION,
            home=self.configuration.home,
            epoch=self.configuration.epoch,
            configuration=self.configuration.hash(),
            term=TERM,
            seq=self.height,
            height=self.height,
            parent=self.parent,
            justify=root_certificate(0, self.parent),
            time_ms=time_ms,
            record_count=1,
            tree_size=len(self.raws),
            records_root=Frontier.empty().extend([leaf_hash(raw) for raw in self.raws]).root(),
            state_root=bytes(32),
        )

    def _commit(self) -> CommitCertificate:
        rank = Rank(self.configuration.epoch, TERM, self.height)
        endorsements = tuple(
            CommitEndorsement(
                number,
                self._signers[number].sign(
                    commit_bytes(
                        configuration=self.configuration,
                        signer=number,
                        term=TERM,
                        seq=self.height,
                        block=self.parent,
                    )
                ),
            )
            for number in range(self.configuration.quorum)
        )
        return CommitCertificate(rank, self.parent, endorsements)


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, as it is written there."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*_path(index, leaves[:split]), _root(leaves[split:])]
    return [*_path(index - split, leaves[split:]), _root(leaves[:split])]


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(_root(leaves[:split]), _root(leaves[split:]))
