"""A made-up household: Anna owns it, the cleaner may open a door, six devices live in it."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec
from msgspec import Struct

from homechain.api.client.endpoints import endpoints_of
from homechain.api.client.errors import ClientError
from homechain.api.client.hub import HubClient
from homechain.api.schema.mesh import DeviceRequest
from homechain.cli.demo.processes import Child, free_ports
from homechain.cli.profile import HomeFile, Profile
from homechain.crypto.keys import PrivateKey
from homechain.hub.directory import HubDirectory
from homechain.hub.founding import describe_hub, install_genesis, sign_genesis
from homechain.mesh.discovery import check_multicast
from homechain.mesh.errors import DiscoveryUnavailable
from homechain.model.ids import digest_text
from homechain.model.records import Authorization, HubDescription, Role
from homechain.settings import ApiSettings, MeshSettings, Settings

HOST: Final = "127.0.0.1"
READY_S: Final = 40.0
PATIENCE_S: Final = 0.05
GRANT_S: Final = 7 * 86_400
HUB_NAMES: Final = ("Hall", "Kitchen", "Study", "Cellar", "Attic", "Garage", "Garden")
TIME_SCALE: Final = 60.0
"""A simulated room warms up within minutes, not hours."""

Result = TypeVar("Result")


class DemoFailed(Exception):
    """Something that should have worked did not. The message says what."""


class DevicePlan(Struct, frozen=True):
    """One device of the household."""

    kind: str
    name: str
    area: str


DEVICES: Final = (
    DevicePlan("lock", "Front door", "Hall"),
    DevicePlan("lock", "Garden door", "Kitchen"),
    DevicePlan("camera", "Porch camera", "Hall"),
    DevicePlan("camera", "Garden camera", "Garden"),
    DevicePlan("thermostat", "Living room", "Living room"),
    DevicePlan("thermostat", "Bedroom", "Bedroom"),
)


class HubPlace(Struct, frozen=True, kw_only=True):
    """One hub of the household: its files, its ports, its process."""

    name: str
    directory: HubDirectory
    config: Path
    settings: Settings
    description: HubDescription
    child: Child


class Household:
    """The home and its processes; everything stops when the block is left."""

    def __init__(
        self,
        place: Path,
        *,
        hubs: int,
        on_step: Callable[[str], None],
        devices: Sequence[DevicePlan] = DEVICES,
        devices_search: bool = True,
    ) -> None:
        """`devices` has the front door in it: it is what the cleaner may open.

        Without `devices_search` they are told the hubs' addresses: by mDNS a device that belongs to
        nobody may as well meet the hubs of another home on the same loopback.
        """
        self.place = place
        self.hubs: list[HubPlace] = []
        self.devices: dict[str, Child] = {}
        self._hub_count = hubs
        self._plans = tuple(devices)
        self._say = on_step
        self._multicast = True
        self._devices_search = devices_search
        self._owner = Profile(place / "anna")
        self._guest = Profile(place / "cleaner")
        self._home_id: str
        self._owner_key: PrivateKey
        self._guest_key: PrivateKey

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(device.stop() for device in self.devices.values()))
        await asyncio.gather(*(hub.child.stop() for hub in self.hubs))

    def owner(self) -> HubClient:
        """Anna's way in, over any hub."""
        return HubClient(endpoints_of(self._descriptions()), key=self._owner_key)

    def guest(self) -> HubClient:
        """The cleaner's way in."""
        return HubClient(endpoints_of(self._descriptions()), key=self._guest_key)

    def _descriptions(self) -> list[HubDescription]:
        running = [hub for hub in self.hubs if hub.child.is_running()]
        return [hub.description for hub in running]

    # ------------------------------------------------------------------ building

    async def build(self) -> None:
        """Founds the home, lets hubs and devices join, gives the cleaner a grant."""
        began_s = time.monotonic()
        try:
            await check_multicast([HOST])
        except DiscoveryUnavailable as error:
            self._multicast = False
            self._say(f"No multicast on this machine's loopback ({error}): using static peers.")
        await self._found()
        async with self.owner() as anna:
            for number in range(1, self._hub_count):
                await self._add_hub(anna, number)
            await self._add_guest(anna)
            await self._add_devices(anna)
            await self._give_grant(anna)
        way = "found by mDNS on loopback" if self._multicast else "with static peers"
        self._say(
            f"Ready after {time.monotonic() - began_s:.0f} s: {len(self.hubs)} hubs {way}, "
            f"{len(self.devices)} devices. Everything is in {self.place}"
        )

    async def _found(self) -> None:
        self._say("Founding the home…")
        self._owner_key = self._owner.create_key(passphrase=None)
        self._guest_key = self._guest.create_key(passphrase=None)
        first = self._place_hub(0)
        genesis = sign_genesis(
            self._owner_key,
            name="Demo home",
            owner_name="Anna",
            time_zone="UTC",
            hubs=[first.description],
            now_s=int(time.time()),
            nonce=secrets.token_bytes(32),
        )
        self._home_id = digest_text(genesis.id)
        await install_genesis(first.directory, genesis)
        await self._start_hub(first)
        for profile in (self._owner, self._guest):
            profile.write_home(
                HomeFile(home=self._home_id, name="Demo home", hubs=[first.description])
            )

    def _place_hub(self, number: int) -> HubPlace:
        api, residents, mesh, pairing = free_ports(4)
        name = HUB_NAMES[number]
        peers = () if self._multicast else tuple(self.hubs[0].description.mesh if self.hubs else ())
        settings = Settings(
            name=name,
            api=ApiSettings(host=HOST, port=api, residents_port=residents),
            mesh=MeshSettings(
                host=HOST,
                port=mesh,
                pairing_port=pairing,
                peers=peers,
                advertise=(HOST,),
                discovery=self._multicast,
                interfaces=(HOST,),
            ),
        )
        directory = HubDirectory(self.place / f"hub-{number + 1}")
        key = directory.create_key()
        config = directory.path / "hub.toml"
        config.write_text(_as_toml(settings), encoding="utf-8")
        hub = HubPlace(
            name=name,
            directory=directory,
            config=config,
            settings=settings,
            description=describe_hub(key, name=name, settings=settings, hosts=[HOST]),
            child=Child(
                f"hub-{number + 1}",
                ["hub", "run", "--state-dir", str(directory.path), "--config", str(config)],
                directory=self.place,
            ),
        )
        self.hubs.append(hub)
        return hub

    async def _start_hub(self, hub: HubPlace) -> None:
        await hub.child.start()
        async with HubClient(endpoints_of([hub.description]), key=self._owner_key) as client:
            await self._until(hub.child, client.well_known, lambda known: True)

    async def restart_hub(self, hub: HubPlace) -> None:
        """Starts a hub again on its old disk."""
        await self._start_hub(hub)

    async def _add_hub(self, anna: HubClient, number: int) -> None:
        hub = self._place_hub(number)
        self._say(f"Hub {hub.name} joins…")
        window = await anna.open_pairing()
        assert window.code is not None, "who opens the window sees its code"
        pairing = f"{HOST}:{self.hubs[0].settings.mesh.pairing_port}"
        words = ["hub", "join", "--state-dir", str(hub.directory.path), "--config", str(hub.config)]
        join = Child(
            f"join-{number + 1}",
            [*words, "--code", window.code, "--address", pairing],
            directory=self.place,
        )
        if await join.run() != 0:
            raise DemoFailed(f"hub {hub.name} could not join: {join.last_words()}")
        await self._start_hub(hub)
        await self._until(
            hub.child,
            anna.mesh,
            lambda mesh: any(
                other.did == hub.description.hub and other.lag == 0 for other in mesh.hubs
            ),
        )
        await anna.put_hub(hub.description)
        await self._until(hub.child, anna.mesh, lambda mesh: mesh.size == number + 1 and mesh.fresh)

    async def _add_guest(self, anna: HubClient) -> None:
        await anna.put_person(self._guest_key.public.did, name="Cleaner", role=Role.GUEST)

    async def _add_devices(self, anna: HubClient) -> None:
        self._say(f"{len(self._plans)} devices register…")
        for number, plan in enumerate(self._plans):
            where = (
                # Another demo on this machine is another home.
                ["--interface", HOST, "--home", self._home_id]
                if self._multicast and self._devices_search
                else [f"--hub={address}" for hub in self.hubs for address in hub.description.api]
            )
            child = Child(
                f"{plan.kind}-{number + 1}",
                [
                    "device",
                    "simulate",
                    plan.kind,
                    "--name",
                    plan.name,
                    "--state-dir",
                    str(self.place / f"device-{number + 1}"),
                    "--seed",
                    str(number),
                    "--time-scale",
                    str(TIME_SCALE),
                    *where,
                ],
                directory=self.place,
            )
            self.devices[plan.name] = child
            await child.start()
        await asyncio.gather(*(self._approve(anna, plan) for plan in self._plans))
        names = {plan.name for plan in self._plans}
        await self._until(
            None,
            anna.devices,
            lambda devices: names <= {d.name for d in devices if d.properties},
        )

    async def _approve(self, anna: HubClient, plan: DevicePlan) -> None:
        """Compares the digits that the device itself printed with those that the hub shows."""
        child = self.devices[plan.name]

        async def matching() -> DeviceRequest | None:
            shown = _digits_in(child.log)
            waiting = (await anna.requests()).devices
            return next((r for r in waiting if r.digits is not None and r.digits == shown), None)

        request = await self._until(child, matching, lambda found: found is not None)
        assert request is not None
        await anna.approve_device(request.description, name=plan.name, area=plan.area)

    async def _give_grant(self, anna: HubClient) -> None:
        front = next(d for d in await anna.devices() if d.name == "Front door")
        now_s = int(time.time())
        await anna.grant(
            self._guest_key.public.did,
            [Authorization(devices=[front.did], actions=["lock", "unlock"])],
            grant_id=secrets.token_urlsafe(12),
            nbf_s=now_s - 60,
            exp_s=now_s + GRANT_S,
        )

    async def _until(
        self,
        child: Child | None,
        look: Callable[[], Awaitable[Result]],
        good: Callable[[Result], bool],
    ) -> Result:
        """Looks until it is good. `DemoFailed` if the child ends, or after `READY_S`."""
        trouble = "nothing happened"
        try:
            async with asyncio.timeout(READY_S):
                while True:
                    if child is not None and not child.is_running():
                        raise DemoFailed(f"{child.name} ended: {child.last_words()}")
                    try:
                        seen = await look()
                        if good(seen):
                            return seen
                    except ClientError as error:
                        trouble = str(error)
                    await asyncio.sleep(PATIENCE_S)
        except TimeoutError as error:
            name = child.name if child is not None else "the devices"
            raise DemoFailed(f"{name} took longer than {READY_S:g} s ({trouble})") from error


def _as_toml(settings: Settings) -> str:
    """The tables that a demo hub needs. TOML spells strings, numbers and lists as JSON does."""
    lines = [f"name = {json.dumps(settings.name)}"]
    for table, values in (("api", settings.api), ("mesh", settings.mesh)):
        lines.append(f"[{table}]")
        lines += [f"{key} = {json.dumps(v)}" for key, v in msgspec.to_builtins(values).items()]
    return "\n".join(lines) + "\n"


def _digits_in(log: Path) -> str | None:
    """The digits that a device showed last."""
    digits = None
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if '"digits"' in line:
            digits = msgspec.json.decode(line).get("digits")
    return digits
