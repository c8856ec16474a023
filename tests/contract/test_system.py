"""The small ports: clocks, randomness and keys, of the machine and of the tests."""

import pytest

from homechain.hub.system import KeySigner, SystemClock, SystemRandomness
from homechain.node.ports import Clock, Randomness
from tests.fakes.driven_home import SeededRandomness
from tests.fakes.home import made_key
from tests.fakes.virtual_time import VirtualClock


@pytest.mark.parametrize("clock", [SystemClock(), VirtualClock()], ids=["machine", "virtual"])
async def test_a_clock_counts_milliseconds_and_only_moves_on(clock: Clock) -> None:
    first, second = clock.monotonic_ms(), clock.monotonic_ms()
    assert second >= first
    assert clock.wall_ms() > 1_700_000_000_000


@pytest.mark.parametrize(
    "randomness", [SystemRandomness(), SeededRandomness("x")], ids=["machine", "seeded"]
)
def test_randomness_comes_in_the_wanted_length(randomness: Randomness) -> None:
    assert len({randomness.bits() for _ in range(100)}) == 100
    assert all(0 <= randomness.bits() < 2**64 for _ in range(100))
    assert len(randomness.bytes(33)) == 33
    assert randomness.bytes(16) != randomness.bytes(16)


def test_a_signer_signs_in_its_own_name() -> None:
    key = made_key("hub 0")
    signer = KeySigner(key)
    assert signer.did == key.public.did
    signature = signer.sign(b"words")
    assert key.public.verify(signature, b"words")
    assert not key.public.verify(signature, b"other words")
