"""What this device believes: the home it was taken into, and the membership that was proven to it.

May live here: the papers, and checking whatever a hub offers against them. May not: sockets or
files. A hub's word is never enough: everything leads back to the home's id, which the resident
confirmed with the digits, and from there by signatures of quorums.
"""

from collections.abc import Mapping
from typing import Final, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from homechain.api.schema.pairing import Checkpoint, TrustBundle
from homechain.crypto.errors import CryptoError
from homechain.ledger.errors import LedgerError
from homechain.ledger.proofs import (
    AcceptedCommand,
    CommandProof,
    TrustAnchor,
    advance_anchor,
    anchor_at_checkpoint,
    anchor_from_genesis,
    check_command,
)
from homechain.model.blocks import read_header
from homechain.model.errors import FormatError
from homechain.model.ids import DigestText, digest_from_text
from homechain.model.limits import ADDRESSES_PER_HUB
from homechain.model.records import HubDescription
from homechain_devices.sdk.errors import StateDamaged, WrongHome

_HOME_PAPER: Final = "home"
_ANCHOR_PAPER: Final = "anchor"


class HomePaper(Struct, frozen=True, kw_only=True):
    """The home that took this device in, and where its hubs were last."""

    home: DigestText
    name: str
    area: str
    hubs: list[HubDescription]

    def addresses(self) -> list[str]:
        """Where devices reach the hubs: every hub's first address before anybody's second."""
        longest = max((len(hub.api) for hub in self.hubs), default=0)
        return [hub.api[i] for i in range(longest) for hub in self.hubs if i < len(hub.api)]


class Trust:
    """The papers of a device that was taken in."""

    def __init__(self, paper: HomePaper, anchor: TrustAnchor) -> None:
        self._paper = paper
        self._anchor = anchor

    @classmethod
    def from_bundle(cls, bundle: TrustBundle, *, home: str, name: str, area: str) -> Self:
        """The first papers, from a hub's bundle, for the home that the digits named.

        Raises `WrongHome` where the bundle does not lead to that home.
        """
        try:
            anchor = anchor_from_genesis(
                bundle.genesis.encode("ascii"), home=digest_from_text(home)
            )
        except (LedgerError, CryptoError, FormatError) as error:
            raise WrongHome(f"the hub's papers are not those of the home: {error}") from error
        trust = cls(HomePaper(home=home, name=name, area=area, hubs=[]), anchor)
        trust.take_bundle(bundle)
        return trust

    @classmethod
    def from_papers(cls, papers: Mapping[str, bytes]) -> Self | None:
        """What was kept before; None for a device that no home took in. Raises `StateDamaged`."""
        if _HOME_PAPER not in papers:
            return None
        try:
            return cls(
                msgspec.json.decode(papers[_HOME_PAPER], type=HomePaper),
                msgspec.json.decode(papers[_ANCHOR_PAPER], type=TrustAnchor),
            )
        except (KeyError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StateDamaged(f"what is known of the home cannot be read: {error}") from error

    @property
    def paper(self) -> HomePaper:
        """The home and its hubs."""
        return self._paper

    @property
    def proven_ms(self) -> int:
        """The newest block time that was proven."""
        return self._anchor.time_ms

    def papers(self) -> dict[str, bytes]:
        """What has to be kept."""
        return {
            _HOME_PAPER: msgspec.json.encode(self._paper),
            _ANCHOR_PAPER: msgspec.json.encode(self._anchor),
        }

    def take_bundle(self, bundle: TrustBundle) -> None:
        """Take in newer membership, time and addresses. Raises `WrongHome` and changes nothing."""
        if bundle.home != self._paper.home:
            raise WrongHome("the hub belongs to another home")
        try:
            anchor = _with_checkpoint(
                advance_anchor(self._anchor, bundle.configuration_steps), bundle.checkpoint
            )
        except (LedgerError, FormatError) as error:
            raise WrongHome(f"the hub's papers do not hold: {error}") from error
        self._anchor = anchor
        self._paper = replace(self._paper, hubs=self._merged(bundle.hubs))

    def _merged(self, offered: list[HubDescription]) -> list[HubDescription]:
        """The proven members, where the bundle says that they are, and where they were before.

        Addresses are a hub's word, so a liar must not be able to hide the others behind its own.
        """
        before = {hub.hub: hub for hub in self._paper.hubs}
        now = {hub.hub: hub for hub in offered}
        merged = []
        for member in self._anchor.configuration.members:
            known = [hub for hub in (now.get(member), before.get(member)) if hub is not None]
            if known:
                addresses = dict.fromkeys(address for hub in known for address in hub.api)
                merged.append(replace(known[0], api=list(addresses)[:ADDRESSES_PER_HUB]))
        return merged

    def check(self, proof: CommandProof, *, device: str, now_ms: int) -> AcceptedCommand:
        """The command that a proof shows to be permitted. Raises `ProofRefused`."""
        return check_command(proof, anchor=self._anchor, device=device, now_ms=now_ms)

    def check_late(self, proof: CommandProof, *, device: str) -> AcceptedCommand:
        """The same but for the time: was it permitted once? Raises `ProofRefused`.

        Never to be carried out; only worth an honest answer.
        """
        timeless = replace(self._anchor, time_ms=0)
        accepted = check_command(proof, anchor=timeless, device=device, now_ms=0)
        return replace(accepted, anchor=self._anchor)

    def learn(self, accepted: AcceptedCommand) -> None:
        """Believe from now on what an accepted command's proof showed on the way."""
        self._anchor = accepted.anchor


def _with_checkpoint(anchor: TrustAnchor, checkpoint: Checkpoint) -> TrustAnchor:
    """The anchor at the checkpoint's height and time, if a quorum that it trusts signed it."""
    header = read_header(checkpoint.header)
    if checkpoint.commit is None or header.epoch < anchor.configuration.epoch:
        return anchor  # a hub that lags behind teaches nothing, and need not be lying
    return anchor_at_checkpoint(anchor, header=checkpoint.header, commit=checkpoint.commit)
