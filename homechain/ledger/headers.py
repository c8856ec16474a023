"""What a header must say, given its parent and its records.

May live here: comparison field by field, so that whoever refuses a block can name the field. May
not: terms and slots beyond their plain order (`consensus` re-checks R5 and R6), signatures.
"""

import msgspec
from msgspec import structs

from homechain.model.blocks import Header, Rank, read_header, root_certificate
from homechain.model.configuration import PROTOCOL_VERSION, Configuration


def link_fault(
    parent: Header, header: Header, *, parent_hash: bytes, configuration: Configuration
) -> tuple[str, str] | None:
    """The first field of `header` that does not fit its parent, and why; None if all fit.

    Covers what can be said without the records: version to time. `configuration` is the membership
    that decides the child.
    """
    enters_epoch = configuration.epoch != parent.epoch or parent.height == 0
    slot = Rank(header.epoch, header.term, header.seq)
    if enters_epoch:
        follows = header.seq == 0 and header.term > 0
        justify = root_certificate(configuration.epoch, parent_hash)
    else:
        follows = slot.term > parent.term and slot.seq == 0
        follows |= slot.term == parent.term and slot.seq == parent.seq + 1
        base = Rank(parent.epoch, parent.term, parent.seq)
        justify = structs.replace(header.justify, rank=base, block=parent_hash)
    checks = (
        ("version", header.version == PROTOCOL_VERSION, "an unknown protocol version"),
        ("home", header.home == parent.home, "another home"),
        ("epoch", header.epoch == configuration.epoch, f"the epoch is {configuration.epoch}"),
        ("configuration", header.configuration == configuration.hash(), "another membership"),
        ("term", follows, f"slot {tuple(slot)} does not follow the parent's"),
        ("height", header.height == parent.height + 1, f"the parent has height {parent.height}"),
        ("parent", header.parent == parent_hash, "another block stands below"),
        ("justify", header.justify == justify, "it does not certify the parent"),
        ("time_ms", header.time_ms >= parent.time_ms, "time runs backwards"),
    )
    return next(((name, reason) for name, right, reason in checks if not right), None)


def content_fault(expected: Header, header: Header) -> tuple[str, str] | None:
    """The first field of `header` that its records do not make, and why; None if all fit."""
    for name, reason in (
        ("record_count", "the block holds another number of records"),
        ("tree_size", "the ledger holds another number of records"),
        ("records_root", "the records have another Merkle root"),
        ("state_root", "the records lead to another state"),
        ("close", "the mark of a membership change does not fit the records"),
    ):
        if getattr(expected, name) != getattr(header, name):
            return name, reason
    return None


def field_range(raw: bytes, name: str) -> tuple[int, int]:
    """(first, after last) byte of a field in a header's canonical bytes."""
    header = read_header(raw)
    sizes = [
        (field, len(msgspec.msgpack.encode(getattr(header, field))))
        for field in header.__struct_fields__
    ]
    # An array's own head comes first; its length follows from the rest.
    start = len(raw) - sum(size for _, size in sizes)
    for field, size in sizes:
        if field == name:
            return start, start + size
        start += size
    raise KeyError(name)
