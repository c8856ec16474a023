"""Signatures off the event loop."""

import asyncio
from contextlib import closing

import pytest
from msgspec.structs import replace

from homechain.ledger.records import SignedRecord
from homechain.node.verification import BATCH_RECORDS, Verifier, VerifierClosed
from tests.fakes.home import Actor, MadeHome, made_key


def genuine_and_forged(count: int) -> tuple[list[SignedRecord], list[bool]]:
    """Every third one bears another record's signature."""
    home = MadeHome()
    sensor = Actor(made_key("sensor"), name="sensor")
    records = [home.event_record(sensor, battery=number) for number in range(count)]
    other = home.event_record(sensor, battery=count).signature
    marked = [
        replace(record, signature=other) if number % 3 == 0 else record
        for number, record in enumerate(records)
    ]
    return marked, [number % 3 != 0 for number in range(count)]


async def test_verdicts_come_in_order() -> None:
    records, expected = genuine_and_forged(7)
    with closing(Verifier()) as verifier:
        assert await verifier.records(records) == expected
        assert await verifier.records([]) == []


async def test_what_arrives_meanwhile_shares_a_batch_and_nobody_gets_anothers_verdict() -> None:
    records, expected = genuine_and_forged(40)
    with closing(Verifier(threads=1)) as verifier:
        answers = await asyncio.gather(*(verifier.records([record]) for record in records))
    assert [verdict for (verdict,) in answers] == expected


async def test_more_than_a_batch_is_checked_whole() -> None:
    good = genuine_and_forged(3)[0][1]
    with closing(Verifier()) as verifier:
        verdicts = await verifier.records([good] * (2 * BATCH_RECORDS + 1))
    assert verdicts == [True] * (2 * BATCH_RECORDS + 1)


async def test_closing_leaves_nobody_waiting() -> None:
    records, _ = genuine_and_forged(5)
    verifier = Verifier(threads=1)
    asked = [asyncio.create_task(verifier.records([record])) for record in records]
    await asyncio.sleep(0)
    verifier.close()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, list | VerifierClosed) for answer in answers)
    with pytest.raises(VerifierClosed):
        await verifier.records(records)
