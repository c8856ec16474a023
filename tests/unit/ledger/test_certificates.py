from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from homechain.ledger.certificates import (
    verify_commit,
    verify_election,
    verify_quorum,
    verify_statement,
)
from homechain.ledger.errors import InvalidCertificate
from homechain.model import limits
from homechain.model.blocks import (
    Block,
    CommitCertificate,
    CommitEndorsement,
    ElectionCertificate,
    Endorsement,
    EpochClose,
    QuorumCertificate,
    Rank,
    VoteEndorsement,
    block_hash,
    root_certificate,
)
from homechain.model.configuration import Configuration, commits_to_close, configuration
from homechain.model.statements import (
    Commit,
    Heartbeat,
    HeartbeatAck,
    Prepare,
    PreVote,
    Proposal,
    Statement,
    Vote,
    commit_bytes,
    prepare_bytes,
    statement_bytes,
    vote_bytes,
)
from tests.fakes.home import made_key

KEYS = {key.public.did: key for key in (made_key(f"hub {n}") for n in range(7))}
BLOCK, PARENT, CHILD = b"\1" * 32, b"\2" * 32, b"\3" * 32
RANK = Rank(0, 2, 5)


def hubs(count: int, *, epoch: int = 0, home: bytes = bytes(32)) -> Configuration:
    return configuration(home=home, epoch=epoch, members=tuple(KEYS)[:count])


THREE, FOUR = hubs(3), hubs(4)


def sign(membership: Configuration, signer: int, message: bytes) -> bytes:
    return KEYS[membership.members[signer]].sign(message)


def quorum(membership: Configuration, signers: Sequence[int]) -> QuorumCertificate:
    def signed(signer: int) -> Endorsement:
        message = prepare_bytes(
            configuration=membership,
            signer=signer,
            term=RANK.term,
            seq=RANK.seq,
            block=BLOCK,
            justify_rank=Rank(0, 2, 4),
            justify_block=PARENT,
        )
        return Endorsement(signer, sign(membership, signer, message))

    return QuorumCertificate(
        RANK, BLOCK, Rank(0, 2, 4), PARENT, tuple(signed(signer) for signer in signers)
    )


def commit(
    membership: Configuration, signers: Sequence[int], *, by_child: Sequence[int] = ()
) -> CommitCertificate:
    def signed(signer: int) -> CommitEndorsement:
        if signer in by_child:
            message = prepare_bytes(
                configuration=membership,
                signer=signer,
                term=RANK.term,
                seq=RANK.seq + 1,
                block=CHILD,
                justify_rank=RANK,
                justify_block=BLOCK,
            )
            return CommitEndorsement(signer, sign(membership, signer, message), CHILD)
        message = commit_bytes(
            configuration=membership, signer=signer, term=RANK.term, seq=RANK.seq, block=BLOCK
        )
        return CommitEndorsement(signer, sign(membership, signer, message))

    return CommitCertificate(RANK, BLOCK, tuple(signed(signer) for signer in signers))


def election(membership: Configuration, signers: Sequence[int]) -> ElectionCertificate:
    def signed(signer: int) -> VoteEndorsement:
        high = Rank(0, 2, signer)  # each names its own
        message = vote_bytes(
            configuration=membership, signer=signer, term=3, high_rank=high, high_block=BLOCK
        )
        return VoteEndorsement(signer, sign(membership, signer, message), high, BLOCK)

    return ElectionCertificate(0, 3, tuple(signed(signer) for signer in signers))


def verify_any(
    certificate: QuorumCertificate | CommitCertificate | ElectionCertificate,
    membership: Configuration,
) -> None:
    match certificate:
        case QuorumCertificate():
            verify_quorum(certificate, membership)
        case CommitCertificate():
            verify_commit(certificate, membership, closes=None)
        case ElectionCertificate():
            verify_election(certificate, membership)


Make = Callable[
    [Configuration, Sequence[int]], QuorumCertificate | CommitCertificate | ElectionCertificate
]
every_kind = pytest.mark.parametrize("make", [quorum, commit, election])


