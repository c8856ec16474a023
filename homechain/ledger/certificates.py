"""Certificates and statements: who signed what, counted against a configuration.

May live here: form first (cheap), then signatures over the exact bytes of `model.statements`. May
not: whether a certificate is new, useful or safe to act on (`consensus`). Each certificate can be
had as a list of `SignatureCheck`s, for whoever checks many at once in threads.
"""

from collections.abc import Sequence
from itertools import pairwise

from homechain.crypto.keys import PublicKey
from homechain.ledger.errors import InvalidCertificate
from homechain.ledger.records import SignatureCheck
from homechain.model import limits
from homechain.model.blocks import (
    CommitCertificate,
    CommitEndorsement,
    ElectionCertificate,
    EpochClose,
    QuorumCertificate,
    Rank,
    block_hash,
    root_certificate,
)
from homechain.model.configuration import Configuration, commits_to_close
from homechain.model.ids import DIGEST_BYTES
from homechain.model.statements import (
    Proposal,
    Statement,
    Vote,
    commit_bytes,
    prepare_bytes,
    statement_bytes,
    vote_bytes,
)


def verify_quorum(
    certificate: QuorumCertificate, configuration: Configuration, *, root: bytes | None = None
) -> None:
    """Raise `InvalidCertificate` unless q to n distinct members prepared the block in its slot.

    The certificate of an epoch's root (rank (epoch, 0, 0), no endorsements) proves nothing: it
    passes only where `root`, the root block's hash that the caller already knows, is given and is
    the block that it names.
    """
    _verify(quorum_checks(certificate, configuration, root=root))


def verify_commit(
    certificate: CommitCertificate, configuration: Configuration, *, closes: EpochClose | None
) -> None:
    """Raise `InvalidCertificate` unless enough distinct members committed the block.

    `closes` is the closing mark of the block's header: closing an epoch takes
    `commits_to_close` of the old members (R11), any other block the quorum.
    """
    _verify(commit_checks(certificate, configuration, closes=closes))


def verify_election(certificate: ElectionCertificate, configuration: Configuration) -> None:
    """Raise `InvalidCertificate` unless q to n distinct members voted for the term."""
    _verify(election_checks(certificate, configuration))


def verify_statement(statement: Statement, configuration: Configuration) -> bool:
    """Say whether the statement is of this epoch, well-formed, and signed by the member it names.

    Certificates inside a vote or a proposal are checked on their own.
    """
    try:
        key, signature, message = statement_check(statement, configuration)
    except InvalidCertificate:
        return False
    return key.verify(signature, message)


def quorum_checks(
    certificate: QuorumCertificate, configuration: Configuration, *, root: bytes | None = None
) -> list[SignatureCheck]:
    """The signatures that `verify_quorum` checks; raises as it does for everything else."""
    rank = certificate.rank
    if rank == Rank(configuration.epoch, 0, 0):
        if root is None or certificate != root_certificate(configuration.epoch, root):
            raise InvalidCertificate("not the certificate of this epoch's root")
        return []
    _check_rank(rank, configuration)
    _check_rank(certificate.justify_rank, configuration)
    _check_digest(certificate.block)
    _check_digest(certificate.justify_block)
    if not certificate.justify_rank < rank:
        raise InvalidCertificate("the block is justified by a certificate that is not older")
    _check_signers([each.signer for each in certificate.endorsements], configuration)
    return [
        (
            _key(configuration, each.signer),
            each.signature,
            prepare_bytes(
                configuration=configuration,
                signer=each.signer,
                term=rank.term,
                seq=rank.seq,
                block=certificate.block,
                justify_rank=certificate.justify_rank,
                justify_block=certificate.justify_block,
            ),
        )
        for each in certificate.endorsements
    ]


def commit_checks(
    certificate: CommitCertificate, configuration: Configuration, *, closes: EpochClose | None
) -> list[SignatureCheck]:
    """The signatures that `verify_commit` checks; raises as it does for everything else."""
    _check_rank(certificate.rank, configuration)
    _check_digest(certificate.block)
    _check_signers(
        [each.signer for each in certificate.endorsements],
        configuration,
        at_least=(commits_to_close(configuration, next_size=closes.next_size) if closes else None),
    )
    for each in certificate.endorsements:
        if each.child is None:
            continue
        _check_digest(each.child)
        if closes is not None:
            raise InvalidCertificate("nothing is prepared above a block that closes its epoch")
    return [
        (
            _key(configuration, each.signer),
            each.signature,
            _commit_message(certificate, each, configuration),
        )
        for each in certificate.endorsements
    ]


