"""From what is on disk to a chain and a core that may vote. Anything odd stops the start.

May not live here: repairing. A hub whose disk contradicts itself must not sign (R13).
"""

import logging

from homechain.consensus.core import Consensus
from homechain.consensus.safety import first_record
from homechain.consensus.timing import Timing
from homechain.crypto.merkle import Frontier
from homechain.ledger.blocks import ChainPoint, check_block
from homechain.ledger.errors import LedgerError
from homechain.ledger.records import read_record
from homechain.ledger.state import State
from homechain.model.blocks import CommitCertificate, block_hash, read_header
from homechain.model.errors import FormatError
from homechain.node.chain import Chain, ChainFull, summary
from homechain.node.epochs import Epochs
from homechain.node.ports import Loaded, World

logger = logging.getLogger(__name__)


class DamagedLedger(Exception):
    """What is on disk contradicts itself. `homechain ledger verify` says where."""


def chain_from_disk(loaded: Loaded, *, commit: CommitCertificate | None) -> Chain:
    """The head, and the open blocks above it with the states they lead to."""
    try:
        header = read_header(loaded.head_header)
        state = State.from_entries(loaded.state)
        frontier = Frontier(size=header.tree_size, peaks=loaded.peaks)
    except (FormatError, ValueError) as error:
        raise DamagedLedger(f"the newest block cannot be read: {error}") from error
    if block_hash(loaded.head_header) != loaded.head_hash:
        raise DamagedLedger("the newest block's header is not the one that was stored")
    if state.root != header.state_root:
        raise DamagedLedger("the stored state is not the one that the newest block commits to")
    if frontier.root() != header.records_root:
        raise DamagedLedger("the stored records are not the ones that the newest block commits to")
    chain = Chain(
        ChainPoint(header=header, hash=loaded.head_hash, state=state, frontier=frontier),
        commit=commit,
    )
    for stored in loaded.blocks:
        try:
            point = chain.point(read_header(stored.block.header).parent)
            if point is None:
                continue  # a branch that lost; it goes with the next final block
            records = [read_record(raw) for raw in stored.block.records]
            built = check_block(chain=point, block=stored.block, records=records)
        except (LedgerError, FormatError) as error:
            raise DamagedLedger(f"a stored block is damaged: {error}") from error
        try:
            chain.add(built, proposal=stored.proposal)
        except ChainFull:
            logger.warning("too many undecided blocks on disk; the highest are left out")
            break
        chain.pin(built.hash)
    return chain


def core_from_disk(
    loaded: Loaded, chain: Chain, epochs: Epochs, *, world: World, timing: Timing
) -> Consensus:
    """The core as its safety record says, or as a hub that has said nothing in this epoch yet."""
    epoch = epochs.current
    safety = loaded.safety
    if safety is None or safety.epoch < epoch.configuration.epoch:
        safety = first_record(
            epoch=epoch.configuration.epoch, root=epoch.root, height=epoch.root_height
        )
    commit = chain.commit
    if commit is not None and commit.rank.epoch != epoch.configuration.epoch:
        commit = None
    try:
        return Consensus(
            epoch.configuration,
            me=epoch.configuration.number_of(world.signer.did),
            safety=safety,
            head=summary(chain.head) if chain.head.height > 0 else None,
            chain=[summary(point) for point in chain.open_points()],
            commit=commit,
            timing=timing,
        )
    except ValueError as error:
        raise DamagedLedger(f"the safety record and the ledger disagree: {error}") from error
