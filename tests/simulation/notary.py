"""Signatures as tokens: the notary gives one only to the hub whose name it is; none can be forged.

The notary also remembers what each key ever signed, across restarts, and says so when a key
contradicts itself: that is the first invariant of the whole design.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from homechain.consensus.rules import commits_needed
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    EpochClose,
    QuorumCertificate,
    Rank,
)
from homechain.model.configuration import Configuration
from homechain.model.statements import (
    Commit,
    Prepare,
    Proposal,
    Vote,
    commit_bytes,
    prepare_bytes,
    proposal_bytes,
    statement_bytes,
    vote_bytes,
)


class Violation(AssertionError):
    """An invariant does not hold."""


def token(hub: str, message: bytes) -> bytes:
    """What stands for the signature of `hub` under `message`."""
    return hashlib.blake2b(hub.encode() + b"\0" + message, digest_size=16).digest()


@dataclass
class Notary:
    """All keys of a simulated home."""

    liars: set[str] = field(default_factory=set)
    """Hubs that may contradict themselves."""
    issued: set[bytes] = field(default_factory=set)
    _said: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _promised: dict[tuple[str, int], int] = field(default_factory=dict)
    _checked: set[Any] = field(default_factory=set)

    def sign(self, hub: str, statement: Any, configuration: Configuration) -> Any:
        """The statement with its token. `Violation` if an honest key contradicts itself."""
        assert configuration.members[statement.signer] == hub, "a hub signs for itself"
        if hub not in self.liars:
            self._witness(hub, statement)
        signature = token(hub, statement_bytes(statement, configuration))
        self.issued.add(signature)
        return msgspec.structs.replace(statement, signature=signature)

    def _witness(self, hub: str, statement: Any) -> None:
        epoch, term = statement.epoch, statement.term
        match statement:
            case Vote():
                self._once((hub, "vote", epoch, term), (statement.high.rank, statement.high.block))
                self._promised[hub, epoch] = max(term, self._promised.get((hub, epoch), 0))
            case Prepare():
                what = (statement.block, statement.justify_rank, statement.justify_block)
                self._once((hub, "prepare", epoch, term, statement.seq), what)
                self._above_promise(hub, statement)
            case Commit():
                self._once((hub, "commit", epoch, term, statement.seq), statement.block)
                self._above_promise(hub, statement)
            case Proposal():
                self._once((hub, "proposal", epoch, term, statement.seq), statement.block_hash)

    def _once(self, slot: tuple[Any, ...], what: Any) -> None:
        if self._said.setdefault(slot, what) != what:
            raise Violation(f"{slot[0]} signed two different statements: {slot[1:]}")

    def _above_promise(self, hub: str, statement: Prepare | Commit) -> None:
        promised = self._promised.get((hub, statement.epoch), 0)
        if statement.term < promised:
            raise Violation(f"{hub} promised term {promised}, then signed {statement}")

    def has_voted(self, hub: str, *, epoch: int, term: int) -> bool:
        """Did this key ever vote in that term?"""
        return (hub, "vote", epoch, term) in self._said

    # ------------------------------------------------------------------ verification

    def is_signed(self, statement: Any, configuration: Configuration) -> bool:
        """Is the token right, and was it ever issued?"""
        hub = configuration.members[statement.signer]
        expected = token(hub, statement_bytes(statement, configuration))
        return statement.signature == expected and expected in self.issued

    def proves_quorum(self, certificate: QuorumCertificate, configuration: Configuration) -> bool:
        """q distinct prepares, or the root of the epoch."""
        rank = certificate.rank
        if rank == Rank(configuration.epoch, 0, 0):
            return not certificate.endorsements
        return self._proves(
            certificate,
            configuration,
            configuration.quorum,
            lambda entry: prepare_bytes(
                configuration=configuration,
                signer=entry.signer,
                term=rank.term,
                seq=rank.seq,
                block=certificate.block,
                justify_rank=certificate.justify_rank,
                justify_block=certificate.justify_block,
            ),
        )

    def proves_commit(
        self,
        certificate: CommitCertificate,
        configuration: Configuration,
        closes: EpochClose | None,
    ) -> bool:
        """Enough distinct commits, or prepares for children."""
        rank = certificate.rank

        def message(entry: Any) -> bytes:
            if entry.child is None:
                return commit_bytes(
                    configuration=configuration,
                    signer=entry.signer,
                    term=rank.term,
                    seq=rank.seq,
                    block=certificate.block,
                )
            return prepare_bytes(
                configuration=configuration,
                signer=entry.signer,
                term=rank.term,
                seq=rank.seq + 1,
                block=entry.child,
                justify_rank=rank,
                justify_block=certificate.block,
            )

        needed = commits_needed(configuration, closes)
        return self._proves(certificate, configuration, needed, message)

    def proves_election(
        self, certificate: ElectionCertificate, configuration: Configuration
    ) -> bool:
        """q distinct votes."""
        return self._proves(
            certificate,
            configuration,
            configuration.quorum,
            lambda entry: vote_bytes(
                configuration=configuration,
                signer=entry.signer,
                term=certificate.term,
                high_rank=entry.high_rank,
                high_block=entry.high_block,
            ),
        )

    def proves_proposal(
        self, *, slot: Rank, signer: int, block: bytes, signature: bytes, home: Configuration
    ) -> bool:
        """The leader's own token for slot and block."""
        message = proposal_bytes(
            configuration=home, signer=signer, term=slot.term, seq=slot.seq, block=block
        )
        return signature == token(home.members[signer], message)

    def _proves(
        self, certificate: Any, configuration: Configuration, needed: int, message: Any
    ) -> bool:
        key = (type(certificate), configuration.epoch, needed, certificate)
        if key in self._checked:
            return True
        entries = certificate.endorsements
        signers = {entry.signer for entry in entries}
        good = len(signers) == len(entries) >= needed and all(
            0 <= entry.signer < configuration.size
            and entry.signature == token(configuration.members[entry.signer], message(entry))
            and entry.signature in self.issued
            for entry in entries
        )
        if good:
            self._checked.add(key)
        return good
