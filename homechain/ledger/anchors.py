"""What a device trusts, and how that trust moves on: from the genesis record, epoch by epoch.

May live here: memberships and certified headers. May not: commands (`proofs`), or where the device
keeps its anchor.
"""

from collections.abc import Sequence

from msgspec import Struct, structs

from homechain.ledger.blocks import found
from homechain.ledger.certificates import verify_commit
from homechain.ledger.errors import Inadmissible, InvalidCertificate, ProofRefused
from homechain.ledger.records import read_record
from homechain.model.blocks import CommitCertificate, Header, Rank, block_hash, read_header
from homechain.model.configuration import PROTOCOL_VERSION, Configuration
from homechain.model.errors import FormatError


class ConfigurationStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of one epoch: its closing block is final and names the next membership by hash."""

    header: bytes
    commit: CommitCertificate
    configuration: Configuration
    """The next one."""


class TrustAnchor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device believes without further proof. JSON-encodable; the device keeps it."""

    home: bytes
    configuration: Configuration
    height: int
    """Of the highest header that was proven final."""
    time_ms: int
    """Highest block time that was proven: the clock is at least this."""


def anchor_from_genesis(genesis: bytes, *, home: bytes) -> TrustAnchor:
    """The first anchor: a genesis record that hashes to the home's id proves the first membership.

    Raises `ProofRefused` (`wrong_home`, `malformed`, `bad_signature`).
    """
    try:
        built = found(read_record(genesis))
    except Inadmissible as error:
        code = "bad_signature" if error.code == "bad_signature" else "malformed"
        raise ProofRefused(code, error.reason) from error
    if built.home != home:
        raise ProofRefused("wrong_home", "the genesis record of another home")
    return TrustAnchor(
        home=home, configuration=built.configuration, height=0, time_ms=built.header.time_ms
    )


def advance_anchor(anchor: TrustAnchor, steps: Sequence[ConfigurationStep]) -> TrustAnchor:
    """The anchor after these ends of epochs, oldest first; those behind it are passed over.

    Raises `ProofRefused` (`bad_header`, `bad_certificate`, `bad_configuration`, `unknown_epoch`).
    """
    for step in steps:
        header = read_shown_header(step.header)
        if header.epoch >= anchor.configuration.epoch:
            anchor = _stepped(anchor, step, header)
    return anchor


def anchor_at_checkpoint(
    anchor: TrustAnchor, *, header: bytes, commit: CommitCertificate
) -> TrustAnchor:
    """The anchor raised to a certified header of its own epoch (height and time).

    Raises `ProofRefused` as `check_command` does.
    """
    checked = check_final(header, commit, anchor)
    return raised(anchor, height=checked.height, time_ms=checked.time_ms)


def check_final(raw: bytes, commit: CommitCertificate, anchor: TrustAnchor) -> Header:
    """The header, if the anchor's membership made its block final; else `ProofRefused`."""
    header = read_shown_header(raw)
    check_home_and_epoch(header, anchor)
    if commit.block != block_hash(raw):
        raise ProofRefused("bad_certificate", "the certificate is for another block")
    if not certifies_slot(commit.rank, header):
        raise ProofRefused("bad_certificate", "the certificate is for another slot")
    try:
        verify_commit(commit, anchor.configuration, closes=header.close)
    except InvalidCertificate as error:
        raise ProofRefused("bad_certificate", str(error)) from error
    return header


def certifies_slot(rank: Rank, header: Header) -> bool:
    """Say whether a commit of this rank can be one for the block of this header.

    It has the block's own slot; only a closing block may have been proposed again, as the first of
    a later term (R11).
    """
    own = Rank(header.epoch, header.term, header.seq)
    if rank == own:
        return True
    again = rank.epoch == own.epoch and rank.term > own.term and rank.seq == 0
    return header.close is not None and again


def check_home_and_epoch(header: Header, anchor: TrustAnchor) -> None:
    """Raise `ProofRefused` unless the header is of the anchor's home, epoch and membership."""
    if header.version != PROTOCOL_VERSION or header.home != anchor.home:
        raise ProofRefused("wrong_home", "a header of another home or protocol")
    trusted = anchor.configuration
    if header.epoch < trusted.epoch:
        raise ProofRefused("old_epoch", "the membership has changed since")
    if header.epoch > trusted.epoch:
        raise ProofRefused("unknown_epoch", "the ends of earlier epochs are missing")
    if header.configuration != trusted.hash():
        raise ProofRefused("bad_header", "a header of another membership")


def _stepped(anchor: TrustAnchor, step: ConfigurationStep, header: Header) -> TrustAnchor:
    check_final(step.header, step.commit, anchor)
    if header.close is None:
        raise ProofRefused("bad_header", "the block does not end its epoch")
    following = step.configuration
    if (
        following.hash() != header.close.next_configuration
        or following.size != header.close.next_size
    ):
        raise ProofRefused("bad_configuration", "the next membership is not the one announced")
    stepped = structs.replace(anchor, configuration=following)
    return raised(stepped, height=header.height, time_ms=header.time_ms)


def raised(anchor: TrustAnchor, *, height: int, time_ms: int) -> TrustAnchor:
    """The anchor, never lower than this height and time."""
    return structs.replace(
        anchor, height=max(anchor.height, height), time_ms=max(anchor.time_ms, time_ms)
    )


def read_shown_header(raw: bytes) -> Header:
    """The header in `raw`; `ProofRefused` (`bad_header`) where it is none."""
    try:
        return read_header(raw)
    except FormatError as error:
        raise ProofRefused("bad_header", str(error)) from error


def make_configuration_step(
    header: bytes, commit: CommitCertificate, configuration: Configuration
) -> ConfigurationStep:
    """The step past a closing block, made of its header, its certificate and what began then."""
    return ConfigurationStep(header=header, commit=commit, configuration=configuration)
