"""Where each epoch began: the chain of configurations, and what proves it to a device (R12)."""

from collections.abc import Mapping

from msgspec import Struct

from homechain.ledger.proofs import ConfigurationStep, make_configuration_step
from homechain.model.blocks import CommitCertificate, block_hash
from homechain.model.configuration import Configuration
from homechain.node.ports import Loaded
from homechain.node.queries import Queries

MEMBERSHIP_CHANGES = 10_000
"""Most changes of membership that are looked up; a home makes a handful in its life."""


class Epoch(Struct, frozen=True, kw_only=True):
    """One configuration and the block that began it."""

    configuration: Configuration
    root: bytes
    root_height: int


class Epochs:
    """All epochs of the home, the newest last."""

    def __init__(self, epochs: Mapping[int, Epoch], steps: list[ConfigurationStep]) -> None:
        self._epochs = dict(epochs)
        self._steps = steps

    @property
    def current(self) -> Epoch:
        """The epoch that this hub is in."""
        return self._epochs[max(self._epochs)]

    def of(self, number: int) -> Epoch:
        """One epoch by its number."""
        return self._epochs[number]

    @property
    def steps(self) -> tuple[ConfigurationStep, ...]:
        """The ends of all epochs but the current one, oldest first."""
        return tuple(self._steps)

    def begin(
        self, configuration: Configuration, *, header: bytes, height: int, commit: CommitCertificate
    ) -> None:
        """The block with `header` closed an epoch; `configuration` begins."""
        self._epochs[configuration.epoch] = Epoch(
            configuration=configuration, root=block_hash(header), root_height=height
        )
        self._steps.append(make_configuration_step(header, commit, configuration))


async def load_epochs(loaded: Loaded, queries: Queries) -> Epochs:
    """The epochs as the ledger on disk tells them: each hub record but the genesis closes one."""
    changes = await queries.recent_records(kinds=("hub",), limit=MEMBERSHIP_CHANGES)
    heights = [0, *sorted(row.height for row in changes)]
    epochs: dict[int, Epoch] = {}
    steps = []
    for configuration, height in zip(loaded.configurations, heights, strict=True):
        block = await queries.block(height)
        assert block is not None, "a final block is on disk"
        header = block.block.header
        epochs[configuration.epoch] = Epoch(
            configuration=configuration, root=block_hash(header), root_height=height
        )
        if height > 0:
            assert block.commit is not None, "a closing block carries its certificate"
            steps.append(make_configuration_step(header, block.commit, configuration))
    return Epochs(epochs, steps)
