"""Blocks that look like final ones: real records, trees and roots, made-up certificates.

For tests of what keeps and shows blocks. Whether a block is right is no question here, so the
endorsements are noise of the right length.
"""

from collections.abc import Sequence
from typing import Any

from homechain.crypto.keys import PrivateKey
from homechain.crypto.merkle import Frontier
from homechain.crypto.state_tree import StateTree
from homechain.ledger.decisions import Decision
from homechain.ledger.records import SignedRecord, sign_record
from homechain.model.blocks import (
    Block,
    CommitCertificate,
    CommitEndorsement,
    Endorsement,
    EpochClose,
    Header,
    QuorumCertificate,
    Rank,
    block_hash,
    root_certificate,
    write_header,
)
from homechain.model.configuration import Configuration, configuration
from homechain.model.ids import digest_text
from homechain.model.records import (
    CommandRecord,
    EventRecord,
    Genesis,
    HubDescription,
    OutcomeRecord,
    OutcomeResult,
    Reading,
)
from homechain.node.ports import FinalBlock, StoredBlock

START_MS = 1_750_000_000_000


def key(number: int) -> PrivateKey:
    """The same key for the same number."""
    return PrivateKey.from_seed(number.to_bytes(32, "big"))


class MadeChain:
    """A home of `hubs` hubs whose chain grows by `block` and `close_epoch`."""

    def __init__(self, *, hubs: int = 3) -> None:
        self.owner = key(1)
        self.hubs = [key(100 + number) for number in range(hubs)]
        self.state = StateTree.empty()
        self.frontier = Frontier.empty()
        self.parent = bytes(32)
        self.height = -1
        self._counters: dict[str, int] = {}
        self.genesis_record = self._genesis_record()
        self.home = self.genesis_record.id
        self.configuration = self._configuration(epoch=0)
        self.genesis = self._final(
            [self.genesis_record],
            (),
            {"home": b"home", "configuration": b"first"},
            time_ms=START_MS,
            certified=False,
            next_configuration=self.configuration,
        )

    def block(
        self,
        records: Sequence[SignedRecord] = (),
        *,
        decisions: tuple[Decision, ...] = (),
        changes: dict[str, bytes | None] | None = None,
        time_ms: int | None = None,
        certified: bool = True,
    ) -> FinalBlock:
        """The next block."""
        changed: dict[str, bytes | None] = {
            f"counter/{record.signer}": record.payload.ctr.to_bytes(8, "big") for record in records
        }
        return self._final(
            records,
            decisions,
            changed | (changes or {}),
            time_ms=START_MS + 1_000 * (self.height + 1) if time_ms is None else time_ms,
            certified=certified,
        )

    def close_epoch(self) -> FinalBlock:
        """A block after which the same hubs go on in the next epoch."""
        following = self._configuration(epoch=self.configuration.epoch + 1)
        final = self._final(
            [],
            (),
            {"configuration": following.hash()},
            time_ms=START_MS + 1_000 * (self.height + 1),
            certified=True,
            next_configuration=following,
        )
        self.configuration = following
        return final

    def event(
        self, device: PrivateKey, *readings: tuple[str, Any], at_ms: int = START_MS
    ) -> SignedRecord:
        """A device's event with these (name, value) readings, a millisecond apart."""
        return sign_record(
            EventRecord(
                iss=device.public.did,
                ctr=self._count(device),
                iat=at_ms // 1_000,
                home=digest_text(self.home),
                readings=[
                    Reading(at=at_ms + step, name=name, value=value)
                    for step, (name, value) in enumerate(readings)
                ],
            ),
            device,
        )

    def command(
        self,
        person: PrivateKey,
        device: PrivateKey,
        action: str = "unlock",
        **arguments: Any,
    ) -> SignedRecord:
        """A person's command to a device."""
        return sign_record(
            CommandRecord(
                iss=person.public.did,
                ctr=self._count(person),
                iat=START_MS // 1_000,
                home=digest_text(self.home),
                device=device.public.did,
                action=action,
                arguments=arguments,
                exp=START_MS // 1_000 + 30,
            ),
            person,
        )

    def outcome(
        self,
        device: PrivateKey,
        command: SignedRecord,
        *readings: tuple[str, Any],
        result: OutcomeResult = OutcomeResult.DONE,
        reason: str = "",
        at_ms: int = START_MS,
    ) -> SignedRecord:
        """A device's word on a command."""
        return sign_record(
            OutcomeRecord(
                iss=device.public.did,
                ctr=self._count(device),
                iat=at_ms // 1_000,
                home=digest_text(self.home),
                command=digest_text(command.id),
                result=result,
                reason=reason,
                at=at_ms,
                readings=[Reading(at=at_ms, name=name, value=value) for name, value in readings],
            ),
            device,
        )

    def sign(self, payload: Any, signer: PrivateKey) -> SignedRecord:
        """Any other record."""
        return sign_record(payload, signer)

    def _genesis_record(self) -> SignedRecord:
        return sign_record(
            Genesis(
                iss=self.owner.public.did,
                ctr=1,
                iat=START_MS // 1_000,
                name="Home",
                owner_name="Olga",
                time_zone="Europe/Berlin",
                hubs=[
                    HubDescription(
                        hub=hub.public.did,
                        name=f"Hub {number}",
                        certificate="AAAA",
                        mesh=[],
                        api=[],
                        residents=[],
                    )
                    for number, hub in enumerate(self.hubs)
                ],
                nonce=digest_text(bytes(32)),
            ),
            self.owner,
        )

    def _configuration(self, *, epoch: int) -> Configuration:
        return configuration(
            home=self.home, epoch=epoch, members=tuple(hub.public.did for hub in self.hubs)
        )

    def _count(self, signer: PrivateKey) -> int:
        did = signer.public.did
        self._counters[did] = self._counters.get(did, 1) + 1
        return self._counters[did]

    def _final(
        self,
        records: Sequence[SignedRecord],
        decisions: tuple[Decision, ...],
        changes: dict[str, bytes | None],
        *,
        time_ms: int,
        certified: bool,
        next_configuration: Configuration | None = None,
    ) -> FinalBlock:
        first_index = self.frontier.size
        self.frontier, nodes = self.frontier.extend_recording(record.leaf for record in records)
        self.state = self.state.updated(changes)
        self.height += 1
        closes = next_configuration is not None and self.height > 0
        header = write_header(
            Header(
                version=1,
                home=self.home,
                epoch=self.configuration.epoch,
                configuration=self.configuration.hash(),
                term=1,
                seq=self.height,
                height=self.height,
                parent=self.parent,
                justify=self._quorum_certificate(),
                time_ms=time_ms,
                record_count=len(records),
                tree_size=self.frontier.size,
                records_root=self.frontier.root(),
                state_root=self.state.root,
                close=EpochClose(next_configuration.hash(), next_configuration.size)
                if next_configuration is not None and closes
                else None,
            )
        )
        self.parent = block_hash(header)
        return FinalBlock(
            hash=self.parent,
            height=self.height,
            block=Block(header, tuple(record.raw for record in records)),
            proposal=self._noise(0) if self.height else b"",
            commit=self._commit() if certified else None,
            time_ms=time_ms,
            first_index=first_index,
            records=tuple(records),
            decisions=decisions,
            state_changes=changes,
            tree_nodes=tuple(nodes),
            configuration=next_configuration,
        )

    def _quorum_certificate(self) -> QuorumCertificate:
        epoch = self.configuration.epoch
        if self.height <= 0:
            return root_certificate(epoch, self.parent)
        return QuorumCertificate(
            Rank(epoch, 1, self.height - 1),
            self.parent,
            Rank(epoch, 1, max(0, self.height - 2)),
            self._noise(1)[:32],
            tuple(
                Endorsement(signer, self._noise(signer))
                for signer in range(self.configuration.quorum)
            ),
        )

    def _commit(self) -> CommitCertificate:
        return CommitCertificate(
            Rank(self.configuration.epoch, 1, self.height),
            self.parent,
            tuple(
                CommitEndorsement(signer, self._noise(signer))
                for signer in range(self.configuration.quorum)
            ),
        )

    def _noise(self, signer: int) -> bytes:
        return self.hubs[signer % len(self.hubs)].sign(self.parent)


def decide(command: SignedRecord, *, allowed: bool = True, grant: str | None = None) -> Decision:
    """A decision on a command."""
    return Decision(
        command=command.id,
        allowed=allowed,
        code="granted" if allowed else "no_grant",
        reason="Because." if allowed else "Nobody allowed it.",
        grant=grant,
    )


def not_final(final: FinalBlock) -> StoredBlock:
    """The same block before it was final."""
    return StoredBlock(hash=final.hash, block=final.block, proposal=final.proposal)
