"""Proofs of commands, made from the very state that decided them while it is at hand.

A command lives a minute; so does its proof. Who asks later reads the ledger instead.
"""

from collections.abc import Sequence
from typing import Final

from homechain.ledger.errors import ProofRefused
from homechain.ledger.proofs import CommandProof, ConfigurationStep, make_command_proof
from homechain.model.blocks import CommitCertificate
from homechain.model.records import CommandRecord
from homechain.node.chain import OpenBlock

PROOFS_KEPT: Final = 4_096

Finalized = Sequence[tuple[OpenBlock, CommitCertificate | None]]
"""Blocks that became final together, ascending; the last one carries its certificate."""


class Proofs:
    """The proofs of commands that may still be carried out."""

    def __init__(self) -> None:
        self._proofs: dict[bytes, tuple[int, CommandProof]] = {}

    def keep(self, path: Finalized, *, steps: Sequence[ConfigurationStep], time_ms: int) -> None:
        """Makes the proofs of allowed commands in `path`, and forgets those that expired."""
        self._forget(time_ms)
        for place, (step, _) in enumerate(path):
            # A device that is led past the end of this block's epoch believes nothing of it.
            until_then = steps[: step.built.header.epoch]
            allowed = {item.command for item in step.built.decisions if item.allowed}
            for record in step.built.records:
                payload = record.payload
                if not isinstance(payload, CommandRecord) or record.id not in allowed:
                    continue
                if payload.exp * 1000 <= time_ms or len(self._proofs) >= PROOFS_KEPT:
                    continue
                above, commit = _to_certificate(path[place:])
                proof = make_command_proof(
                    step.built,
                    record.id,
                    headers_above=above,
                    commit=commit,
                    configurations=until_then,
                )
                self._proofs[record.id] = (payload.exp * 1000, proof)

    def get(self, command: bytes) -> CommandProof:
        """The proof of a command; `ProofRefused` where there is none (any more)."""
        found = self._proofs.get(command)
        if found is None:
            raise ProofRefused(
                "no_proof", "this command was denied, has expired, or became final elsewhere"
            )
        return found[1]

    def _forget(self, time_ms: int) -> None:
        expired = [key for key, (until_ms, _) in self._proofs.items() if until_ms <= time_ms]
        for key in expired:
            del self._proofs[key]


def _to_certificate(path: Finalized) -> tuple[list[bytes], CommitCertificate]:
    above: list[bytes] = []
    for place, (step, commit) in enumerate(path):
        if place > 0:
            above.append(step.built.block.header)
        if commit is not None:
            return above, commit
    raise AssertionError("what becomes final together ends with a certificate")
