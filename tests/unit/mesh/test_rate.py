"""Token buckets."""

from homechain.mesh.rate import TokenBucket


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(per_second=2.0, burst=3.0)
    assert [bucket.take(1, now_s=10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(1, now_s=10.5)
    assert not bucket.take(1, now_s=10.5)
    assert [bucket.take(1, now_s=100.0) for _ in range(4)] == [True, True, True, False]


def test_time_that_runs_backwards_fills_nothing() -> None:
    bucket = TokenBucket(per_second=1.0, burst=1.0)
    assert bucket.take(1, now_s=10.0)
    assert not bucket.take(1, now_s=5.0)


def test_a_debt_says_how_long_to_pause() -> None:
    bucket = TokenBucket(per_second=10.0, burst=5.0)
    assert bucket.owe(5, now_s=0.0) == 0.0
    assert bucket.owe(5, now_s=0.0) == 0.5
    assert bucket.owe(0, now_s=0.5) == 0.0
