"""Which certificates and statements were found good already, so that repetition costs nothing.

Statements are repeated while something is undecided, and certificates travel inside many of them;
each signature is checked once.
"""

from collections import OrderedDict
from typing import Final

from homechain.ledger.certificates import verify_commit, verify_election, verify_quorum
from homechain.model.blocks import CommitCertificate, ElectionCertificate, QuorumCertificate
from homechain.model.configuration import Configuration
from homechain.model.statements import Statement
from homechain.node.engine import Engine

KEPT: Final = 2_048
"""Remembered signatures and certificates; beyond it the oldest is checked again."""
REPEAT_HEARD_MS: Final = 250
"""A statement that comes again is given to the core again after this long: whoever repeats itself
lacks something."""


class Misbehaviour(Exception):
    """A peer sent what no honest hub sends."""


class Judge:
    """Verifies certificates of the current epoch, each once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._good: OrderedDict[object, None] = OrderedDict()
        self._heard_ms: OrderedDict[object, int] = OrderedDict()

    def knows(self, thing: object) -> bool:
        """Whether exactly this was found good before.

        Ask with everything that was verified: a known signature under other words proves nothing.
        """
        return thing in self._good

    def remember(self, thing: object) -> None:
        """It is good."""
        self._good[thing] = None
        self._good.move_to_end(thing)
        if len(self._good) > KEPT:
            self._good.popitem(last=False)

    def heard_lately(self, thing: object) -> bool:
        """Whether the core heard this very statement a moment ago."""
        now_ms = self._engine.clock.monotonic_ms()
        heard_ms = self._heard_ms.get(thing)
        if heard_ms is not None and now_ms - heard_ms < REPEAT_HEARD_MS:
            return True
        self._heard_ms[thing] = now_ms
        self._heard_ms.move_to_end(thing)
        if len(self._heard_ms) > KEPT:
            self._heard_ms.popitem(last=False)
        return False

    def quorum(self, certificate: QuorumCertificate) -> bool:
        """Whether it is of this epoch. `InvalidCertificate` if it proves nothing."""
        epoch = self._engine.epochs.current
        if certificate.rank.epoch != epoch.configuration.epoch:
            return False
        if not self.knows(certificate):
            verify_quorum(certificate, epoch.configuration, root=epoch.root)
            self.remember(certificate)
        return True

    def commit(self, certificate: CommitCertificate) -> bool:
        """Whether it is of this epoch. `InvalidCertificate` if it proves nothing.

        Where the block is not here, its closing mark is unknown; the core checks that count. A
        certificate that counts children is of no use then: no lock believes one for a closing
        block, and whoever has one, has the block.
        """
        configuration = self._engine.configuration
        if certificate.rank.epoch != configuration.epoch:
            return False
        if self.knows(certificate):
            return True
        step = self._engine.chain.open_block(certificate.block)
        closes = step.built.header.close if step is not None else None
        verify_commit(certificate, configuration, closes=closes)
        if step is None and any(each.child is not None for each in certificate.endorsements):
            return False
        self.remember(certificate)
        return True

    def election(self, certificate: ElectionCertificate) -> bool:
        """Whether it is of this epoch. `InvalidCertificate` if it proves nothing."""
        configuration = self._engine.configuration
        if certificate.epoch != configuration.epoch:
            return False
        if not self.knows(certificate):
            verify_election(certificate, configuration)
            self.remember(certificate)
        return True

    def relay(self, hub: str, statement: Statement, configuration: Configuration) -> None:
        """Passes a new statement on to those that have no link with its signer."""
        engine = self._engine
        for peer in engine.flood.relay_to(
            origin=configuration.members[statement.signer],
            came_from=hub,
            peers=engine.peers.connected() - {engine.world.signer.did},
        ):
            engine.peers.send(peer, statement)
