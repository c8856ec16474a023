"""How long to wait before the next try. Pure; the caller brings randomness and does the waiting."""

from homechain.node.ports import Randomness


class BackOff:
    """Doubling pauses with jitter, from `first_s` to `most_s` seconds."""

    def __init__(self, *, first_s: float, most_s: float, randomness: Randomness) -> None:
        assert 0 < first_s <= most_s
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s
        self._randomness = randomness

    def next_s(self) -> float:
        """Return the next pause in seconds: half of it for certain, half by chance.

        Without chance, hubs that lost power together would keep meeting in the doorway.
        """
        whole_s = self._next_s
        self._next_s = min(self._most_s, whole_s * 2)
        return whole_s * (0.5 + 0.5 * self._randomness.bits() / 2**64)

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._next_s = self._first_s
