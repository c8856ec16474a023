"""Every bound and interval of the kit, by name and unit."""

from dataclasses import dataclass
from typing import Final

READING_BYTES: Final = 2 * 1024
"""Longest single reading, as JSON."""
PAYLOAD_BYTES: Final = 11 * 1024
"""Readings of one record, as JSON: base64url and the rest of the record bring it to 16 KiB."""
OUTCOME_READINGS: Final = 16
"""Readings that an outcome carries itself; more go out beside it."""
REASON_CHARACTERS: Final = 256
JPEG_BYTES: Final = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLimits:
    """What a device may be asked to keep, and how it paces itself. The defaults suit a home."""

    waiting_readings: int = 20_000
    """Beyond these the oldest are dropped, and the gap is reported."""
    waiting_outcomes: int = 500
    """Beyond these the device acts on no further command. An outcome is never dropped."""
    records_in_flight: int = 8
    """Event records signed and not final. Later readings wait unsigned and share records."""
    commands_remembered_s: int = 86_400
    """How long after its expiry a command's id is kept, so that it is never done twice."""
    action_s: float = 20.0
    """A handler that takes longer has failed."""
    streams: int = 2
    """Hubs whose command streams are open at once: a dead hub then delays no command."""
    backoff_first_ms: int = 250
    backoff_most_ms: int = 15_000
    poll_ms: int = 1_000
    """While a resident has not approved the device yet: how often it asks."""
    digits_at_once: int = 3
    """New digits that the device makes without a pause, for hubs that fail."""
    digits_pause_ms: int = 30_000
    """Pause before each further one: whoever may ask for new digits may search among them."""
    refresh_ms: int = 300_000
    """How often the hubs' addresses and the membership are asked for again."""
    discovery_ms: int = 3_000
    """How long one search for hubs on the local network lasts."""
    search_after_ms: int = 20_000
    """When no hub has answered for this long, the local network is searched."""
    search_pause_ms: int = 5_000
