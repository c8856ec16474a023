"""From a prepare certificate to what is final (R7, R8).

May live here: commits, commit certificates, the final chain. May not: proposing, terms.
"""

from homechain.consensus import helping, rules
from homechain.consensus.effects import Finalize
from homechain.consensus.inputs import CaughtUp, CommitShown
from homechain.consensus.state import Hub
from homechain.consensus.tally import commit_certificate
from homechain.consensus.terms import enter_term
from homechain.consensus.voting import is_of_this_term
from homechain.model.blocks import CommitCertificate, Rank
from homechain.model.statements import Commit


def on_commit(hub: Hub, statement: Commit) -> None:
    """Counts it, once a signer and slot. Two for one slot would take two certificates."""
    if statement.epoch == hub.safety.epoch and statement.term > hub.term:
        keep_early(hub, statement)
    if is_of_this_term(hub, statement):
        hub.tally.commits.first(statement.seq, statement.signer, statement)


def keep_early(hub: Hub, statement: Commit) -> None:
    """It may come before the proof of its term: the newest of each signer waits."""
    key = (statement.signer, Commit)
    before = hub.early.get(key)
    if before is None or (before.term, before.seq) < (statement.term, statement.seq):
        hub.early[key] = statement


def commit_if_due(hub: Hub) -> None:
    """R7: says that the certificate is held, unless a prepare for the child says so already."""
    record, high = hub.safety, hub.safety.high
    if hub.me is None or not hub.is_behind(high) or hub.said_commit >= high.rank:
        return
    if not rules.may_commit(record, high):
        return
    child = record.prepared
    if (
        child is not None
        and child.justify_block == high.block
        and rules.counts_as_commit(
            child=child.rank, child_justify=child.justify_rank, block=high.rank
        )
    ):
        return
    hub.said_commit = high.rank
    hub.say(Commit(record.epoch, high.rank.term, high.rank.seq, high.block, hub.me))


def count_commits(hub: Hub) -> None:
    """R8: makes the highest commit certificate that the current term's statements allow."""
    record = hub.safety
    committed = record.committed_rank
    seqs = set(hub.tally.commits.seqs()) | {seq - 1 for seq in hub.tally.prepares.seqs()}
    for seq in sorted(seqs, reverse=True):
        rank = Rank(record.epoch, record.term, seq)
        if seq < 0 or rank <= committed:
            continue
        for block in sorted(blocks_named(hub, seq)):
            summary = hub.chain.get(block)
            if summary is None:
                continue  # its header says how many it takes: counted when that is here
            needed = rules.commits_needed(hub.configuration, summary.closes)
            certificate = commit_certificate(hub.tally, rank=rank, block=block, needed=needed)
            if certificate is not None:
                learn_commit(hub, certificate)
                return


def blocks_named(hub: Hub, seq: int) -> set[bytes]:
    """Blocks of one slot that anybody's commit, or prepare of a child, names."""
    named = {commit.block for commit in hub.tally.commits.of(seq).values()}
    return named | {prepare.justify_block for prepare in hub.tally.prepares.of(seq + 1).values()}


def learn_commit(hub: Hub, certificate: CommitCertificate) -> None:
    """Makes final what the certificate proves, or waits for the missing blocks."""
    record = hub.safety
    if certificate.rank.epoch != record.epoch or certificate.rank <= record.committed_rank:
        return
    if certificate.rank.term > hub.term:
        enter_term(hub, certificate.rank.term)
    if certificate.block == record.committed_block:
        hub.safety = hub.safety._replace(committed_rank=certificate.rank)
        hub.commit = certificate
        return
    summary = hub.chain.get(certificate.block)
    if summary is None or not hub.extends_final(certificate.block):
        if hub.awaiting is None or certificate.rank > hub.awaiting.rank:
            hub.awaiting = certificate
        helping.catch_up(hub, None, 0)
        return
    needed = rules.commits_needed(hub.configuration, summary.closes)
    if len({entry.signer for entry in certificate.endorsements}) >= needed:
        finalize(hub, certificate)


def finalize(hub: Hub, certificate: CommitCertificate) -> None:
    """The block and its ancestors are final here."""
    summary = hub.chain[certificate.block]
    hub.flush()
    hub.safety = hub.safety._replace(
        committed_rank=certificate.rank,
        committed_block=summary.hash,
        committed_height=summary.height,
        writes=hub.safety.writes + 1,
    )
    hub.do(Finalize(summary.hash, certificate, hub.safety))
    hub.head = summary
    settle_on(hub, certificate)


def settle_on(hub: Hub, certificate: CommitCertificate) -> None:
    """What a new commit certificate means for everything else."""
    hub.commit = certificate
    height = hub.safety.committed_height
    hub.chain = {name: block for name, block in hub.chain.items() if block.height > height}
    if hub.awaiting is not None and hub.awaiting.rank <= certificate.rank:
        hub.awaiting = None
    hub.pace.committed = True
    hub.pace.failures = 0
    if certificate.rank.term == hub.term:
        hub.pace.progress_ms = hub.now_ms


def on_commit_shown(hub: Hub, event: CommitShown) -> None:
    """A certificate that others made."""
    learn_commit(hub, event.certificate)


def on_caught_up(hub: Hub, event: CaughtUp) -> None:
    """R12: final blocks came by sync; the safety record stays as it is but for the chain's head."""
    record, commit = hub.safety, event.commit
    if commit.rank.epoch != record.epoch or event.summary.height <= record.committed_height:
        return
    if commit.rank.term > hub.term:
        enter_term(hub, commit.rank.term)
    hub.remember(
        hub.safety._replace(
            committed_rank=max(commit.rank, record.committed_rank),
            committed_block=event.summary.hash,
            committed_height=event.summary.height,
        )
    )
    hub.head = event.summary
    settle_on(hub, commit)
    await_again(hub)


def await_again(hub: Hub) -> None:
    """Tries once more what waited for blocks."""
    if hub.awaiting is not None:
        certificate, hub.awaiting = hub.awaiting, None
        learn_commit(hub, certificate)
