"""How many come in at a port, and that nobody takes another's place."""

import asyncio
import contextlib

from homechain.doorway import Doorway, Occupied, Places
from homechain.mesh.certificate import make_certificate
from homechain.mesh.tls import residents_context
from tests.fakes.home import made_key


def test_places_are_counted_for_each_address() -> None:
    occupied = Occupied(Places(most=4, most_per_source=2))
    assert [occupied.enter("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert occupied.enter("192.0.2.2")
    assert occupied.enter("127.0.0.1")
    assert not occupied.enter("192.0.2.3"), "all places are taken"
    occupied.leave("192.0.2.1")
    assert occupied.enter("192.0.2.3")


class Gone(asyncio.Protocol):
    """Tells when the other end is gone."""

    def __init__(self, gone: asyncio.Event) -> None:
        self._gone = gone

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()


async def test_one_too_many_is_hung_up_on_and_a_place_is_given_back() -> None:
    gone = asyncio.Event()
    door = Doorway.open("127.0.0.1", 0, places=Places(most=3, most_per_source=3))
    port = door.getsockname()[1]
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20), await loop.create_server(lambda: Gone(gone), sock=door):
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        assert await _hung_up(lines[3][0])
        lines[0][1].close()
        await gone.wait()
        await loop.run_in_executor(None, lambda: None)  # the socket is closed one turn later
        lines.append(await asyncio.open_connection("127.0.0.1", port))
        assert not lines[4][0].at_eof()
        assert not door.occupied.enter("192.0.2.1"), "the place is taken again"
        for _, writer in lines:
            writer.close()


async def test_a_handshake_that_never_begins_takes_a_place_and_gives_it_back() -> None:
    key = made_key("a hub")
    door = Doorway.open("127.0.0.1", 0, places=Places(most=2, most_per_source=2))
    port = door.getsockname()[1]
    server = await asyncio.get_running_loop().create_server(
        asyncio.Protocol,
        sock=door,
        ssl=residents_context(key, certificate=make_certificate(key)),
        ssl_handshake_timeout=0.2,
    )
    async with asyncio.timeout(20), server:
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await _hung_up(lines[2][0])
        assert await _hung_up(lines[0][0])
        assert await _hung_up(lines[1][0])
        assert door.occupied.enter("192.0.2.1")
        assert door.occupied.enter("192.0.2.1")
        for _, writer in lines:
            writer.close()


async def _hung_up(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionResetError):
        return await reader.read() == b""
    return True


async def test_a_copy_of_the_socket_shares_its_places() -> None:
    door = Doorway.open("127.0.0.1", 0, places=Places(most=1, most_per_source=1))
    with door, door.dup() as copy:
        assert copy.getsockname() == door.getsockname()
        assert copy.occupied is door.occupied
