"""What waits for one hub."""

from homechain.mesh.send_queue import (
    BULK_BYTES,
    BULK_MESSAGES,
    URGENT_BYTES,
    URGENT_MESSAGES,
    SendQueue,
)


async def test_urgent_frames_overtake_bulk_and_keep_their_order() -> None:
    queue = SendQueue()
    for frame, urgent in ((b"b1", False), (b"u1", True), (b"b2", False), (b"u2", True)):
        queue.put(frame, urgent=urgent)
    assert [queue.pop() for _ in range(5)] == [b"u1", b"u2", b"b1", b"b2", None]


async def test_a_full_lane_drops_and_counts_what_comes() -> None:
    queue = SendQueue()
    for number in range(URGENT_MESSAGES + 2):
        queue.put(number.to_bytes(4, "big"), urgent=True)
    for _ in range(BULK_MESSAGES + 3):
        queue.put(b"", urgent=False)
    assert queue.dropped == 5
    assert queue.pop() == bytes(4), "the oldest is kept"


async def test_lanes_are_bounded_in_bytes() -> None:
    queue = SendQueue()
    queue.put(bytes(BULK_BYTES), urgent=False)
    queue.put(b"1", urgent=False)
    queue.put(bytes(URGENT_BYTES), urgent=True)
    queue.put(b"1", urgent=True)
    assert queue.dropped == 2
    queue.pop()
    queue.put(b"1", urgent=True)
    assert queue.dropped == 2


async def test_clearing_forgets_all() -> None:
    queue = SendQueue()
    queue.put(b"1", urgent=True)
    queue.put(b"2", urgent=False)
    queue.clear()
    assert queue.pop() is None
