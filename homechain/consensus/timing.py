"""How long the core waits, in milliseconds (R1, R10)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Defaults suit an ordinary LAN. `ValueError` if they contradict one another."""

    election_timeout_ms: int = 2_000
    """Without progress for so long, a hub wants another leader. Doubles per failed term."""
    election_timeout_limit_ms: int = 30_000
    heartbeat_interval_ms: int = 400
    """Also how often an undecided hub repeats itself."""
    censor_timeout_ms: int = 5_000
    """A valid record that waits longer than this is reason enough for another leader."""
    start_patience_ms: int = 250
    """A starting hub listens so long, and up to twice as long, before it wants a leader."""
    pre_vote_lifetime_ms: int = 10_000
    """A pre-vote that is not repeated is forgotten after this long."""

    def __post_init__(self) -> None:
        if not 0 < 2 * self.heartbeat_interval_ms < self.election_timeout_ms:
            raise ValueError("two heartbeats must fit into an election timeout")
        if self.election_timeout_limit_ms < self.election_timeout_ms:
            raise ValueError("the election timeout's limit is below its start")
        if self.pre_vote_lifetime_ms < self.election_timeout_ms:
            raise ValueError("a pre-vote must outlive an election timeout")
