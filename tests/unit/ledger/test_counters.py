from hypothesis import given
from hypothesis import strategies as st

from homechain.ledger.counters import UNUSED, WINDOW_BYTES, CounterUse
from homechain.model import limits


def test_nothing_is_used_at_first() -> None:
    assert UNUSED.use_of(1) is CounterUse.FRESH


def test_a_counter_is_used_once() -> None:
    window = UNUSED.with_used(5)
    assert window.use_of(5) is CounterUse.REPLAYED
    assert window.use_of(4) is CounterUse.FRESH
    assert window.with_used(4).use_of(4) is CounterUse.REPLAYED


def test_what_fell_out_of_the_window_is_refused() -> None:
    window = UNUSED.with_used(1).with_used(1 + limits.COUNTER_WINDOW)
    assert window.use_of(1) is CounterUse.TOO_OLD
    assert window.use_of(2) is CounterUse.FRESH


def test_a_jump_to_the_largest_counter_costs_no_memory() -> None:
    window = UNUSED.with_used(7).with_used(limits.COUNTER_MAX)
    assert window.highest == limits.COUNTER_MAX
    assert len(window.seen) == WINDOW_BYTES
    assert window.use_of(7) is CounterUse.TOO_OLD


@given(st.lists(st.integers(1, 3 * limits.COUNTER_WINDOW), max_size=80))
def test_the_window_agrees_with_a_set(counters: list[int]) -> None:
    window, used, highest = UNUSED, set[int](), 0
    for counter in counters:
        expected = (
            CounterUse.TOO_OLD
            if counter <= highest - limits.COUNTER_WINDOW
            else CounterUse.REPLAYED
            if counter in used
            else CounterUse.FRESH
        )
        assert window.use_of(counter) is expected
        if expected is CounterUse.FRESH:
            window = window.with_used(counter)
            used.add(counter)
            highest = max(highest, counter)
