"""Every bound of the HTTP servers, by name and unit."""

from typing import Final

from msgspec import Struct

from homechain.doorway import Places

BODY_BYTES: Final = 64 * 1024
"""Longest body except media; one more byte is 413 before anything is parsed."""
AUTHORIZATION_CHARACTERS: Final = 2 * 1024
REQUEST_LINE_BYTES: Final = 4 * 1024
HEADER_BYTES: Final = 4 * 1024
"""Longest single header."""
HEADERS: Final = 64
PAGE_ITEMS: Final = 1_000
"""Most items of one list that an answer holds."""


class ApiLimits(Struct, frozen=True, kw_only=True):
    """What a hub gives to whom. The defaults suit a home; tests set their own."""

    head_read_s: float = 10.0
    """A connection that has not sent its whole request head by then is closed."""
    body_read_s: float = 10.0
    lingering_s: float = 2.0
    """A refused body is read on for so long, so that its sender sees the refusal."""
    final_wait_s: float = 10.0
    """How long a request waits for its record to become final."""
    write_wait_s: float = 10.0
    """How long a stream waits for a reader that does not read."""
    keep_alive_s: float = 5.0
    """Pause between lines that say only that a stream is alive."""
    media_bytes: int = 2_000_000
    connections_per_source: int = 128
    """Loopback is not counted: every program of this machine shares that address."""
    connections: int = 1_024
    private_connections_per_source: int = 32
    private_connections: int = 256
    """Those of residents, handshakes included: TLS takes a quarter of a megabyte for each."""
    handshake_s: float = 5.0
    """A TLS handshake that takes longer is given up."""
    requests_per_second_per_source: float = 100.0
    requests_burst_per_source: float = 300.0
    requests_per_second_loopback: float = 5_000.0
    requests_burst_loopback: float = 10_000.0
    records_per_second_per_device: float = 200.0
    records_burst_per_device: float = 2_000.0
    signed_requests_per_second_per_device: float = 5.0
    signed_requests_burst_per_device: float = 60.0
    registrations_per_second_per_source: float = 0.2
    registrations_burst_per_source: float = 16.0
    registrations: int = 64
    """Devices that wait at this hub to be taken in."""
    registrations_per_source: int = 16
    registration_lifetime_s: float = 3_600.0
    sources: int = 4_096
    """Addresses whose rates are remembered; the one unheard longest is forgotten first."""
    request_clock_window_s: int = 60
    """A signed request's `iat` is at most this far from the hub's clock."""
    replays: int = 65_536
    """Signed requests remembered until their time is over."""
    challenge_lifetime_s: float = 60.0
    session_lifetime_s: float = 12 * 3_600.0
    sessions: int = 256
    sessions_per_person: int = 32
    streams_per_person: int = 8
    streams: int = 256
    deliveries: int = 4_096
    """Commands whose delivery is remembered."""
    resume_blocks: int = 100
    """A live feed resumes at most so many blocks back."""

    def places(self, *, private: bool) -> Places:
        """Connections to one port: a private one (TLS), or one that serves plain HTTP."""
        if private:
            return Places(
                most=self.private_connections, most_per_source=self.private_connections_per_source
            )
        return Places(most=self.connections, most_per_source=self.connections_per_source)
