"""What travels while two hubs pair: messages, and the framing of one TCP connection.

One message is one length (4 bytes, big-endian) and one MessagePack array whose first element is
its tag.
"""

import asyncio
import struct
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from homechain.mesh.errors import PairingClosed, PairingFailed, WrongCode
from homechain.model.ids import Did

_LENGTH: Final = struct.Struct(">I")


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=1, forbid_unknown_fields=True):
    """Host to joiner: who is at home here."""

    version: int
    home: bytes
    hub: Did


class Offer(msgspec.Struct, frozen=True, array_like=True, tag=2, forbid_unknown_fields=True):
    """Joiner to host: its name, and its share of the exchange."""

    hub: Did
    share: bytes


class Reply(msgspec.Struct, frozen=True, array_like=True, tag=3, forbid_unknown_fields=True):
    """Host to joiner: its share."""

    share: bytes


class Proof(msgspec.Struct, frozen=True, array_like=True, tag=4, forbid_unknown_fields=True):
    """Either way: that the sender knew the code."""

    mac: bytes


class Sealed(msgspec.Struct, frozen=True, array_like=True, tag=5, forbid_unknown_fields=True):
    """Either way: a box under a key of this exchange, holding a `Signed`."""

    box: bytes


class Reason(StrEnum):
    """Why the host goes no further."""

    WRONG_CODE = "wrong_code"
    CLOSED = "closed"
    BUSY = "busy"


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag=6, forbid_unknown_fields=True):
    """Host to joiner, instead of what comes next."""

    reason: Reason


_Message = Hello | Offer | Reply | Proof | Sealed | Refusal
_T = TypeVar("_T", bound=_Message)
_decoder: Final = msgspec.msgpack.Decoder(_Message)


class Signed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a sealed box holds: a body, and its sender's signature over transcript and body."""

    body: bytes
    signature: bytes


def _refusal(reason: Reason) -> PairingFailed:
    if reason is Reason.WRONG_CODE:
        return WrongCode("the code is not the one that the other hub shows")
    if reason is Reason.CLOSED:
        return PairingClosed("the window is closed: it ran out of tries or served another hub")
    return PairingFailed("the other hub is busy pairing; try again in a moment")


class Wire:
    """Length-prefixed messages over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, message: _Message) -> None:
        data = msgspec.msgpack.encode(message)
        self._writer.write(_LENGTH.pack(len(data)) + data)
        try:
            await self._writer.drain()
        except OSError as error:
            raise PairingFailed("the connection broke") from error

    async def receive(self, kind: type[_T], *, most_bytes: int) -> _T:
        """Return the next message if it is a `kind`; otherwise raise what its absence means."""
        try:
            (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if size > most_bytes:
                raise PairingFailed("the other side sent too much")
            message = _decoder.decode(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise PairingClosed("the other side hung up") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PairingFailed("the other side speaks something else") from error
        if isinstance(message, kind):
            return message
        if isinstance(message, Refusal):
            raise _refusal(message.reason)
        raise PairingFailed("the other side lost the thread")

    def close(self) -> None:
        self._writer.close()
