"""How a command asks a hub: one client, one event loop, and errors as sentences with exit codes."""

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from homechain.cli import DENIED, DONE, FAILED, UNREACHABLE, CommandFailed
from homechain.cli.output import emit, say
from homechain.cli.profile import profile_of

if TYPE_CHECKING:  # a client brings in HTTP and cryptography; `--help` shall not wait for them
    from homechain.api.client.hub import HubClient
    from homechain.api.schema.records import Receipt

Result = TypeVar("Result")
_HANDSHAKE: Final = re.compile(r"Cannot connect to host \S+ (?:ssl:<[^>]*> )?")
"""What aiohttp says before the reason; the address stands in front of it already."""


def ask(
    arguments: argparse.Namespace, question: "Callable[[HubClient], Awaitable[Result]]"
) -> Result:
    """Runs `question` with a client of the profile's home. Raises `CommandFailed`.

    Whoever was answered also hears which hubs the home has now, and the profile keeps it.
    """
    from homechain.api.client.errors import ClientError, HubProblem, HubUnreachable
    from homechain.api.client.hub import HubClient
    from homechain.cli.learning import learn_hubs
    from homechain.model.errors import FormatError

    profile = profile_of(arguments)
    endpoints, home = profile.endpoints(), profile.home().home
    key = profile.key(arguments)

    async def run() -> Result:
        async with HubClient(endpoints, key=key, home=home) as client:
            result = await question(client)
            await learn_hubs(client, profile)
            return result

    try:
        return asyncio.run(run())
    except HubUnreachable as error:
        raise CommandFailed(
            f"no hub answers. Does one run, and is this machine in its network? On a hub: "
            f"`homechain service status`. Tried: {_HANDSHAKE.sub('', str(error))}",
            code=UNREACHABLE,
        ) from error
    except HubProblem as error:
        code = DENIED if error.status in {401, 403} else FAILED
        raise CommandFailed(str(error), code=code) from error
    except (ClientError, FormatError) as error:
        raise CommandFailed(str(error)) from error


def report(arguments: argparse.Namespace, receipt: "Receipt", sentence: str) -> int:
    """Says that a record is final."""
    if arguments.json:
        emit(receipt)
    else:
        say(f"{sentence} (final in block {receipt.height})")
    return DONE
