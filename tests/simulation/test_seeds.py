"""Drawn homes: a handful on every push, more with all tests, the rest by `make sim`. Found seeds
stay."""

import pytest

from tests.simulation.history import LIVENESS_MS, play

FOUND = (
    1188,  # effects of an epoch that was over named members by their old numbers
    1468,  # a prepare waited for the disk while sync made another block final
)
ON_EVERY_PUSH = range(6)
WITH_ALL_TESTS = range(6, 60)


def violations(seeds: range) -> dict[int, str]:
    """What went wrong, by seed."""
    played = {seed: play(seed).violation for seed in seeds}
    return {seed: str(violation) for seed, violation in played.items() if violation}


@pytest.mark.parametrize("first", ON_EVERY_PUSH[::3])
def test_drawn_homes_keep_every_invariant(first: int) -> None:
    assert violations(range(first, first + 3)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("first", WITH_ALL_TESTS[::9])
def test_more_drawn_homes_keep_every_invariant(first: int) -> None:
    assert violations(range(first, first + 9)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", FOUND)
def test_seeds_that_once_failed(seed: int) -> None:
    assert play(seed).violation is None


@pytest.mark.parametrize("seed", [3, 41])
def test_a_seed_has_one_history(seed: int) -> None:
    first, second = play(seed), play(seed)
    assert (first.trace, first.commits) == (second.trace, second.commits)
    assert first.commits > 0
    assert first.simulated_ms > LIVENESS_MS // 10
