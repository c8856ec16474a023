"""From a TLS connection to a WebSocket of this protocol, at both ends.

A header carries each hub's boot number: a new number tells the other end that the process it knew
is gone, even if the old connection still looks alive.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp import ClientWebSocketResponse, web

from homechain.mesh.addresses import Address
from homechain.mesh.errors import StrangerRefused
from homechain.mesh.link import LinkTimings
from homechain.mesh.tls import member_at_other_end
from homechain.model import limits

MESH_PATH: Final = "/v1/mesh"
SUBPROTOCOL: Final = "homechain.mesh.1"
BOOT_HEADER: Final = "Homechain-Boot"
BOOT_MOST: Final = 2**63 - 1
_BOOT: Final = re.compile(r"[0-9a-f]{1,16}")
_FRAME_BYTES: Final = limits.MESSAGE_BYTES + 1  # aiohttp refuses what reaches its limit


def read_boot(headers: Mapping[str, str]) -> int | None:
    """Return the boot number that the other end sent, or None."""
    text = headers.get(BOOT_HEADER, "")
    if not _BOOT.fullmatch(text):
        return None
    boot = int(text, 16)
    return boot if boot <= BOOT_MOST else None


def is_upgrade(request: web.BaseRequest) -> bool:
    """Say whether `request` asks for a link of this protocol."""
    protocols = request.headers.get("Sec-WebSocket-Protocol", "")
    return (
        request.path == MESH_PATH
        and SUBPROTOCOL in protocols.replace(" ", "").split(",")
        and read_boot(request.headers) is not None
    )


async def accept(
    request: web.BaseRequest, *, boot: int, timings: LinkTimings
) -> web.WebSocketResponse:
    """Upgrade a connection that the other end opened."""
    response = web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        autoping=False,
        compress=False,
        timeout=timings.close_s,
        max_msg_size=_FRAME_BYTES,
    )
    response.headers[BOOT_HEADER] = f"{boot:x}"
    await response.prepare(request)
    return response


async def dial(
    session: aiohttp.ClientSession,
    address: Address,
    *,
    context: ssl.SSLContext,
    certificates: Mapping[str, bytes],
    boot: int,
    timings: LinkTimings,
) -> tuple[ClientWebSocketResponse, int] | None:
    """Return a WebSocket with the hub of `certificates` (`did` → DER) and its boot number.

    None if nobody answers at `address` within `dial_s`, or somebody else does.
    """
    try:
        async with asyncio.timeout(timings.dial_s):
            dialled = await session.ws_connect(
                f"wss://{address}{MESH_PATH}",
                protocols=(SUBPROTOCOL,),
                headers={BOOT_HEADER: f"{boot:x}"},
                autoping=False,
                ssl=context,
                timeout=aiohttp.ClientWSTimeout(ws_close=timings.close_s),
                max_msg_size=_FRAME_BYTES,
            )
    except (OSError, TimeoutError, aiohttp.ClientError, ValueError):
        return None
    try:
        member_at_other_end(dialled.get_extra_info("ssl_object"), certificates)
        # aiohttp shows the answer's headers nowhere else.
        others_boot = read_boot(dialled._response.headers)  # noqa: SLF001 - see above
        if others_boot is not None and dialled.protocol == SUBPROTOCOL:
            return dialled, others_boot
    except StrangerRefused:
        pass
    await dialled.close()
    return None
