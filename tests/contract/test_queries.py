"""What the API and the command line rely on, held by SQLite and by the fake alike."""

import pytest

from homechain.crypto.errors import InvalidProof
from homechain.crypto.merkle import verify_inclusion
from homechain.ledger.records import SignedRecord
from homechain.model.blocks import CertifiedBlock, read_header
from homechain.model.ids import digest_text
from homechain.model.records import PersonRecord, RevokeRecord, Role
from homechain.node.ports import Batch, FinalBlock
from tests.contract.conftest import Disk
from tests.fakes.made_chain import START_MS, MadeChain, decide, key

LOCK, CAMERA, GUEST = key(20), key(21), key(30)
PLENTY = 1 << 30


def as_served(final: FinalBlock) -> CertifiedBlock:
    return CertifiedBlock(final.block, final.proposal, final.commit)


async def test_nothing_is_known_before_the_founding(disk: Disk) -> None:
    queries = disk.queries
    assert await queries.block(0) is None
    assert await queries.blocks(0, limit=10, at_most_bytes=PLENTY) == []
    assert await queries.covering_commit(0) is None
    assert await queries.record(bytes(32)) is None
    assert await queries.records_of_block(0) == []
    assert await queries.recent_records() == []
    assert await queries.command(bytes(32)) is None
    assert await queries.commands() == []
    assert await queries.properties() == []
    assert await queries.readings(device=LOCK.public.did) == []
    with pytest.raises(InvalidProof):
        await queries.inclusion_path(index=0, size=1)


async def test_blocks_come_back_byte_for_byte(disk: Disk) -> None:
    chain = MadeChain()
    finals = [chain.genesis]
    for count in (2, 0, 300, 1):
        records = [chain.event(LOCK, ("battery", step)) for step in range(count)]
        finals.append(chain.block(records, certified=count != 2))
    await disk.store.write(Batch(final=tuple(finals)))
    assert [await disk.queries.block(height) for height in range(5)] == [*map(as_served, finals)]
    assert await disk.queries.block(5) is None
    served = await disk.queries.blocks(0, limit=10, at_most_bytes=PLENTY)
    assert served == [*map(as_served, finals)]
    assert await disk.queries.blocks(3, limit=1, at_most_bytes=PLENTY) == [as_served(finals[3])]


async def test_a_page_of_blocks_ends_with_a_certificate(disk: Disk) -> None:
    chain = MadeChain()
    certified = [True, False, True, False, False, False, True, False]
    finals = [chain.genesis, *(chain.block(certified=each) for each in certified)]
    await disk.store.write(Batch(final=tuple(finals)))

    async def page(from_height: int, limit: int, at_most_bytes: int = PLENTY) -> list[int]:
        served = await disk.queries.blocks(from_height, limit=limit, at_most_bytes=at_most_bytes)
        return [read_header(each.block.header).height for each in served]

    assert await page(1, 100) == [1, 2, 3, 4, 5, 6, 7]
    assert await page(1, 6) == [1, 2, 3]
    assert await page(2, 1) == [2, 3]
    assert await page(4, 2) == [4, 5, 6, 7]
    assert await page(1, 100, at_most_bytes=1) == [1]
    assert await page(4, 100, at_most_bytes=1) == [4, 5, 6, 7]
    assert await page(8, 100) == []
    assert await page(9, 100) == []
    assert await page(0, 1) == [0]


async def test_weight_cuts_a_page(disk: Disk) -> None:
    chain = MadeChain()
    finals = [chain.genesis]
    finals += [chain.block([chain.event(LOCK, ("text", "x" * 1_000))]) for _ in range(10)]
    await disk.store.write(Batch(final=tuple(finals)))
    served = await disk.queries.blocks(1, limit=10, at_most_bytes=10_000)
    assert 2 <= len(served) <= 5


async def test_the_covering_commit_is_the_lowest_at_or_above(disk: Disk) -> None:
    chain = MadeChain()
    finals = [chain.genesis, *(chain.block(certified=each) for each in (False, True, True, False))]
    await disk.store.write(Batch(final=tuple(finals)))
    for height, covering in ((0, 2), (1, 2), (2, 2), (3, 3)):
        found = await disk.queries.covering_commit(height)
        assert found == (finals[covering].block.header, finals[covering].commit)
    assert await disk.queries.covering_commit(4) is None


async def test_every_record_is_proven_in_every_tree_that_holds_it(disk: Disk) -> None:
    chain = MadeChain()
    records = [chain.genesis_record]
    finals, roots = [chain.genesis], [chain.frontier]
    for count in (1, 3, 4, 8, 5):
        added = [chain.event(LOCK, ("battery", step)) for step in range(count)]
        finals.append(chain.block(added))
        records += added
        roots.append(chain.frontier)
    await disk.store.write(Batch(final=tuple(finals)))
    for frontier in roots:
        for index in range(frontier.size):
            path = await disk.queries.inclusion_path(index=index, size=frontier.size)
            assert verify_inclusion(
                leaf=records[index].leaf,
                index=index,
                size=frontier.size,
                path=path,
                root=frontier.root(),
            )
    for index, size in ((5, 5), (0, 23), (22, 23)):
        with pytest.raises(InvalidProof):
            await disk.queries.inclusion_path(index=index, size=size)


