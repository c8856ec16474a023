"""What the home in memory tells about itself."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from homechain.api.schema.home import HomeCounts, HomeView, Me, QuorumView
from homechain.api.schema.mesh import HubView, MeshView, RequestList
from homechain.model.ids import digest_text

if TYPE_CHECKING:
    from tests.fakes.dashboard_home import DashboardHome


def home_view(home: "DashboardHome", person: str) -> HomeView:
    """The home at a glance."""
    me = home.persons[person]
    return HomeView(
        home=home.home,
        name=home.name,
        time_zone="Europe/Berlin",
        hub=home.hubs[0],
        hub_name=home.hub_names[0],
        me=Me(did=me.did, name=me.name, role=me.role),
        height=home.chain.height,
        head=digest_text(home.chain.parent),
        head_time_ms=home.now_ms,
        clock_ms=home.now_ms,
        quorum=QuorumView(
            hubs=3,
            quorum=2,
            lying=0,
            silent=1,
            linked=home.linked,
            fresh=home.linked >= 2,
            words="safe with 0 lying hubs, keeps going with 1 down",
        ),
        counts=HomeCounts(
            devices=len(home.devices),
            persons=len(home.persons),
            grants=len(home.grants),
            records=len(home.chain.raws),
            device_requests=len(home.device_requests),
            hub_requests=len(home.hub_requests),
        ),
        pairing_open=home.pairing.open,
        areas=sorted({device.area for device in home.devices.values()}),
    )


def mesh_view(home: "DashboardHome") -> MeshView:
    """The hubs."""
    return MeshView(
        hub=home.hubs[0],
        role="leader",
        epoch=home.chain.configuration.epoch,
        term=7,
        height=home.chain.height,
        quorum=2,
        size=3,
        lying=0,
        silent=1,
        fresh=home.linked >= 2,
        words="safe with 0 lying hubs, keeps going with 1 down",
        hubs=[
            HubView(
                did=did,
                name=home.hub_names[number],
                member=True,
                this_hub=number == 0,
                linked=number < home.linked,
                leader=number == 0,
                term=7,
                height=home.chain.height - number,
                lag=number,
                rtt_ms=None if number == 0 else 0.8 * number,
                clock_skew_ms=None if number == 0 else 12 * number,
                addresses=[f"192.0.2.{10 + number}:8442"],
            )
            for number, did in enumerate(home.hubs)
        ],
    )


def request_list(home: "DashboardHome") -> RequestList:
    """What waits for approval."""
    pairing = replace(home.pairing, code=None)
    return RequestList(
        devices=list(home.device_requests), hubs=list(home.hub_requests), pairing=pairing
    )