def _commit_message(
    certificate: CommitCertificate, endorsement: CommitEndorsement, configuration: Configuration
) -> bytes:
    rank = certificate.rank
    if endorsement.child is None:
        return commit_bytes(
            configuration=configuration,
            signer=endorsement.signer,
            term=rank.term,
            seq=rank.seq,
            block=certificate.block,
        )
    # R7: a prepare for the child in the same term names the block as its justification.
    return prepare_bytes(
        configuration=configuration,
        signer=endorsement.signer,
        term=rank.term,
        seq=rank.seq + 1,
        block=endorsement.child,
        justify_rank=rank,
        justify_block=certificate.block,
    )


def election_checks(
    certificate: ElectionCertificate, configuration: Configuration
) -> list[SignatureCheck]:
    """The signatures that `verify_election` checks; raises as it does for everything else."""
    _check_rank(Rank(certificate.epoch, certificate.term, 0), configuration)
    _check_signers([each.signer for each in certificate.endorsements], configuration)
    for each in certificate.endorsements:
        _check_high(each.high_rank, certificate.term, configuration)
        _check_digest(each.high_block)
    return [
        (
            _key(configuration, each.signer),
            each.signature,
            vote_bytes(
                configuration=configuration,
                signer=each.signer,
                term=certificate.term,
                high_rank=each.high_rank,
                high_block=each.high_block,
            ),
        )
        for each in certificate.endorsements
    ]


def statement_check(statement: Statement, configuration: Configuration) -> SignatureCheck:
    """The signature that `verify_statement` checks; `InvalidCertificate` for everything else."""
    if statement.epoch != configuration.epoch:
        raise InvalidCertificate("a statement of another epoch")
    if not 0 <= statement.term <= limits.COUNTER_MAX:
        raise InvalidCertificate("the term is out of range")
    if not 0 <= statement.signer < configuration.size:
        raise InvalidCertificate("the signer is no member")
    match statement:
        case Vote():
            _check_high(statement.high.rank, statement.term, configuration)
        case Proposal():
            if statement.signer != configuration.leader(statement.term):
                raise InvalidCertificate("only the leader of a term proposes in it")
            if statement.block_hash != block_hash(statement.block.header):
                raise InvalidCertificate("the hash is not that of the block")
        case _:
            pass
    message = statement_bytes(statement, configuration)
    return _key(configuration, statement.signer), statement.signature, message


def _verify(checks: list[SignatureCheck]) -> None:
    if not all(key.verify(signature, message) for key, signature, message in checks):
        raise InvalidCertificate("a signature is not the signer's")


def _check_signers(
    signers: Sequence[int], configuration: Configuration, *, at_least: int | None = None
) -> None:
    """From the needed number of signers up to all members, each once, ascending."""
    needed = configuration.quorum if at_least is None else at_least
    if not needed <= len(signers) <= configuration.size:
        raise InvalidCertificate(
            f"{len(signers)} signers where {needed} to {configuration.size} are needed"
        )
    if any(left >= right for left, right in pairwise(signers)):
        raise InvalidCertificate("signers are not distinct and ascending")
    if signers[0] < 0 or signers[-1] >= configuration.size:
        raise InvalidCertificate("a signer is no member")


def _check_rank(rank: Rank, configuration: Configuration) -> None:
    if rank.epoch != configuration.epoch:
        raise InvalidCertificate("a certificate of another epoch")
    is_root = rank.term == 0 and rank.seq == 0
    if not is_root and not (0 < rank.term <= limits.COUNTER_MAX):
        raise InvalidCertificate("the term is out of range")
    if not 0 <= rank.seq < limits.COUNTER_MAX:
        raise InvalidCertificate("the seq is out of range")


def _check_high(high: Rank, term: int, configuration: Configuration) -> None:
    _check_rank(high, configuration)
    if high.term >= term:
        raise InvalidCertificate("a vote names a certificate that is not older than its term")


def _check_digest(digest: bytes) -> None:
    if len(digest) != DIGEST_BYTES:
        raise InvalidCertificate(f"a block's hash has {DIGEST_BYTES} bytes, not {len(digest)}")


def _key(configuration: Configuration, signer: int) -> PublicKey:
    return PublicKey.from_did(configuration.members[signer])
