"""A hub joins by a short code, and nobody else does."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from homechain.crypto.hashing import b64u
from homechain.crypto.keys import PrivateKey
from homechain.mesh.addresses import Address
from homechain.mesh.certificate import make_certificate
from homechain.mesh.errors import PairingClosed, PairingFailed, PairingPaused, WrongCode
from homechain.mesh.pairing import (
    SESSIONS_AT_ONCE,
    WINDOW_S_MOST,
    WRONG_CODES_PER_WINDOW,
    JoinBundle,
    PairingListener,
    PairingOutcome,
    join,
)
from homechain.mesh.pairing_keys import (
    SessionKeys,
    Share,
    clean_code,
    make_code,
    transcript_hash,
)
from homechain.mesh.pairing_tries import (
    PAUSE_FIRST_MS,
    WRONG_CODES_BEFORE_ALARM,
    TryBudget,
)
from homechain.model.records import HubDescription
from tests.fakes.mesh_world import PATIENCE_S, CountingRandomness, StillClock, key_of

HOME = bytes(range(32))
HOST, JOINER = key_of(1), key_of(2)
CODE = "1234-5678"
WRONG = "8765-4321"
BUNDLE = b"genesis, hubs and whatever else a new hub needs" * 100


def described(key: PrivateKey, *, certified: PrivateKey | None = None) -> HubDescription:
    return HubDescription(
        hub=key.public.did,
        name="Cellar",
        certificate=b64u(make_certificate(certified or key)),
        mesh=["192.0.2.7:8441"],
        api=[],
        residents=[],
    )


@dataclass
class Window:
    """An open pairing window and what it told its hub."""

    listener: PairingListener
    joined: list[HubDescription]
    outcome: asyncio.Task[PairingOutcome]
    alarms: list[str] = field(default_factory=list)

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.listener.port)

    async def join(self, code: str, *, key: PrivateKey = JOINER) -> JoinBundle:
        return await join(self.address, code=code, description=described(key), key=key)

    async def closes(self) -> PairingOutcome:
        async with asyncio.timeout(PATIENCE_S):
            return await self.outcome


def budget(clock: StillClock | None = None, alarms: list[str] | None = None) -> TryBudget:
    heard = alarms if alarms is not None else []
    return TryBudget(clock=clock or StillClock(), on_alarm=heard.append)


@asynccontextmanager
async def window(
    *,
    code: str = CODE,
    tries: TryBudget | None = None,
    window_s: float = WINDOW_S_MOST,
    key: PrivateKey = HOST,
    bundle: bytes = BUNDLE,
) -> AsyncIterator[Window]:
    joined: list[HubDescription] = []
    listener = PairingListener(
        home=HOME,
        key=key,
        code=code,
        bundle=bundle,
        budget=tries or budget(),
        on_joined=joined.append,
        window_s=window_s,
    )
    await listener.open(host="127.0.0.1")
    running = asyncio.create_task(listener.run())
    try:
        yield Window(listener=listener, joined=joined, outcome=running)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        listener.close()


async def test_the_right_code_hands_over_the_home_and_closes_the_window() -> None:
    async with window() as host:
        joined = await host.join("12 34 56 78")
        assert joined == JoinBundle(home=HOME, hub=HOST.public.did, bundle=BUNDLE)
        assert await host.closes() is PairingOutcome.JOINED
        assert host.joined == [described(JOINER)]
        with pytest.raises(PairingClosed):
            await host.join(CODE, key=key_of(3))
        assert host.joined == [described(JOINER)]


async def test_three_wrong_codes_close_the_window() -> None:
    async with window() as host:
        for _ in range(WRONG_CODES_PER_WINDOW):
            with pytest.raises(WrongCode):
                await host.join(WRONG)
        assert await host.closes() is PairingOutcome.TOO_MANY_TRIES
        with pytest.raises(PairingClosed):
            await host.join(CODE)
        assert host.joined == []


async def test_a_mistyped_code_is_forgiven() -> None:
    async with window() as host:
        with pytest.raises(WrongCode):
            await host.join(WRONG)
        assert host.listener.wrong_codes == 1
        assert (await host.join(CODE)).home == HOME


async def test_parallel_guesses_buy_no_extra_tries() -> None:
    async with window() as host:
        guesses = (host.join(f"0000-000{number}") for number in range(SESSIONS_AT_ONCE))
        results = await asyncio.gather(*guesses, return_exceptions=True)
        assert all(isinstance(result, PairingFailed) for result in results)
        assert host.listener.wrong_codes <= WRONG_CODES_PER_WINDOW
        assert await host.closes() is PairingOutcome.TOO_MANY_TRIES


async def test_a_code_of_the_wrong_shape_costs_no_try() -> None:
    async with window() as host:
        with pytest.raises(PairingFailed, match="8 digits"):
            await host.join("1234")
        assert host.listener.wrong_codes == 0


async def test_a_window_expires() -> None:
    async with window(window_s=0.01) as host:
        assert await host.closes() is PairingOutcome.EXPIRED
        with pytest.raises(PairingClosed):
            await host.join(CODE)


async def test_no_window_is_open_longer_than_ten_minutes() -> None:
    async with window(window_s=1e9) as host:
        assert host.listener._window_s == WINDOW_S_MOST == 600


async def test_whoever_stands_between_with_another_code_fails_on_both_sides() -> None:
    """The attacker plays host to the joiner and joiner to the host, and guesses a code."""
    async with window() as host, window(code=WRONG, key=key_of(3)) as attacker:
        with pytest.raises(WrongCode):
            await attacker.join(CODE)
        with pytest.raises(WrongCode):
            await host.join(WRONG, key=key_of(3))
        assert host.joined == []
        assert attacker.joined == []
        assert host.listener.wrong_codes == 1


@pytest.mark.parametrize("side", ["to_host", "to_joiner"])
@pytest.mark.parametrize("message", range(4))
async def test_a_relay_that_changes_any_message_gains_nothing(side: str, message: int) -> None:
    async with window() as host:
        relay = await asyncio.start_server(
            lambda reader, writer: _relay(reader, writer, host.address, side, message),
            "127.0.0.1",
            0,
        )
        async with relay:
            port = relay.sockets[0].getsockname()[1]
            last = side == "to_host" and message == 3  # there are three
            try:
                joined = await join(
                    Address("127.0.0.1", port), code=CODE, description=described(JOINER), key=JOINER
                )
            except PairingFailed:
                assert not last
            else:
                assert last
                assert joined.bundle == BUNDLE


async def test_a_relay_that_changes_nothing_reads_nothing() -> None:
    seen = bytearray()
    secret = b"a secret of the home" * 3
    async with window(bundle=secret) as host:
        relay = await asyncio.start_server(
            lambda reader, writer: _relay(reader, writer, host.address, "nowhere", 0, seen=seen),
            "127.0.0.1",
            0,
        )
        async with relay:
            port = relay.sockets[0].getsockname()[1]
            joined = await join(
                Address("127.0.0.1", port), code=CODE, description=described(JOINER), key=JOINER
            )
        assert joined.bundle == secret
        assert len(seen) > len(secret)
        assert secret not in seen
        assert b"Cellar" not in seen
        assert clean_code(CODE).encode() not in seen


async def test_the_joiner_must_hold_the_key_and_certificate_that_it_describes() -> None:
    async with window() as host:
        with pytest.raises(PairingFailed):
            await join(
                host.address,
                code=CODE,
                description=described(JOINER, certified=key_of(3)),
                key=JOINER,
            )
        assert host.joined == []
        assert (await host.join(CODE)).home == HOME, "the window is still open"


async def test_rubbish_and_silence_do_no_harm() -> None:
    async with window() as host:
        for rubbish in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x02\xc1\xc1", b"\xff" * 64):
            reader, writer = await asyncio.open_connection(*host.address)
            writer.write(rubbish)
            writer.write_eof()
            async with asyncio.timeout(PATIENCE_S):
                await reader.read()
            writer.close()
            await writer.wait_closed()
        assert host.listener.wrong_codes == 0
        assert (await host.join(CODE)).home == HOME


async def test_twenty_wrong_codes_raise_the_alarm_and_pause_pairing() -> None:
    clock, alarms = StillClock(), list[str]()
    tries = budget(clock, alarms)
    for _ in range(WRONG_CODES_BEFORE_ALARM - 1):
        tries.count_wrong()
    assert not alarms
    async with window(tries=tries) as host:
        with pytest.raises(WrongCode):
            await host.join(WRONG)
        assert await host.closes() is PairingOutcome.TOO_MANY_TRIES
    assert len(alarms) == 1
    with pytest.raises(PairingPaused, match="15 minutes"):
        async with window(tries=tries):
            pass
    clock.monotonic += PAUSE_FIRST_MS
    async with window(tries=tries) as host:
        assert (await host.join(CODE)).home == HOME


def test_each_alarm_doubles_the_pause_until_somebody_gets_it_right() -> None:
    clock, alarms = StillClock(), list[str]()
    tries = budget(clock, alarms)
    for pause_ms in (PAUSE_FIRST_MS, 2 * PAUSE_FIRST_MS, 4 * PAUSE_FIRST_MS):
        for _ in range(WRONG_CODES_BEFORE_ALARM):
            tries.count_wrong()
        clock.monotonic += pause_ms - 1
        assert tries.is_exhausted()
        clock.monotonic += 1
        tries.check()
    tries.count_success()
    for _ in range(WRONG_CODES_BEFORE_ALARM):
        tries.count_wrong()
    clock.monotonic += PAUSE_FIRST_MS
    tries.check()
    assert len(alarms) == 4


def test_codes_have_eight_digits_and_differ() -> None:
    codes = {make_code(randomness) for randomness in [CountingRandomness()] for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch(r"\d{4}-\d{4}", code) for code in codes)


@pytest.mark.parametrize("code", ["", "1234567", "123456789", "1234567a", "१२३४५६७८"])
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(PairingFailed):
        clean_code(code)


def test_names_of_home_and_hubs_are_part_of_the_secret() -> None:
    def secret(*, home: bytes = HOME, host: str = "h", joiner: str = "j") -> tuple[bytes, bytes]:
        ours = Share("host", code="12345678", home=HOME, host="h", joiner="j")
        theirs = Share("joiner", code="12345678", home=home, host=host, joiner=joiner)
        return ours.finish(theirs.message), theirs.finish(ours.message)

    one, other = secret()
    assert one == other
    for different in (secret(home=bytes(32)), secret(host="x"), secret(joiner="x")):
        assert different[0] != different[1]


@pytest.mark.parametrize(
    "share", [b"", b"A", b"A" + bytes(32), b"A\x01" + bytes(31), b"A" + b"\xff" * 32]
)
def test_a_share_that_is_no_element_is_refused(share: bytes) -> None:
    ours = Share("host", code="12345678", home=HOME, host="h", joiner="j")
    with pytest.raises(PairingFailed):
        ours.finish(share)


def test_each_side_proves_seals_and_signs_something_else() -> None:
    keys = SessionKeys(bytes(32), transcript=transcript_hash(b"1", b"2"))
    assert keys.is_hosts_proof(keys.hosts_proof())
    assert not keys.is_hosts_proof(keys.joiners_proof())
    assert not keys.is_joiners_proof(keys.hosts_proof())
    assert keys.hosts_statement(b"") != keys.joiners_statement(b"")
    with pytest.raises(PairingFailed):
        keys.open_hosts(keys.seal_joiners(b"reflected"))
    other = SessionKeys(bytes(32), transcript=transcript_hash(b"12"))
    with pytest.raises(PairingFailed):
        other.open_hosts(keys.seal_hosts(b"of another exchange"))


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: Address,
    side: str,
    message: int,
    *,
    seen: bytearray | None = None,
) -> None:
    """Pass messages on, and flip the last bit of one of them."""
    host_reader, host_writer = await asyncio.open_connection(*host)
    copied = seen if seen is not None else bytearray()

    async def carry(
        source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, spoil: int | None
    ) -> None:
        number = 0
        try:
            while True:
                head = await source.readexactly(4)
                body = bytearray(await source.readexactly(int.from_bytes(head, "big")))
                if number == spoil:
                    body[-1] ^= 1
                number += 1
                copied.extend(body)
                sink.write(head + body)
                await sink.drain()
        except (asyncio.IncompleteReadError, OSError):
            sink.close()

    await asyncio.gather(
        carry(reader, host_writer, spoil=message if side == "to_host" else None),
        carry(host_reader, writer, spoil=message if side == "to_joiner" else None),
    )