async def write_records_of_every_sort(disk: Disk) -> list[SignedRecord]:
    """Genesis, person, event (lock), event (camera), command (to the lock), revoke, outcome (lock):
    leaf numbers 0 to 6, two records in each block after the first."""
    chain = MadeChain()
    owner, home = chain.owner.public.did, digest_text(chain.home)
    command = chain.command(GUEST, LOCK)
    person = chain.sign(
        PersonRecord(
            iss=owner,
            ctr=90,
            iat=1,
            home=home,
            person=GUEST.public.did,
            name="Gus",
            role=Role.GUEST,
        ),
        chain.owner,
    )
    revoke = chain.sign(
        RevokeRecord(iss=owner, ctr=91, iat=1, home=home, grant="grant-0001"), chain.owner
    )
    locked = chain.event(LOCK, ("bolt", "locked"))
    seen = chain.event(CAMERA, ("motion", True))
    outcome = chain.outcome(LOCK, command, ("bolt", "unlocked"))
    blocks = [
        chain.block([person, locked]),
        chain.block([seen, command], decisions=(decide(command),)),
        chain.block([revoke, outcome]),
    ]
    await disk.store.write(Batch(final=(chain.genesis, *blocks)))
    return [chain.genesis_record, person, locked, seen, command, revoke, outcome]


async def test_records_are_found_by_id_and_block(disk: Disk) -> None:
    records = await write_records_of_every_sort(disk)
    for index, record in enumerate(records):
        row = await disk.queries.record(record.id)
        assert row is not None
        assert (row.id, row.raw, row.kind, row.signer) == (
            record.id,
            record.raw,
            record.kind,
            record.signer,
        )
        assert row.index == index
        assert row.height == (index + 1) // 2
        assert row.time_ms == START_MS + 1_000 * row.height
    assert await disk.queries.record(records[1].id[:8] + bytes(24)) is None
    assert [row.id for row in await disk.queries.records_of_block(2)] == [
        records[3].id,
        records[4].id,
    ]
    assert await disk.queries.records_of_block(9) == []


async def test_recent_records_are_found_by_kind_signer_and_device(disk: Disk) -> None:
    await write_records_of_every_sort(disk)
    owner = MadeChain().owner.public.did

    async def ids(**question: object) -> list[int]:
        rows = await disk.queries.recent_records(**question)  # type: ignore[arg-type]  # by name
        return [row.index for row in rows]

    assert await ids() == [6, 5, 4, 3, 2, 1, 0]
    assert await ids(limit=2) == [6, 5]
    assert await ids(limit=0) == []
    assert await ids(before_index=5, limit=2) == [4, 3]
    assert await ids(kinds=("event",)) == [3, 2]
    assert await ids(kinds=("person", "revoke", "genesis")) == [5, 1, 0]
    assert await ids(kinds=("person", "revoke"), before_index=5) == [1]
    assert await ids(kinds=("event", "command"), limit=2) == [4, 3]
    assert await ids(kinds=("nonsense",)) == []
    assert await ids(signer=owner) == [5, 1, 0]
    assert await ids(signer=GUEST.public.did) == [4]
    assert await ids(device=LOCK.public.did) == [6, 4, 2]
    assert await ids(device=LOCK.public.did, before_index=6, limit=1) == [4]
    assert await ids(device=LOCK.public.did, kinds=("command",)) == [4]
    assert await ids(device=LOCK.public.did, signer=GUEST.public.did) == [4]
    assert await ids(device=key(99).public.did) == []