@every_kind
@pytest.mark.parametrize("signers", [(0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_a_quorum_of_distinct_members_is_enough(make: Make, signers: Sequence[int]) -> None:
    verify_any(make(THREE, signers), THREE)


@every_kind
@pytest.mark.parametrize("hub_count", range(1, 8))
def test_homes_of_one_to_seven_hubs_need_their_quorum(make: Make, hub_count: int) -> None:
    membership = hubs(hub_count)
    verify_any(make(membership, range(membership.quorum)), membership)
    with pytest.raises(InvalidCertificate, match="signers"):
        verify_any(make(membership, range(membership.quorum - 1)), membership)


@every_kind
def test_repeated_or_unordered_signers_are_refused(make: Make) -> None:
    for signers in ((1, 1), (1, 0)):
        with pytest.raises(InvalidCertificate, match="distinct"):
            verify_any(make(THREE, signers), THREE)


@every_kind
@pytest.mark.parametrize("stranger", [-1, 3, 2**40])
def test_signers_who_are_no_members_are_refused(make: Make, stranger: int) -> None:
    certificate = make(THREE, (0, 1))
    ends = [replace(certificate.endorsements[1], signer=stranger), certificate.endorsements[0]]
    ends.sort(key=lambda end: end.signer)
    with pytest.raises(InvalidCertificate, match="member"):
        verify_any(replace(certificate, endorsements=tuple(ends)), THREE)


@every_kind
def test_a_forged_signature_is_refused(make: Make) -> None:
    certificate = make(THREE, (0, 1))
    forged = replace(certificate.endorsements[1], signature=bytes(64))
    with pytest.raises(InvalidCertificate, match="signature"):
        verify_any(replace(certificate, endorsements=(certificate.endorsements[0], forged)), THREE)


@every_kind
def test_a_signature_of_another_member_is_refused(make: Make) -> None:
    certificate = make(THREE, (0, 1))
    moved = replace(certificate.endorsements[1], signer=2)
    with pytest.raises(InvalidCertificate, match="signature"):
        verify_any(replace(certificate, endorsements=(certificate.endorsements[0], moved)), THREE)


@every_kind
def test_certificates_count_in_one_home_epoch_and_membership_only(make: Make) -> None:
    certificate = make(THREE, (0, 1, 2))
    with pytest.raises(InvalidCertificate, match="signature"):
        verify_any(certificate, hubs(3, home=b"\7" * 32))
    with pytest.raises(InvalidCertificate, match="epoch"):
        verify_any(certificate, hubs(3, epoch=1))
    with pytest.raises(InvalidCertificate, match="signature"):
        verify_any(certificate, FOUR)


@pytest.mark.parametrize(
    "changed",
    [
        {"rank": Rank(0, 2, 6)},
        {"rank": Rank(0, 3, 5)},
        {"block": CHILD},
        {"justify_rank": Rank(0, 2, 3)},
        {"justify_block": CHILD},
        {"justify_rank": RANK},
        {"justify_rank": Rank(1, 0, 0)},
        {"rank": Rank(0, 0, 5)},
        {"rank": Rank(0, 2**60, 5)},
        {"rank": Rank(0, 2, -1)},
        {"block": b"short"},
        {"justify_block": b"short"},
    ],
)
def test_every_field_of_a_quorum_certificate_counts(changed: dict[str, object]) -> None:
    with pytest.raises(InvalidCertificate):
        verify_quorum(replace(quorum(THREE, (0, 1)), **changed), THREE)


def test_the_certificate_of_a_root_proves_only_what_the_caller_knows() -> None:
    certificate = root_certificate(0, BLOCK)
    verify_quorum(certificate, THREE, root=BLOCK)
    with pytest.raises(InvalidCertificate, match="root"):
        verify_quorum(certificate, THREE)
    with pytest.raises(InvalidCertificate, match="root"):
        verify_quorum(certificate, THREE, root=CHILD)
    with pytest.raises(InvalidCertificate, match="epoch"):
        verify_quorum(certificate, hubs(3, epoch=1), root=BLOCK)


# -------------------------------------------------------------------- commits


def test_a_prepare_for_the_child_in_the_same_term_counts_as_a_commit() -> None:
    verify_commit(commit(THREE, (0, 1), by_child=(1,)), THREE, closes=None)
    verify_commit(commit(THREE, (0, 1), by_child=(0, 1)), THREE, closes=None)


def test_a_prepare_for_another_child_does_not_count() -> None:
    certificate = commit(THREE, (0, 1), by_child=(1,))
    other = replace(certificate.endorsements[1], child=PARENT)
    with pytest.raises(InvalidCertificate, match="signature"):
        verify_commit(
            replace(certificate, endorsements=(certificate.endorsements[0], other)),
            THREE,
            closes=None,
        )
    short = replace(certificate.endorsements[1], child=b"")
    with pytest.raises(InvalidCertificate, match="32 bytes"):
        verify_commit(
            replace(certificate, endorsements=(certificate.endorsements[0], short)),
            THREE,
            closes=None,
        )


def test_closing_an_epoch_takes_more_commits() -> None:
    close = EpochClose(bytes(32), 4)
    assert commits_to_close(THREE, next_size=4) == 3
    verify_commit(commit(THREE, (0, 1)), THREE, closes=None)
    with pytest.raises(InvalidCertificate, match="3 to 3"):
        verify_commit(commit(THREE, (0, 1)), THREE, closes=close)
    verify_commit(commit(THREE, (0, 1, 2)), THREE, closes=close)


def test_nothing_is_prepared_above_a_closing_block() -> None:
    certificate = commit(THREE, (0, 1, 2), by_child=(2,))
    with pytest.raises(InvalidCertificate, match="closes"):
        verify_commit(certificate, THREE, closes=EpochClose(bytes(32), 3))


# -------------------------------------------------------------------- votes and statements


def test_a_vote_names_an_older_certificate() -> None:
    certificate = election(THREE, (0, 1))
    newer = replace(certificate.endorsements[1], high_rank=Rank(0, 3, 0))
    with pytest.raises(InvalidCertificate, match="older"):
        verify_election(
            replace(certificate, endorsements=(certificate.endorsements[0], newer)), THREE
        )


def made_statement(kind: type[Statement]) -> Statement:
    leader = THREE.leader(2)
    statements: dict[type[Statement], Statement] = {
        PreVote: PreVote(0, 2, 1),
        Vote: Vote(0, 3, 1, quorum(THREE, (0, 1))),
        Proposal: Proposal(
            0,
            2,
            6,
            leader,
            block_hash(b"header"),
            Block(b"header", ()),
            quorum(THREE, (0, 1)),
            None,
        ),
        Prepare: Prepare(0, 2, 5, BLOCK, Rank(0, 2, 4), PARENT, 1),
        Commit: Commit(0, 2, 5, BLOCK, 1),
        Heartbeat: Heartbeat(0, 2, 1, 7, RANK, 9),
        HeartbeatAck: HeartbeatAck(0, 2, 1, 7),
    }
    statement = statements[kind]
    return replace(
        statement,
        signature=sign(THREE, statement.signer, statement_bytes(statement, THREE)),
    )


KINDS = [PreVote, Vote, Proposal, Prepare, Commit, Heartbeat, HeartbeatAck]


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_is_its_signers_word(kind: type[Statement]) -> None:
    statement = made_statement(kind)
    assert verify_statement(statement, THREE)
    assert not verify_statement(replace(statement, signature=bytes(64)), THREE)
    assert not verify_statement(replace(statement, signature=b""), THREE)
    assert not verify_statement(replace(statement, signer=(statement.signer + 1) % 3), THREE)
    assert not verify_statement(replace(statement, signer=3), THREE)
    assert not verify_statement(replace(statement, signer=-1), THREE)
    assert not verify_statement(replace(statement, term=statement.term + 1), THREE)
    assert not verify_statement(replace(statement, term=limits.COUNTER_MAX + 1), THREE)
    assert not verify_statement(replace(statement, epoch=1), hubs(3, epoch=1))
    assert not verify_statement(statement, hubs(3, epoch=1))
    assert not verify_statement(statement, hubs(3, home=b"\7" * 32))


def test_statements_are_not_passed_off_as_one_another() -> None:
    vote = made_statement(PreVote)
    as_ack = HeartbeatAck(0, 2, 1, 7, signature=vote.signature)
    assert not verify_statement(as_ack, THREE)


def test_only_the_leader_proposes_and_only_its_block() -> None:
    proposal = made_statement(Proposal)
    assert isinstance(proposal, Proposal)
    other = (proposal.signer + 1) % 3
    usurped = replace(proposal, signer=other)
    usurped = replace(usurped, signature=sign(THREE, other, statement_bytes(usurped, THREE)))
    assert not verify_statement(usurped, THREE)
    assert not verify_statement(replace(proposal, block=Block(b"another", ())), THREE)


def test_a_vote_for_a_term_names_a_certificate_below_it() -> None:
    vote = made_statement(Vote)
    assert isinstance(vote, Vote)
    late = replace(vote, term=2)
    late = replace(late, signature=sign(THREE, 1, statement_bytes(late, THREE)))
    assert not verify_statement(late, THREE)
