"""Whom a hub asks, whom it passes things on to, and who listens to it."""

from contextlib import ExitStack

import pytest

from homechain.node.catch_up import ANSWER_TIMEOUT_MS, DISTRUST_MS, CatchUp, Request
from homechain.node.feed import LISTENERS, QUEUE_NOTICES, Feed, MeshNotice, Resync, TooManyListeners
from homechain.node.flooding import Flood
from homechain.node.inbound import FLOOD_RECORDS
from homechain.node.spreading import FLOOD_BYTES, parts
from tests.fakes.virtual_time import on_virtual_time

BOTH = frozenset({"anna", "ben"})


def asking() -> CatchUp:
    catch_up = CatchUp()
    catch_up.learn_height("anna", 9, head=3)
    catch_up.learn_height("ben", 1_000_000, head=3)
    return catch_up


def test_one_hub_is_asked_at_a_time_and_the_next_when_it_is_silent() -> None:
    catch_up = asking()
    assert catch_up.next_request(head=3, connected=BOTH, now_ms=0) == Request(
        hub="ben", from_height=4
    )
    assert catch_up.next_request(head=3, connected=BOTH, now_ms=1) is None
    later_ms = ANSWER_TIMEOUT_MS
    asked = catch_up.next_request(head=3, connected=BOTH, now_ms=later_ms)
    assert asked == Request(hub="anna", from_height=4)
    assert catch_up.begin("anna")
    catch_up.end(useful=True, now_ms=later_ms + 1)
    # The silent one is left alone for a while, however high it claims to be.
    assert catch_up.next_request(head=9, connected=BOTH, now_ms=later_ms + 2) is None
    much_later_ms = later_ms + DISTRUST_MS + ANSWER_TIMEOUT_MS
    assert catch_up.next_request(head=9, connected=BOTH, now_ms=much_later_ms) is not None


def test_a_late_answer_is_welcome_and_an_unasked_one_is_not() -> None:
    catch_up = asking()
    catch_up.next_request(head=3, connected=BOTH, now_ms=0)
    assert not catch_up.begin("anna")
    assert catch_up.begin("ben")
    assert not catch_up.begin("ben")
    assert catch_up.next_request(head=3, connected=BOTH, now_ms=10 * DISTRUST_MS) is None
    catch_up.end(useful=False, now_ms=10)
    assert catch_up.next_request(head=3, connected=BOTH, now_ms=11) == Request(
        hub="anna", from_height=4
    )
    catch_up.forget("anna")
    assert not catch_up.begin("anna")


def test_nobody_is_asked_who_has_no_more() -> None:
    catch_up = asking()
    assert catch_up.next_request(head=9, connected={"anna"}, now_ms=0) is None
    catch_up.hear_of("anna", 4)
    assert catch_up.height_of("anna") == 9
    catch_up.hear_of("cem", 4)
    assert catch_up.height_of("cem") == 4


def test_messages_are_passed_on_only_to_those_who_would_miss_them() -> None:
    flood = Flood(capacity=2)
    assert flood.is_new(b"one")
    assert not flood.is_new(b"one")
    flood.note(b"two")
    flood.note(b"three")
    assert not flood.has_seen(b"one")
    flood.learn_links("ben", ["anna", "cem"])
    peers = ["anna", "ben", "cem", "dora"]
    assert flood.relay_to(origin="anna", came_from="anna", peers=peers) == ["cem", "dora"]
    flood.forget("ben")
    assert flood.relay_to(origin="anna", came_from="cem", peers=peers) == ["ben", "dora"]


def test_many_records_travel_in_messages_of_a_decent_size() -> None:
    small = parts([b"x"] * (FLOOD_RECORDS + 1))
    assert [len(part) for part in small] == [FLOOD_RECORDS, 1]
    large = parts([b"x" * (FLOOD_BYTES // 2)] * 3)
    assert [len(part) for part in large] == [2, 1]
    assert parts([]) == []


@on_virtual_time
async def test_a_slow_listener_is_told_to_read_again() -> None:
    feed = Feed()
    with feed.subscribe() as slow, feed.subscribe() as quick:
        for _ in range(QUEUE_NOTICES + 1):
            feed.publish(MeshNotice())
            assert isinstance(await quick.next(), MeshNotice)
        assert isinstance(await slow.next(), Resync)
        feed.publish(MeshNotice())
        feed.close()
        assert [type(notice) async for notice in slow] == [MeshNotice]
        assert await quick.next() is not None
        assert await quick.next() is None
    with feed.subscribe() as late:
        assert await late.next() is None


@on_virtual_time
async def test_a_full_listener_still_hears_the_end() -> None:
    feed = Feed()
    with feed.subscribe() as slow:
        for _ in range(QUEUE_NOTICES):
            feed.publish(MeshNotice())
        feed.close()
        assert [notice async for notice in slow] == []


@on_virtual_time
async def test_there_is_room_for_so_many_listeners_only() -> None:
    feed = Feed()
    with ExitStack() as stack:
        for _ in range(LISTENERS):
            stack.enter_context(feed.subscribe())
        with pytest.raises(TooManyListeners):
            stack.enter_context(feed.subscribe())
    with feed.subscribe():
        pass


def test_a_lag_is_what_a_hub_lacked_when_it_spoke() -> None:
    catch_up = CatchUp()
    assert catch_up.lag_of("anna") is None
    catch_up.learn_height("anna", 9, head=12)
    assert catch_up.lag_of("anna") == 3
    catch_up.learn_height("anna", 15, head=12)
    assert catch_up.lag_of("anna") == 0
    catch_up.forget("anna")
    assert catch_up.lag_of("anna") is None
