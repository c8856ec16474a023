"""Pauses between tries."""

from homechain.mesh.back_off import BackOff


class Extreme:
    """Randomness at one end of its range."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def bits(self) -> int:
        return self._bits

    def bytes(self, count: int) -> bytes:
        return bytes(count)


def test_pauses_double_up_to_the_limit_and_begin_again_after_success() -> None:
    back_off = BackOff(first_s=0.25, most_s=2.0, randomness=Extreme(2**64 - 1))
    assert [round(back_off.next_s(), 6) for _ in range(6)] == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]
    back_off.reset()
    assert round(back_off.next_s(), 6) == 0.25


def test_chance_takes_off_at_most_half() -> None:
    back_off = BackOff(first_s=0.25, most_s=2.0, randomness=Extreme(0))
    assert [back_off.next_s() for _ in range(4)] == [0.125, 0.25, 0.5, 1.0]
