"""What a simulated hub does with what it hears: check it, relay it, give it to the core."""

from typing import TYPE_CHECKING, Any

from homechain.consensus import inputs
from homechain.model.blocks import CommitCertificate, QuorumCertificate
from homechain.model.statements import Heartbeat, HeartbeatAck
from tests.simulation.blocks import (
    BlockGiven,
    BlocksWanted,
    BlockWanted,
    Final,
    FinalBlocks,
    Records,
    Shown,
    SimBlock,
    SimProposal,
    Status,
)

if TYPE_CHECKING:
    from tests.simulation.runner import Runner

BLOCKS_PER_ANSWER = 16
HELD_PROPOSALS = 16


def hear(runner: "Runner", sender: str, message: Any) -> None:
    match message:
        case _ if not runner.alive:
            pass
        case Status():
            on_status(runner, message)
        case SimProposal():
            on_proposal(runner, sender, message)
        case Shown():
            on_shown(runner, message)
        case Records(records):
            runner.admit(records)
        case BlocksWanted(from_height):
            serve(runner, sender, from_height)
        case FinalBlocks(blocks):
            on_final_blocks(runner, blocks)
        case BlockWanted(block) if block in runner.bodies:
            runner.send(sender, BlockGiven(runner.bodies[block]))
        case BlockWanted():
            pass
        case BlockGiven(block):
            on_block_given(runner, block)
        case _:
            on_statement(runner, sender, message)


def on_status(runner: "Runner", status: Status) -> None:
    number = runner.configuration.number_of(status.hub)
    if status.height > len(runner.disk.finals) and number is None:
        runner.send(status.hub, BlocksWanted(len(runner.disk.finals) + 1))
    runner.give(inputs.PeerSeen(number, status.epoch, status.term, status.height))


def is_repeat(runner: "Runner", memory: dict[Any, int], key: Any, within_ms: int) -> bool:
    """Deduplicates for a while only: whoever repeats itself lacks something."""
    now = runner.world.now_ms
    if now - memory.get(key, -within_ms) < within_ms:
        return True
    memory[key] = now
    if len(memory) > 4_096:
        for old in [k for k, at in memory.items() if now - at >= within_ms]:
            del memory[old]
    return False


