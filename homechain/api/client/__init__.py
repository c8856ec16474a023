"""Clients of a hub's HTTP interfaces, for dashboards, scripts and devices.

May live here: requests, fail-over, pinning, signing with the caller's key. May not: screens,
files, or an opinion on what an answer means.
"""

from homechain.api.client.device import DeviceClient
from homechain.api.client.endpoints import HubEndpoint, endpoints_of
from homechain.api.client.errors import ClientError, HubProblem, HubUnreachable
from homechain.api.client.hub import HubClient
from homechain.api.client.live import LiveLost

__all__ = [
    "ClientError",
    "DeviceClient",
    "HubClient",
    "HubEndpoint",
    "HubProblem",
    "HubUnreachable",
    "LiveLost",
    "endpoints_of",
]
