"""`homechain ledger …`: verify, show and export the ledger."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from homechain.cli import DONE, FAILED, USAGE, CommandFailed, identifier
from homechain.cli.asking import ask
from homechain.cli.moments import spoken
from homechain.cli.output import add_json, emit, say, table, warn
from homechain.cli.profile import add_profile

if TYPE_CHECKING:
    from homechain.api.schema.records import RecordDetail
    from homechain.ledger.audit import AuditProgress
    from homechain.model.blocks import CertifiedBlock

BAR_CELLS = 30
BAR_INTERVAL_S = 0.2
AUDIT_BLOCKS = 64
"""Blocks between two looks at the clock."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the commands of `homechain ledger`."""
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")

    verify_ = commands.add_parser("verify", help="check a hub's whole ledger from genesis on")
    verify_.add_argument("directory", type=Path, metavar="DIR", help="the hub's --state-dir")
    verify_.add_argument(
        "--home", type=identifier, metavar="ID", help="the home's id, if you know it from elsewhere"
    )
    add_json(verify_)
    verify_.set_defaults(handler=verify)

    show_ = commands.add_parser("show", help="the newest records, or one down to its signature")
    show_.add_argument("record", type=identifier, nargs="?", help="a record's id")
    show_.add_argument("--limit", type=int, default=20)
    add_profile(show_)
    add_json(show_)
    show_.set_defaults(handler=show)

    export_ = commands.add_parser("export", help="every record as it was signed, one a line")
    export_.add_argument("directory", type=Path, metavar="DIR", help="the hub's --state-dir")
    export_.set_defaults(handler=export)


def verify(arguments: argparse.Namespace) -> int:
    """Checks everything and names the first thing that is wrong. Can be interrupted at any time."""
    from homechain.ledger.audit import Auditor
    from homechain.ledger.errors import BrokenLedger
    from homechain.model.errors import FormatError
    from homechain.model.ids import digest_from_text
    from homechain.storage.chain import chain_size, stored_chain
    from homechain.storage.derived import compare_derived
    from homechain.storage.errors import DirectoryRefused, StorageFailed

    try:
        home = digest_from_text(arguments.home) if arguments.home else None
    except FormatError as error:
        raise CommandFailed(f"--home: {error}", code=USAGE) from error
    try:
        size = chain_size(arguments.directory)
        auditor = Auditor(home=home)
        blocks = stored_chain(arguments.directory)
        with _bar(size.blocks) as show_progress:
            for done in _audited(auditor.feed, blocks):
                show_progress(done)
            progress = auditor.finish()
            show_progress(size.blocks)
        differences = list(compare_derived(arguments.directory))
    except BrokenLedger as broken:
        if arguments.json:
            emit(
                {
                    "verified": False,
                    "height": broken.height,
                    "part": broken.part,
                    "record": broken.record,
                    "byte_range": broken.byte_range,
                    "reason": broken.reason,
                }
            )
        else:
            say(f"WRONG: {broken}")
        return FAILED
    except (StorageFailed, DirectoryRefused) as error:
        raise CommandFailed(str(error)) from error
    facts = {
        "verified": not differences,
        "blocks": progress.blocks,
        "records": progress.records,
        "signatures": progress.signatures,
        "final_height": progress.final_height,
        "differences": differences,
    }
    if arguments.json:
        emit(facts)
    else:
        say(
            f"{progress.blocks} blocks, {progress.records} records, {progress.signatures} "
            f"signatures: all good, final to #{progress.final_height}"
        )
        for difference in differences:
            say(f"WRONG in {difference.table}, {difference.where}: {difference.what}")
    return FAILED if differences else DONE


def _audited(
    feed: "Callable[[list[CertifiedBlock]], AuditProgress]", blocks: "Iterator[CertifiedBlock]"
) -> Iterator[int]:
    page: list[CertifiedBlock] = []
    done = 0
    for block in blocks:
        page.append(block)
        if len(page) >= AUDIT_BLOCKS:
            done = feed(page).blocks
            page.clear()
            yield done
    yield feed(page).blocks


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar beside the output, for a person only, a few times a second."""
    shown_s = 0.0

    def show_progress(done: int) -> None:
        nonlocal shown_s
        now_s = time.monotonic()
        if not sys.stderr.isatty() or (done < total and now_s - shown_s < BAR_INTERVAL_S):
            return
        shown_s = now_s
        filled = min(BAR_CELLS, BAR_CELLS * done // max(1, total))
        bar = "█" * filled + "░" * (BAR_CELLS - filled)
        print(f"\r{bar} {done}/{total} blocks", end="", file=sys.stderr, flush=True)

    try:
        yield show_progress
    finally:  # whatever ended it, interruption included: the next words get their own line
        if shown_s:
            print(file=sys.stderr)


def show(arguments: argparse.Namespace) -> int:
    """Shows records."""
    if arguments.record:
        detail = ask(arguments, lambda client: client.record(arguments.record))
        if arguments.json:
            emit(detail)
        else:
            _tell(detail)
        return DONE
    page = ask(arguments, lambda client: client.records(limit=arguments.limit))
    if arguments.json:
        emit(page)
        return DONE
    table(
        ("block", "when", "kind", "signed by", "id"),
        ((r.height, spoken(r.time_ms // 1000), r.kind, r.signer_name, r.id) for r in page.records),
    )
    return DONE


def _tell(detail: "RecordDetail") -> None:
    record = detail.record
    lines = {
        "record": record.id,
        "kind": record.kind,
        "signed by": f"{record.signer_name} ({record.signer})",
        "final": f"in block {record.height}, {spoken(record.time_ms // 1000)}, leaf {record.index}",
        "decided": "" if record.decision is None else record.decision.reason,
        "became": "" if detail.command is None else detail.command.life.value,
        "says": json.dumps(record.payload, ensure_ascii=False),
        "signed": detail.raw,
    }
    for name, value in lines.items():
        if value:
            say(f"{name + ':':11}{value}")


def export(arguments: argparse.Namespace) -> int:
    """Writes every record's exact bytes, one compact JWS a line, oldest first."""
    from homechain.ledger.errors import BrokenLedger
    from homechain.storage.chain import stored_chain
    from homechain.storage.errors import DirectoryRefused, StorageFailed

    count = 0
    try:
        for block in stored_chain(arguments.directory):
            for raw in block.block.records:
                sys.stdout.write(raw.decode("ascii") + "\n")
                count += 1
    except (BrokenLedger, StorageFailed, DirectoryRefused) as error:
        raise CommandFailed(str(error)) from error
    warn(f"{count} records")
    return DONE