def on_statement(runner: "Runner", sender: str, statement: Any) -> None:
    home = runner.configuration
    if statement.epoch != home.epoch:
        return
    interval = runner.world.timing.heartbeat_interval_ms
    key = statement.signature
    if is_repeat(runner, runner.given, key, interval // 2):
        return
    if not runner.world.trusting and not runner.world.notary.is_signed(statement, home):
        runner.world.refused(runner, statement)
        return
    origin = home.members[statement.signer]
    if origin != runner.name and not is_repeat(runner, runner.heard, key, interval):
        relay(runner, origin, sender, statement)
    if hasattr(statement, "high") and not isinstance(statement, Heartbeat | HeartbeatAck):
        certificate = statement.high
        if not runner.world.notary.proves_quorum(certificate, home):
            runner.world.refused(runner, statement)
            return
    runner.give(inputs.StatementSeen(statement))


def relay(runner: "Runner", origin: str, sender: str, message: Any) -> None:
    """To whoever has no link of its own to where it came from."""
    for name in runner.world.names:
        if name not in (runner.name, origin, sender) and not runner.world.network.reaches(
            origin, name
        ):
            runner.send(name, message)


def on_shown(runner: "Runner", shown: Shown) -> None:
    notary, home, certificate = runner.world.notary, runner.configuration, shown.certificate
    if shown.epoch != home.epoch:
        return
    if isinstance(certificate, QuorumCertificate):
        if notary.proves_quorum(certificate, home):
            runner.give(inputs.QuorumShown(certificate))
    elif isinstance(certificate, CommitCertificate):
        if notary.proves_commit(certificate, home, None):
            runner.give(inputs.CommitShown(certificate))
    elif notary.proves_election(certificate, home):
        runner.give(inputs.ElectionShown(certificate))


def on_proposal(runner: "Runner", sender: str, proposal: SimProposal) -> None:
    home, notary = runner.configuration, runner.world.notary
    slot = proposal.slot
    if slot.epoch != home.epoch:
        return
    key = (proposal.slot, proposal.block.hash)
    if is_repeat(runner, runner.given, (sender == runner.name, key), 50):
        return
    if not notary.proves_proposal(
        slot=slot, signer=proposal.signer, block=proposal.block.hash,
        signature=proposal.signature, home=home,
    ):  # fmt: skip
        runner.world.refused(runner, proposal)
        return
    if not notary.proves_quorum(proposal.justify, home):
        runner.world.refused(runner, proposal)
        return
    election = proposal.election
    if election is not None and not notary.proves_election(election, home):
        runner.world.refused(runner, proposal)
        return
    origin = home.members[proposal.signer]
    if origin != runner.name and not is_repeat(runner, runner.heard, key, 400):
        relay(runner, origin, sender, proposal)
    if election is not None:
        runner.give(inputs.ElectionShown(election))
    runner.give(inputs.QuorumShown(proposal.justify))
    if not try_proposal(runner, proposal):
        runner.held[key] = proposal
        while len(runner.held) > HELD_PROPOSALS:
            del runner.held[min(runner.held)]


def try_proposal(runner: "Runner", proposal: SimProposal) -> bool:
    """Gives it to the core if everything below is here. False: not yet."""
    block = proposal.block
    if proposal.slot.epoch != runner.configuration.epoch:
        return True
    if block.summary.height <= len(runner.disk.finals) + len(runner.finalizing):
        return True
    known = runner.records_above_final(block.summary.parent)
    if known is None:
        return False
    if runner.world.is_valid(runner.configuration, block) and not any(
        record in known or record in runner.disk.final_records for record in block.records
    ):
        runner.bodies.setdefault(block.hash, block)
        event = inputs.ProposalSeen(
            proposal.slot, proposal.signer, block.summary, proposal.justify, proposal.election
        )
        runner.give(event)
    else:
        runner.world.refused(runner, proposal)
        runner.give(inputs.ProposalRefused(proposal.slot, proposal.signer, block.hash))
    return True


def try_held(runner: "Runner") -> None:
    for key in sorted(runner.held):
        proposal = runner.held.get(key)
        if proposal is not None and try_proposal(runner, proposal):
            runner.held.pop(key, None)


def on_block_given(runner: "Runner", block: SimBlock) -> None:
    if block.hash not in runner.bodies:
        runner.bodies[block.hash] = block
        runner.keep_body(block)


def serve(runner: "Runner", sender: str, from_height: int) -> None:
    """Blocks from `from_height` on, cut so that the last one carries a certificate."""
    if from_height < 1:
        return
    page = runner.disk.finals[from_height - 1 : from_height - 1 + BLOCKS_PER_ANSWER]
    while page and page[-1].commit is None:
        page = page[:-1]
    if page:
        runner.send(sender, FinalBlocks(tuple(page)))


def on_final_blocks(runner: "Runner", blocks: tuple[Final, ...]) -> None:
    """Installs those that go on where this hub stands, each proven by the certificate above."""
    height = len(runner.disk.finals) + len(runner.finalizing)
    new = [final for final in blocks if final.block.summary.height > height]
    if not new or runner.finalizing or runner.busy or runner.queue:
        return
    home, parent = runner.configuration, runner.head_hash()
    for final in new:
        summary = final.block.summary
        if summary.parent != parent or summary.slot.epoch != home.epoch:
            return
        if final.commit is not None and not runner.world.notary.proves_commit(
            final.commit, home, summary.closes
        ):
            return
        parent = summary.hash
        if final.block.next_configuration is not None:
            home = final.block.next_configuration
    newest = new[-1]
    if newest.commit is None:
        return
    runner.install(new, lambda: runner.disk.put_finals(new, None), commit=newest.commit)
    runner.queue.append((runner.configuration.epoch, lambda: runner.catch_up(None)))
