"""Drawn homes: a handful on every push, the rest by `make sim`. Found seeds stay."""

import pytest

from tests.simulation.history import LIVENESS_MS, play

FOUND = (
    1188,  # effects of an epoch that was over named members by their old numbers
    1468,  # a prepare waited for the disk while sync made another block final
)
DRAWN = range(60)


@pytest.mark.parametrize("first", range(DRAWN.start, DRAWN.stop, 10))
def test_drawn_homes_keep_every_invariant(first: int) -> None:
    failed = {seed: play(seed).violation for seed in range(first, first + 10)}
    assert {seed: violation for seed, violation in failed.items() if violation} == {}


@pytest.mark.parametrize("seed", FOUND)
def test_seeds_that_once_failed(seed: int) -> None:
    assert play(seed).violation is None


@pytest.mark.parametrize("seed", [3, 41])
def test_a_seed_has_one_history(seed: int) -> None:
    first, second = play(seed), play(seed)
    assert (first.trace, first.commits) == (second.trace, second.commits)
    assert first.commits > 0
    assert first.simulated_ms > LIVENESS_MS // 10
