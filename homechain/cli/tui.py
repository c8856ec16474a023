"""`homechain tui`: the dashboard."""

import argparse
import asyncio

from homechain.cli import DONE
from homechain.cli.profile import add_profile, profile_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `homechain tui`."""
    add_profile(parser)
    parser.set_defaults(handler=run)


def run(arguments: argparse.Namespace) -> int:
    """Shows the dashboard until it is left."""
    from homechain.api.client.hub import HubClient
    from homechain.cli.learning import learn_hubs
    from homechain_tui import run_dashboard

    profile = profile_of(arguments)
    endpoints, home = profile.endpoints(), profile.home().home
    key = profile.key(arguments)

    async def show() -> None:
        async with HubClient(endpoints, key=key, home=home) as client:
            learning = asyncio.create_task(learn_hubs(client, profile))
            try:
                await run_dashboard(client)
            finally:
                learning.cancel()
                await asyncio.wait([learning])

    asyncio.run(show())
    return DONE