async def test_a_command_is_followed_from_request_to_outcome(disk: Disk) -> None:
    chain = MadeChain()
    allowed = chain.command(GUEST, LOCK, "unlock", for_s=5)
    denied = chain.command(GUEST, CAMERA, "still")
    final = chain.block(
        [allowed, denied],
        decisions=(decide(allowed, grant="grant-0001"), decide(denied, allowed=False)),
    )
    await disk.store.write(Batch(final=(chain.genesis, final)))
    queries = disk.queries

    row = await queries.command(allowed.id)
    assert row is not None
    assert (row.device, row.person) == (LOCK.public.did, GUEST.public.did)
    assert (row.action, row.arguments) == ("unlock", {"for_s": 5})
    assert (row.requested_ms, row.expires_s) == (START_MS, START_MS // 1_000 + 30)
    assert (row.height, row.final_ms) == (1, START_MS + 1_000)
    assert row.decision.allowed
    assert row.decision.command == allowed.id
    assert row.decision.grant == "grant-0001"
    assert (row.outcome, row.outcome_ms, row.media) == (None, None, None)
    refused = await queries.command(denied.id)
    assert refused is not None
    assert not refused.decision.allowed
    assert refused.decision.code == "no_grant"
    assert [each.id for each in await queries.commands()] == [denied.id, allowed.id]
    assert [each.id for each in await queries.commands(limit=1)] == [denied.id]
    assert [each.id for each in await queries.commands(waiting_only=True)] == [allowed.id]
    assert await queries.command(bytes(32)) is None

    stranger = chain.outcome(CAMERA, allowed, reason="not my business")
    outcome = chain.outcome(LOCK, allowed, ("bolt", "unlocked"), reason="ok", at_ms=START_MS + 7)
    second = chain.outcome(LOCK, allowed, reason="again")
    await disk.store.write(Batch(final=(chain.block([stranger, outcome, second]),)))
    row = await queries.command(allowed.id)
    assert row is not None
    assert (row.outcome, row.outcome_reason, row.outcome_ms) == ("done", "ok", START_MS + 7)
    assert await queries.commands(waiting_only=True) == []
    by_device = await queries.commands(device=LOCK.public.did)
    assert [each.id for each in by_device] == [allowed.id]
    by_person = await queries.commands(person=GUEST.public.did, device=CAMERA.public.did)
    assert [each.id for each in by_person] == [denied.id]

    readings = await queries.readings(device=LOCK.public.did)
    assert [(each.name, each.value, each.command, each.record) for each in readings] == [
        ("bolt", "unlocked", allowed.id, outcome.id)
    ]


async def test_a_property_shows_its_newest_value(disk: Disk) -> None:
    chain = MadeChain()
    later, earlier = START_MS + 900, START_MS + 100
    finals = [
        chain.genesis,
        chain.block([chain.event(LOCK, ("battery", 80), ("bolt", "locked"), at_ms=later)]),
        chain.block([chain.event(LOCK, ("battery", 90), at_ms=earlier)]),
        chain.block([chain.event(CAMERA, ("battery", None), at_ms=earlier)]),
        chain.block([chain.event(CAMERA, ("battery", {"level": 0.5}), at_ms=earlier)]),
    ]
    await disk.store.write(Batch(final=tuple(finals)))
    shown = {
        (row.device, row.name): (row.value, row.at_ms, row.height)
        for row in await disk.queries.properties()
    }
    assert shown == {
        (LOCK.public.did, "battery"): (80, later, 1),
        (LOCK.public.did, "bolt"): ("locked", later + 1, 1),
        (CAMERA.public.did, "battery"): ({"level": 0.5}, earlier, 4),
    }
    of_lock = await disk.queries.properties(LOCK.public.did)
    assert [row.name for row in of_lock] == ["battery", "bolt"]
    assert await disk.queries.properties(GUEST.public.did) == []


async def test_a_clock_that_ran_ahead_does_not_pin_a_value(disk: Disk) -> None:
    chain = MadeChain()
    finals = [
        chain.genesis,
        chain.block([chain.event(LOCK, ("battery", 1), at_ms=START_MS * 2)], time_ms=START_MS + 5),
        chain.block([chain.event(LOCK, ("battery", 2), at_ms=START_MS + 9)]),
    ]
    await disk.store.write(Batch(final=tuple(finals)))
    (row,) = await disk.queries.properties()
    assert row.value == 2


async def test_readings_are_found_by_device_name_and_time(disk: Disk) -> None:
    chain = MadeChain()
    await disk.store.write(Batch(final=(chain.genesis,)))
    for step in range(6):
        at_ms = START_MS + 1_000 * step
        records = [
            chain.event(LOCK, ("battery", step), ("bolt", "locked"), at_ms=at_ms),
            chain.event(CAMERA, ("battery", -step), at_ms=at_ms),
        ]
        await disk.store.write(Batch(final=(chain.block(records),)))

    async def values(**question: object) -> list[object]:
        rows = await disk.queries.readings(**question)  # type: ignore[arg-type]  # by name
        return [row.value for row in rows]

    assert await values(limit=4) == [-5, "locked", 5, -4]
    assert await values(device=LOCK.public.did, limit=3) == ["locked", 5, "locked"]
    assert await values(device=LOCK.public.did, name="battery") == [5, 4, 3, 2, 1, 0]
    assert await values(name="battery", limit=4) == [-5, 5, -4, 4]
    assert await values(name="battery", since_ms=START_MS + 4_000) == [-5, 5, -4, 4]
    assert await values(since_ms=START_MS + 5_000) == [-5, "locked", 5]
    assert await values(name="nothing") == []
    assert len(await values()) == 18
    (row, *_) = await disk.queries.readings(device=CAMERA.public.did)
    assert (row.device, row.name, row.at_ms, row.height, row.command) == (
        CAMERA.public.did,
        "battery",
        START_MS + 5_000,
        6,
        None,
    )


async def test_hostile_text_comes_back_as_it_was(disk: Disk) -> None:
    chain = MadeChain()
    text = "'; DROP TABLE records; --\x1b[2J[@click=app.quit]\u202e\U0001f512\x00"
    event = chain.event(LOCK, ("message", text))
    command = chain.command(GUEST, LOCK, note=text)
    final = chain.block([event, command], decisions=(decide(command),))
    outcome = chain.block([chain.outcome(LOCK, command, reason=text)])
    await disk.store.write(Batch(final=(chain.genesis, final, outcome)))
    (shown,) = await disk.queries.properties()
    assert shown.value == text
    (row,) = await disk.queries.commands()
    assert row.arguments == {"note": text}
    assert row.outcome_reason == text
