"""What an mDNS announcement of a hub says: written carefully, read suspiciously. Pure.

TXT keys: `v` protocol version, `home` first characters of the home's id, `hub` did, `boot` a
number in hexadecimal that changes at each start, `api`, `residents`, `mesh` ports, and `pair`,
the port where a new hub is awaited, while a resident keeps a pairing window open.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from homechain.mesh.addresses import Address, parse_address
from homechain.model.ids import Did, digest_text

SERVICE_TYPE: Final = "_homechain._tcp.local."
PROTOCOL_VERSION: Final = 1
HOME_CHARACTERS: Final = 12
"""So much of a home's id is announced: enough to tell homes apart, not to name one."""

Port = Annotated[int, Meta(ge=0, le=65_535)]


class Announcement(Struct, frozen=True, kw_only=True):
    """What this hub says about itself."""

    home: str
    """`short_home(id)`, or empty for a hub without a home."""
    hub: str
    boot: int
    api_port: int
    residents_port: int
    mesh_port: int
    pairing_port: int = 0
    """0 while no pairing window is open."""

    def to_txt(self) -> dict[str | bytes, str | bytes | None]:
        """Return the TXT record's keys and values."""
        return {
            "v": str(PROTOCOL_VERSION),
            "home": self.home,
            "hub": self.hub,
            "boot": f"{self.boot:x}",
            "api": str(self.api_port),
            "residents": str(self.residents_port),
            "mesh": str(self.mesh_port),
            "pair": str(self.pairing_port),
        }


class FoundHub(Struct, frozen=True, kw_only=True):
    """What somebody on the network says about a hub. Nothing of it is proven."""

    version: int
    home: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,43}$(?!\n)")]
    hub: Did
    boot: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    hosts: tuple[str, ...]
    """IP addresses; link-local IPv6 ones with `%scope`."""
    api_port: Port
    residents_port: Port
    mesh_port: Port
    pairing_port: Port

    @property
    def mesh(self) -> tuple[str, ...]:
        """`host:port` where other hubs reach it."""
        return self._at(self.mesh_port)

    @property
    def api(self) -> tuple[str, ...]:
        """`host:port` where devices reach it."""
        return self._at(self.api_port)

    @property
    def residents(self) -> tuple[str, ...]:
        """`host:port` where residents reach it."""
        return self._at(self.residents_port)

    @property
    def pairing(self) -> tuple[Address, ...]:
        """Where it awaits a new hub; empty while it does not."""
        return tuple(map(parse_address, self._at(self.pairing_port)))

    def _at(self, port: int) -> tuple[str, ...]:
        return tuple(str(Address(host, port)) for host in self.hosts) if port else ()


def short_home(home: bytes) -> str:
    """Return the part of a home's id (32 bytes) that is announced."""
    return digest_text(home)[:HOME_CHARACTERS]


def read_announcement(
    txt: Mapping[bytes, bytes | None], *, hosts: Sequence[str]
) -> FoundHub | None:
    """Return what a TXT record says, or None if it says nothing that makes sense."""
    try:
        said = {key.decode("ascii"): (value or b"").decode("ascii") for key, value in txt.items()}
        return msgspec.convert(
            {
                "version": int(said["v"]),
                "home": said["home"],
                "hub": said["hub"],
                "boot": int(said["boot"], 16),
                "hosts": tuple(hosts),
                "api_port": int(said["api"]),
                "residents_port": int(said["residents"]),
                "mesh_port": int(said["mesh"]),
                "pairing_port": int(said.get("pair", "0")),
            },
            FoundHub,
        )
    except (KeyError, ValueError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None
