"""Links between hubs: real sockets and real TLS on this machine."""

import asyncio

import pytest

from homechain.mesh.addresses import AddressSource
from homechain.mesh.certificate import make_certificate
from homechain.mesh.errors import ListenFailed
from homechain.mesh.links import Mesh
from homechain.model.messages import PendingRecords
from tests.fakes.mesh_world import (
    CountingRandomness,
    StillClock,
    certificates,
    hubs,
    introduce,
    key_of,
    knocking,
    make_hub,
    status_of,
)


def another_mesh() -> Mesh:
    return Mesh(
        key=key_of(9),
        boot=1,
        clock=StillClock(),
        randomness=CountingRandomness(),
        on_message=lambda _, __: None,
        on_link_up=lambda _: None,
        on_link_down=lambda _: None,
    )


async def test_two_hubs_that_trust_each_other_link_up_and_talk() -> None:
    async with hubs(1, 2) as (a, b):
        introduce(a, b)
        await a.links_with(b)
        await b.links_with(a)
        a.mesh.send(b.did, status_of(a.did, height=7))
        b.mesh.broadcast(PendingRecords((b"one", b"two")))
        await b.hears(a, status_of(a.did, height=7))
        await a.hears(b, PendingRecords((b"one", b"two")))


async def test_three_hubs_form_a_full_mesh() -> None:
    async with hubs(1, 2, 3) as (a, b, c):
        introduce(a, b, c)
        await asyncio.gather(a.links_with(b, c), b.links_with(a, c), c.links_with(a, b))
        a.mesh.broadcast(status_of(a.did), but=b.did)
        a.mesh.send(b.did, status_of(a.did, height=2))
        await c.hears(a, status_of(a.did))
        await b.hears(a, status_of(a.did, height=2))
        assert (a.did, status_of(a.did)) not in b.inbox


async def test_one_known_address_is_enough() -> None:
    async with hubs(1, 2) as (a, b):
        for hub in (a, b):
            hub.mesh.trust(certificates(a, b))
        b.mesh.set_addresses(a.did, [a.address], source=AddressSource.DISCOVERY)
        await a.links_with(b)
        await b.links_with(a)


async def test_wrong_addresses_do_not_hide_the_right_one() -> None:
    async with hubs(1, 2, 3) as (a, b, c):
        for hub in (a, b):
            hub.mesh.trust(certificates(a, b))
        # Another hub answers there, nobody, and something that is no address.
        lies = [c.address, "127.0.0.1:1", "nonsense", "127.0.0.1:99999"]
        b.mesh.set_addresses(a.did, lies, source=AddressSource.DISCOVERY)
        b.mesh.set_addresses(a.did, [a.address], source=AddressSource.RECORD)
        await b.links_with(a)


async def test_two_links_at_once_become_one_without_a_break() -> None:
    async with hubs(1, 2) as (a, b):
        introduce(a, b)
        await a.links_with(b)
        await b.links_with(a)
        for height in range(50):
            a.mesh.send(b.did, status_of(a.did, height=height))
            b.mesh.send(a.did, status_of(b.did, height=height))
        await a.hears(b, status_of(b.did, height=49))
        await b.hears(a, status_of(a.did, height=49))
        assert a.story == [("up", b.did)]
        assert b.story == [("up", a.did)]
        assert {report.direction for hub in (a, b) for report in hub.mesh.link_report()} == {
            "dialled",
            "accepted",
        }


async def test_a_stranger_gets_no_link() -> None:
    async with hubs(1, 2) as (a, b):
        introduce(a, b)
        await a.links_with(b)
        async with knocking(a, key=key_of(3)) as inside:
            assert inside is None
        assert a.mesh.connected() == {b.did}


async def test_a_hub_that_trusts_nobody_lets_nobody_in() -> None:
    async with hubs(1) as (a,), knocking(a, key=key_of(2)) as inside:
        assert inside is None


async def test_a_removed_hub_is_cut_off_and_cannot_come_back() -> None:
    async with hubs(1, 2, 3) as (a, b, c):
        introduce(a, b, c)
        await asyncio.gather(a.links_with(b, c), c.links_with(a, b))
        a.mesh.trust(certificates(a, b))
        assert a.mesh.connected() == {b.did}
        c.mesh.send(a.did, status_of(c.did, height=666))
        await c.loses(a)
        await a.happens(lambda: ("down", c.did) in a.story)
        async with knocking(a, key=c.key) as inside:
            assert inside is None
        assert a.mesh.connected() == {b.did}
        assert not [message for did, message in a.inbox if did == c.did]
        assert a.story.count(("down", b.did)) == 0, "who stays notices nothing"


async def test_a_hub_that_is_added_later_links_up_on_the_same_port() -> None:
    async with hubs(1, 2, 3) as (a, b, c):
        introduce(a, b)
        await a.links_with(b)
        port = a.mesh.port
        introduce(a, b, c)
        await c.links_with(a, b)
        assert a.mesh.port == port
        assert ("down", b.did) not in a.story


async def test_a_hub_that_dies_is_reported_at_once_and_linked_again_when_it_is_back() -> None:
    async with hubs(1, 2) as (a, b):
        introduce(a, b)
        await a.links_with(b)
        await b.links_with(a)
        port = b.mesh.port
        await b.stop()
        await a.happens(lambda: a.story == [("up", b.did), ("down", b.did)])
        again = make_hub(2, boot=2, port=port)
        again.mesh.trust(certificates(a, again))
        await a.links_with(again)
        await again.stop()


async def test_a_second_process_on_the_port_is_told_so() -> None:
    async with hubs(1) as (a,):
        with pytest.raises(ListenFailed, match=str(a.mesh.port)):
            another_mesh().open(host="127.0.0.1", port=a.mesh.port)


async def test_trust_in_oneself_changes_nothing() -> None:
    mesh = another_mesh()
    mesh.trust({mesh.hub: make_certificate(key_of(9))})
    assert mesh.link_report() == ()
    assert mesh.connected() == frozenset()


async def test_an_error_of_a_callback_ends_the_mesh() -> None:
    async with hubs(1, 2) as (a, b):

        def break_down(_: str) -> None:
            raise ZeroDivisionError

        a.mesh._on_link_up = break_down
        introduce(a, b)
        assert a.task is not None
        with pytest.RaisesGroup(ZeroDivisionError):
            await a.task
        a.task = None


async def test_the_report_tells_how_links_are_doing() -> None:
    async with hubs(1, 2) as (a, b):
        introduce(a, b)
        await a.links_with(b)
        await b.links_with(a)
        height = 0
        while a.mesh.link_report()[0].rtt_ms is None:  # until a ping has come back
            height += 1
            b.mesh.send(a.did, status_of(b.did, height=height))
            await a.hears(b, status_of(b.did, height=height))
        (report,) = a.mesh.link_report()
        assert report.hub == b.did
        assert report.connected
        assert report.received == len(a.inbox)
        assert report.clock_skew_ms is not None
        assert report.clock_skew_ms < -1_000_000, "the status said 1970"
        assert (report.dropped, report.malformed) == (0, 0)
