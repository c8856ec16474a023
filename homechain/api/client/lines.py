"""NDJSON on its way in: one value a line, bounded."""

from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import msgspec

from homechain.api.client.errors import UnexpectedAnswer

LINE_BYTES: Final = 8 * 1024 * 1024


async def decoded_lines(response: aiohttp.ClientResponse, kind: Any) -> AsyncIterator[Any]:
    """Each line as `kind` (a type or a union); ends when the hub closes the stream.

    Raises `UnexpectedAnswer` for a line that is something else or is longer than `LINE_BYTES`.
    """
    decoder = msgspec.json.Decoder(kind)
    rest = bytearray()
    async for part in response.content.iter_any():
        rest += part
        *lines, tail = rest.split(b"\n")
        rest = bytearray(tail)
        if len(rest) > LINE_BYTES:
            raise UnexpectedAnswer(f"a line of the stream is longer than {LINE_BYTES} bytes")
        for line in lines:
            if line:
                try:
                    yield decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise UnexpectedAnswer(
                        f"a line of the stream is unreadable: {error}"
                    ) from error
