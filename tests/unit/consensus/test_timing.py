import pytest

from homechain.consensus.timing import Timing


@pytest.mark.parametrize(
    "contradiction",
    [
        {"heartbeat_interval_ms": 1_500},
        {"election_timeout_limit_ms": 100},
        {"pre_vote_lifetime_ms": 100},
        {"heartbeat_interval_ms": 0},
    ],
)
def test_times_that_contradict_one_another_are_refused(contradiction: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="election timeout"):
        Timing(**contradiction)
