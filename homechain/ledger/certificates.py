"""Certificates and statements: who signed what, counted against a configuration.

May live here: form first (cheap), then signatures over the exact bytes of `model.statements`. May
not: whether a certificate is new, useful or safe to act on (`consensus`). Each certificate can be
had as a list of `SignatureCheck`s, for whoever checks many at once in threads.
"""

from homechain.ledger.records import SignatureCheck
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    EpochClose,
    QuorumCertificate,
)
from homechain.model.configuration import Configuration
from homechain.model.statements import Statement


def verify_quorum(
    certificate: QuorumCertificate, configuration: Configuration, *, root: bytes | None = None
) -> None:
    """Raise `InvalidCertificate` unless q to n distinct members prepared the block in its slot.

    The certificate of an epoch's root (rank (epoch, 0, 0), no endorsements) proves nothing: it
    passes only where `root`, the root block's hash that the caller already knows, is given and is
    the block that it names.
    """
    raise NotImplementedError


def verify_commit(
    certificate: CommitCertificate, configuration: Configuration, *, closes: EpochClose | None
) -> None:
    """Raise `InvalidCertificate` unless enough distinct members committed the block.

    `closes` is the closing mark of the block's header: closing an epoch takes
    `commits_to_close` of the old members (R11), any other block the quorum.
    """
    raise NotImplementedError


def verify_election(certificate: ElectionCertificate, configuration: Configuration) -> None:
    """Raise `InvalidCertificate` unless q to n distinct members voted for the term."""
    raise NotImplementedError


def verify_statement(statement: Statement, configuration: Configuration) -> bool:
    """Say whether the statement is of this epoch, well-formed, and signed by the member it names.

    Certificates inside a vote or a proposal are checked on their own.
    """
    raise NotImplementedError


def quorum_checks(
    certificate: QuorumCertificate, configuration: Configuration, *, root: bytes | None = None
) -> list[SignatureCheck]:
    """The signatures that `verify_quorum` checks; raises as it does for everything else."""
    raise NotImplementedError


def commit_checks(
    certificate: CommitCertificate, configuration: Configuration, *, closes: EpochClose | None
) -> list[SignatureCheck]:
    """The signatures that `verify_commit` checks; raises as it does for everything else."""
    raise NotImplementedError


def election_checks(
    certificate: ElectionCertificate, configuration: Configuration
) -> list[SignatureCheck]:
    """The signatures that `verify_election` checks; raises as it does for everything else."""
    raise NotImplementedError


def statement_check(statement: Statement, configuration: Configuration) -> SignatureCheck:
    """The signature that `verify_statement` checks; `InvalidCertificate` for everything else."""
    raise NotImplementedError
