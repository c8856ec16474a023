"""What becomes final by a group of work, and what that changes on disk and in memory.

May not live here: sending, or anything that waits. Nothing is planned that does not stand on what
is final: two final chains stop the hub before either reaches the disk.
"""

from collections.abc import Sequence

from homechain.consensus import effects as wanted
from homechain.ledger.errors import InvalidBlock
from homechain.node.chain import Chain, final_block
from homechain.node.epochs import Epochs
from homechain.node.pool import Pool
from homechain.node.ports import Batch, StoredBlock
from homechain.node.work import FinalPath, Install, Keep, Work


class Forked(Exception):
    """A certificate makes a block final beside the final chain: more hubs lie than q allows."""


class Finality:
    """Moves the head of one hub."""

    def __init__(self, *, chain: Chain, epochs: Epochs, pool: Pool) -> None:
        self._chain = chain
        self._epochs = epochs
        self._pool = pool

    def plan(self, group: Sequence[Work]) -> list[FinalPath]:
        """For each piece of work the blocks that it makes final, above those of the piece before.

        Refuses an `Install` of another chain; raises `Forked` if the core's own word is of one.
        """
        plan: list[FinalPath] = []
        height, tip = self._chain.head.height, self._chain.head.hash
        for work in group:
            path = [each for each in self._steps(work) if each[0].built.height > height]
            if path and path[0][0].built.header.parent != tip:
                if not isinstance(work, Install):
                    raise Forked(f"two blocks at height {height + 1} are proven final")
                work.finish(InvalidBlock("final blocks of another chain than the one here"))
                path = []
            if path:
                height, tip = path[-1][0].built.height, path[-1][0].built.hash
            plan.append(path)
        return plan

    def _steps(self, work: Work) -> FinalPath:
        if isinstance(work, Install):
            return work.steps
        if not isinstance(work, wanted.Finalize) or work.block not in self._chain:
            return []  # final already, by catch-up
        steps = self._chain.path(work.block)
        assert steps is not None, "the core makes final only what is here"
        return [(s, work.commit if s.built.hash == work.block else None) for s in steps]

    def batch(
        self, group: Sequence[Work], plan: Sequence[FinalPath], *, dropped: Sequence[bytes]
    ) -> Batch:
        """The one write that everything in the group waits for."""
        safety = None
        blocks: dict[bytes, StoredBlock] = {}
        for work in group:
            wants: bytes | None = None
            if isinstance(work, wanted.Persist):
                safety, wants = work.safety, work.store
            elif isinstance(work, wanted.Finalize):
                safety = work.safety
            elif isinstance(work, Keep):
                wants = work.step.built.hash
            stored = self._chain.stored(wants) if wants is not None else None
            if stored is not None:
                blocks[stored.hash] = stored
        final = [each for path in plan for each in path]
        for step, _ in final:
            blocks.pop(step.built.hash, None)
        return Batch(
            safety=safety,
            blocks=tuple(blocks.values()),
            final=tuple(final_block(step, commit=commit) for step, commit in final),
            dropped=tuple(dropped),
        )

    def apply(self, path: FinalPath) -> None:
        """The blocks of `path` are final and durable: head, epoch and pool move on."""
        for step, commit in path:
            built = step.built
            self._chain.advance(step, commit=commit)
            self._pool.discard(record.id for record in built.records)
            if built.next_configuration is not None:
                assert commit is not None, "a closing block becomes final by its own certificate"
                self._epochs.begin(
                    built.next_configuration,
                    header=built.block.header,
                    height=built.height,
                    commit=commit,
                )
