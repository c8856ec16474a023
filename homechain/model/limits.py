"""Every bound of the formats, by name and unit. A value beyond its bound is refused, never cut."""

RECORD_BYTES = 16 * 1024
"""Longest record: one compact JWS, in bytes."""
READINGS_PER_EVENT = 256
"""Most readings that one event record carries."""
RECORDS_PER_BLOCK = 1_000
"""Most records in one block."""
BLOCK_BYTES = 4 * 1024 * 1024
"""Most record bytes in one block."""
MESSAGE_BYTES = 8 * 1024 * 1024
"""Longest message between hubs: a proposal with a full block, or a page of blocks."""
HUBS = 7
"""Most hubs in one configuration."""
NAME_GRAPHEMES = 64
"""Longest name of a person, device, hub, home or area, in graphemes after NFC."""
NAME_BYTES = 256
"""Longest name in UTF-8 bytes."""
COMMAND_LIFETIME_S = 60
"""A command expires at most this many seconds after its `iat`."""
COUNTER_MAX = 2**53 - 1
"""Largest counter, term, height and time: the largest integer that every JSON reader keeps."""
COUNTER_WINDOW = 256
"""Counters may arrive this far out of order (RFC 4303, section 3.4.3: sliding replay window)."""
ACTIONS_PER_GRANT = 64
DEVICES_PER_GRANT = 256
ARGUMENT_BYTES = 2 * 1024
"""Longest arguments of a command, as JSON bytes."""
ADDRESSES_PER_HUB = 16
PERSONS = 256
DEVICES = 4_096
GRANTS_ACTIVE = 4_096
