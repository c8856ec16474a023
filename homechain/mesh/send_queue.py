"""What waits to be sent to one hub: two lanes with limits, so that nobody waits for a slow peer."""

import asyncio
from collections import deque
from typing import Final

URGENT_MESSAGES: Final = 4_096
URGENT_BYTES: Final = 32 * 1024 * 1024
"""Statements, certificates, status: a few full proposals fit."""
BULK_MESSAGES: Final = 1_024
BULK_BYTES: Final = 32 * 1024 * 1024
"""Records and blocks, which are asked for again."""


class _Lane:
    __slots__ = ("bytes", "bytes_most", "frames", "frames_most")

    def __init__(self, *, frames_most: int, bytes_most: int) -> None:
        self.frames: deque[bytes] = deque()
        self.bytes = 0
        self.frames_most = frames_most
        self.bytes_most = bytes_most

    def put(self, frame: bytes) -> bool:
        full = len(self.frames) >= self.frames_most or self.bytes + len(frame) > self.bytes_most
        if full:
            return False
        self.frames.append(frame)
        self.bytes += len(frame)
        return True


class SendQueue:
    """Frames in order of lane and arrival. When a lane is full, what comes is dropped and counted.

    The newest is dropped, not the oldest: what the consensus core lost it says again later, and
    an old proposal is of more use to a slow hub than one whose parent it never saw.
    """

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        """Set when there may be something to send."""
        self.dropped = 0
        self._urgent = _Lane(frames_most=URGENT_MESSAGES, bytes_most=URGENT_BYTES)
        self._bulk = _Lane(frames_most=BULK_MESSAGES, bytes_most=BULK_BYTES)

    def put(self, frame: bytes, *, urgent: bool) -> None:
        """Append one frame, or drop it."""
        if (self._urgent if urgent else self._bulk).put(frame):
            self.wake.set()
        else:
            self.dropped += 1

    def pop(self) -> bytes | None:
        """Take the next frame, or None."""
        for lane in (self._urgent, self._bulk):
            if lane.frames:
                frame = lane.frames.popleft()
                lane.bytes -= len(frame)
                return frame
        return None

    def clear(self) -> None:
        """Forget everything that waits: it was meant for a link that is gone."""
        for lane in (self._urgent, self._bulk):
            lane.frames.clear()
            lane.bytes = 0
