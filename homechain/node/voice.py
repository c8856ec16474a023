"""What this hub says to others: statements and proposals under its signature, and its status.

May not live here: when to say something (`consensus`), or waiting for the disk (`engine`).
"""

from msgspec.structs import replace

from homechain.consensus import effects as wanted
from homechain.ledger.blocks import BuiltBlock
from homechain.model.blocks import (
    CommitCertificate,
    ElectionCertificate,
    QuorumCertificate,
    Rank,
)
from homechain.model.configuration import Configuration
from homechain.model.messages import (
    Message,
    ShownCommit,
    ShownElection,
    ShownQuorum,
    Status,
)
from homechain.model.statements import Proposal, Statement, statement_bytes
from homechain.node.ports import World

Certificate = QuorumCertificate | CommitCertificate | ElectionCertificate


class Voice:
    """Signs and sends."""

    def __init__(self, world: World, *, boot: int) -> None:
        self._peers = world.peers
        self._signer = world.signer
        self._clock = world.clock
        self._boot = boot

    def sign(self, statement: Statement, configuration: Configuration) -> Statement:
        """The statement with this hub's signature under `configuration`."""
        return replace(
            statement, signature=self._signer.sign(statement_bytes(statement, configuration))
        )

    def proposal(
        self,
        item: wanted.Propose,
        block: BuiltBlock,
        configuration: Configuration,
        *,
        me: int,
        original: bytes,
    ) -> Proposal:
        """The signed proposal; `original` is the first leader's signature of a K proposed again."""
        header = block.header
        again = Rank(header.epoch, header.term, header.seq) != item.slot
        unsigned = Proposal(
            item.slot.epoch,
            item.slot.term,
            item.slot.seq,
            me,
            item.block,
            block.block,
            item.justify,
            item.election,
            b"",
            original if again else b"",
        )
        signed = self.sign(unsigned, configuration)
        assert isinstance(signed, Proposal)
        return signed

    def send(self, message: Message, configuration: Configuration, *, to: int | None) -> None:
        """To one member by number, or to all linked hubs."""
        if to is None:
            self._peers.broadcast(message)
        elif configuration.members[to] != self._signer.did:
            self._peers.send(configuration.members[to], message)

    def show(
        self, certificate: Certificate, configuration: Configuration, *, to: int | None
    ) -> None:
        """A certificate, for whoever lacks it."""
        match certificate:
            case QuorumCertificate():
                self.send(ShownQuorum(certificate), configuration, to=to)
            case CommitCertificate():
                self.send(ShownCommit(certificate), configuration, to=to)
            case ElectionCertificate():
                self.send(ShownElection(certificate), configuration, to=to)

    def status(
        self, configuration: Configuration, *, epoch: int, term: int, height: int, to: str | None
    ) -> None:
        """Says what this hub has, to one peer or to all."""
        status = Status(
            configuration.home,
            self._signer.did,
            self._boot,
            epoch,
            term,
            height,
            self._clock.wall_ms(),
            tuple(sorted(self._peers.connected())),
        )
        if to is None:
            self._peers.broadcast(status)
        else:
            self._peers.send(to, status)
