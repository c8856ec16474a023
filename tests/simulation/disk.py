"""A disk that keeps what it confirmed. What was not confirmed at a crash may be there or not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from homechain.consensus.safety import SafetyRecord
from homechain.model.blocks import CommitCertificate
from homechain.model.configuration import Configuration
from tests.simulation.blocks import Final, SimBlock


@dataclass
class Disk:
    """Everything that a hub finds again after a crash."""

    configurations: list[Configuration]
    safety: SafetyRecord | None = None
    bodies: dict[bytes, SimBlock] = field(default_factory=dict)
    """Durable, not final."""
    stored: set[bytes] = field(default_factory=set)
    """Names of all bodies that were ever durable: below the final head they may be dropped."""
    finals: list[Final] = field(default_factory=list)
    """Heights 1, 2, …"""
    final_records: dict[int, int] = field(default_factory=dict)
    """Record → height."""
    pending: dict[int, None] = field(default_factory=dict)
    writing: list[Callable[[], None]] = field(default_factory=list)
    """Not confirmed, in order."""

    def begin(self, change: Callable[[], None]) -> None:
        """A write is on its way."""
        self.writing.append(change)

    def confirm(self) -> None:
        """The oldest write is on the medium."""
        self.writing.pop(0)()

    def lose(self, *, kept: int) -> None:
        """Power cut: the first `kept` unconfirmed writes made it."""
        for change in self.writing[:kept]:
            change()
        self.writing.clear()

    def put_safety(self, safety: SafetyRecord, body: SimBlock | None) -> None:
        """One transaction."""
        if self.safety is not None and safety.epoch == self.safety.epoch:
            assert safety.writes > self.safety.writes, "an older record overwrites a newer one"
        self.safety = safety
        if body is not None:
            self.put_body(body)

    def put_body(self, body: SimBlock) -> None:
        """A block that is not final yet."""
        self.stored.add(body.hash)
        if body.summary.height > len(self.finals):
            self.bodies[body.hash] = body

    def put_finals(self, finals: list[Final], safety: SafetyRecord | None) -> None:
        """Appends above the head: one transaction."""
        for final in finals:
            if final.block.summary.height <= len(self.finals):
                continue
            assert final.block.summary.height == len(self.finals) + 1
            self.finals.append(final)
            for record in final.block.records:
                self.final_records[record] = final.block.summary.height
                self.pending.pop(record, None)
            if final.block.next_configuration is not None:
                self.configurations.append(final.block.next_configuration)
        height = len(self.finals)
        self.bodies = {
            name: body for name, body in self.bodies.items() if body.summary.height > height
        }
        if safety is not None:
            self.put_safety(safety, None)

    def newest_commit(self) -> CommitCertificate | None:
        """Of the final chain."""
        for final in reversed(self.finals):
            if final.commit is not None:
                return final.commit
        return None
