"""Which hub to ask, and how long to leave one alone that failed.

May live here: addresses, failures, given time. May not: sockets, clocks or `async`. Any hub of the
home will do, because no hub is believed; so the only question is who answers.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Health:
    failures: int = 0
    not_before_ms: int = 0
    worked_at_ms: int = -1


class HubRoster:
    """The addresses of all hubs, and how each has answered lately."""

    def __init__(
        self,
        addresses: Iterable[str],
        *,
        backoff_first_ms: int,
        backoff_most_ms: int,
        chance: Callable[[], float],
    ) -> None:
        """`chance` gives numbers from 0 to 1: without it all devices would come back at once."""
        self._first_ms = backoff_first_ms
        self._most_ms = backoff_most_ms
        self._chance = chance
        self._hubs: dict[str, _Health] = {}
        self.replace(addresses)

    @property
    def addresses(self) -> list[str]:
        """All of them, in the order in which they were given."""
        return list(self._hubs)

    def replace(self, addresses: Iterable[str]) -> None:
        """These are the home's addresses now; what is known of those that stay is kept."""
        self._hubs = {address: self._hubs.get(address, _Health()) for address in addresses}

    def best(self, now_ms: int, *, but: Collection[str] = ()) -> tuple[str, int] | None:
        """The address to ask next and how many ms to wait before; None if there is none.

        Among those that may be asked now, the one that failed least and worked last comes first;
        else the one whose wait ends first.
        """
        candidates = [
            (
                max(0, health.not_before_ms - now_ms),
                health.failures,
                -health.worked_at_ms,
                place,
                address,
            )
            for place, (address, health) in enumerate(self._hubs.items())
            if address not in but
        ]
        if not candidates:
            return None
        wait_ms, _, _, _, address = min(candidates)
        return address, wait_ms

    def worked(self, address: str, now_ms: int) -> None:
        """This hub did what was asked."""
        if (health := self._hubs.get(address)) is not None:
            health.failures = 0
            health.not_before_ms = 0
            health.worked_at_ms = now_ms

    def failed(self, address: str, now_ms: int) -> None:
        """This hub did not answer, or could not do it: each time it is left alone for longer."""
        if (health := self._hubs.get(address)) is None:
            return
        wait_ms = min(self._most_ms, self._first_ms * 2 ** min(health.failures, 20))
        health.failures += 1
        health.not_before_ms = now_ms + int(wait_ms * (0.5 + self._chance() / 2))
        health.worked_at_ms = -1
