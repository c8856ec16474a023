"""From blocks to rows: what is shown follows from the ledger and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from homechain.model.records import OutcomeResult
from homechain.storage.projection import ReadingEntry, newest, project
from tests.fakes.made_chain import START_MS, MadeChain, decide, key

LOCK, CAMERA, GUEST = key(20), key(21), key(30)

readings = st.lists(
    st.builds(
        ReadingEntry,
        device=st.sampled_from(["a", "b"]),
        name=st.sampled_from(["x", "y"]),
        value=st.integers(0, 9).map(lambda number: str(number).encode()),
        at_ms=st.integers(0, 5),
        order_ms=st.integers(0, 5),
        index=st.integers(0, 3),
        command=st.none(),
    ),
    max_size=12,
)


@given(readings, st.integers(0, 12))
def test_cutting_readings_into_blocks_does_not_change_what_is_newest(
    entries: list[ReadingEntry], cut: int
) -> None:
    whole = newest(entries)
    before = newest(entries[:cut])
    assert newest([*before.values(), *entries[cut:]]) == whole
    for (device, name), shown in whole.items():
        rivals = [each for each in entries if (each.device, each.name) == (device, name)]
        assert shown.order_ms == max(each.order_ms for each in rivals)
        assert shown is [each for each in rivals if each.order_ms == shown.order_ms][-1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([LOCK, CAMERA]),
            st.lists(
                st.tuples(
                    st.sampled_from(["battery", "bolt"]),
                    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
                ),
                min_size=1,
                max_size=3,
            ),
            st.integers(START_MS - 10**6, START_MS + 10**6),
        ),
        max_size=4,
    )
)
def test_every_reading_and_record_gets_its_place(
    events: list[tuple[object, list[tuple[str, object]], int]],
) -> None:
    chain = MadeChain()
    records = [
        chain.event(device, *values, at_ms=at_ms)  # type: ignore[arg-type]  # keys by hypothesis
        for device, values, at_ms in events
    ]
    final = chain.block(records)
    projection = project(final)
    assert [entry.index for entry in projection.records] == list(range(1, 1 + len(records)))
    assert [entry.record for entry in projection.records] == records
    assert all(entry.subjects == (entry.record.signer,) for entry in projection.records)
    assert len(projection.readings) == sum(len(values) for _, values, _ in events)
    assert all(entry.order_ms <= final.time_ms for entry in projection.readings)
    assert all(entry.order_ms <= entry.at_ms for entry in projection.readings)
    assert projection == project(final)


def test_a_command_is_about_its_device_and_an_outcome_about_its_command() -> None:
    chain = MadeChain()
    command = chain.command(GUEST, LOCK, "unlock", for_s=3)
    outcome = chain.outcome(
        LOCK, command, ("bolt", "jammed"), result=OutcomeResult.FAILED, reason="stuck"
    )
    final = chain.block([command, outcome], decisions=(decide(command, grant="grant-0001"),))
    projection = project(final)
    assert projection.records[0].subjects == (GUEST.public.did, LOCK.public.did)
    (requested,) = projection.commands
    assert (requested.id, requested.arguments) == (command.id, b'{"for_s":3}')
    assert (requested.allowed, requested.grant) == (True, "grant-0001")
    (answered,) = projection.outcomes
    assert (answered.command, answered.result, answered.reason) == (command.id, "failed", "stuck")
    (reading,) = projection.readings
    assert (reading.name, reading.value, reading.command) == ("bolt", b'"jammed"', command.id)
