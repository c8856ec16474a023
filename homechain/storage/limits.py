"""Every bound of the storage, by name and unit."""

READINGS_PER_PROPERTY = 100_000
"""History kept of one property of one device; older readings stay in their records."""
PROPERTIES_PER_DEVICE = 256
"""Names under which one device can show values; what goes beyond stays in its records."""
ROWS_PER_QUERY = 10_000
"""Most rows that one question answers with, whatever was asked for."""
BATCHES_PER_TRANSACTION = 256
"""Most batches that share one fsync."""
READERS = 2
"""Connections that answer questions side by side."""
BUSY_TIMEOUT_MS = 5_000
"""How long SQLite waits for a lock that only a foreign process can hold."""
WRITER_CACHE_KIB = 8 * 1024
READER_CACHE_KIB = 2 * 1024
WAL_PAGES = 1_000
"""Pages in the write-ahead log, roughly, after which they are copied into the file."""
PAGES_PER_TRANSACTION = 10
"""Pages that even a small transaction writes; a record adds one, and those of its bytes."""
PAGE_BYTES = 4_096
WAL_KEPT_BYTES = 16 * 1024 * 1024
"""The log's file is cut back to this after a burst."""
MEDIA_ITEM_BYTES = 2 * 1024 * 1024
"""Largest still."""
MEDIA_TOTAL_BYTES = 512 * 1024 * 1024
"""All stills together; beyond, the oldest go."""
