"""What waits to be carried out: the core's effects, and blocks that came from elsewhere."""

import asyncio
from typing import Final, NamedTuple

from homechain.consensus import effects as wanted
from homechain.model.blocks import CommitCertificate
from homechain.node.chain import OpenBlock

FinalPath = list[tuple[OpenBlock, CommitCertificate | None]]
"""Blocks that become final together, ascending from the head; the last carries its certificate."""


class Install:
    """Final blocks that came by catch-up: checked, on the head that was final at the time."""

    def __init__(self, steps: FinalPath, *, done: asyncio.Future[None]) -> None:
        assert steps, "a page of nothing is not installed"
        assert steps[-1][1] is not None, "an installed page ends with a certificate"
        self.steps = steps
        self.is_refused = False
        """They stand on another chain than the one that is final here."""
        self._done = done

    def finish(self, refusal: Exception | None = None) -> None:
        """Tells whoever brought the blocks; nobody may be left to be told."""
        self.is_refused = self.is_refused or refusal is not None
        if self._done.done():
            return
        if refusal is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(refusal)


class Keep:
    """A certified body that was asked for: kept on disk before the core hears of it."""

    def __init__(self, step: OpenBlock) -> None:
        self.step = step


Work = wanted.Effect | Install | Keep

NEEDS_DISK: Final = (wanted.Persist, wanted.Finalize, Install, Keep)
"""What is carried out only after a write."""


class Waiting(NamedTuple):
    """Work, and the epoch that its numbers of members are of."""

    epoch: int
    work: Work
