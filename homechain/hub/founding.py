"""How a home begins, and how a hub comes to one.

A home is founded by one record under the owner's signature; a hub that joins gets the same record
over a channel that a short code made safe, and everything else by catching up.
"""

from collections.abc import Sequence

import ifaddr
import msgspec

from homechain.crypto.errors import CryptoError
from homechain.crypto.hashing import b64u, unb64u
from homechain.crypto.keys import PrivateKey
from homechain.hub.directory import HubDirectory, Introduction
from homechain.ledger.blocks import found
from homechain.ledger.errors import LedgerError
from homechain.ledger.records import SignedRecord, read_record, sign_record, verify_record
from homechain.mesh.addresses import Address
from homechain.mesh.certificate import make_certificate
from homechain.mesh.errors import PairingClosed
from homechain.mesh.pairing import JoinBundle, join
from homechain.model.records import Genesis, HubDescription
from homechain.node.chain import OpenBlock, final_block
from homechain.node.ports import Batch
from homechain.settings import Settings
from homechain.storage.store import SqliteStore


class AlreadyHome(Exception):
    """The directory holds a hub of a home already."""


class FoundingFailed(Exception):
    """The home cannot be founded or joined; the message says why."""


def machine_addresses() -> list[str]:
    """This machine's addresses as others can use them; loopback where there is nothing else."""
    found_ips: list[str] = []
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            text = address.ip if isinstance(address.ip, str) else f"[{address.ip[0]}]"
            if not text.startswith(("127.", "[::1", "[fe80")):
                found_ips.append(text)
    return found_ips or ["127.0.0.1"]


def describe_hub(
    key: PrivateKey, *, name: str, settings: Settings, hosts: Sequence[str]
) -> HubDescription:
    """This hub as the ledger will know it."""
    return HubDescription(
        hub=key.public.did,
        name=name,
        certificate=b64u(make_certificate(key)),
        mesh=[f"{host}:{settings.mesh.port}" for host in hosts],
        api=[f"{host}:{settings.api.port}" for host in hosts],
        residents=[f"{host}:{settings.api.residents_port}" for host in hosts],
    )


def sign_genesis(
    owner: PrivateKey,
    *,
    name: str,
    owner_name: str,
    time_zone: str,
    hubs: Sequence[HubDescription],
    now_s: int,
    nonce: bytes,
) -> SignedRecord:
    """The record that founds a home. Its id is the home's id."""
    return sign_record(
        Genesis(
            iss=owner.public.did,
            ctr=1,
            iat=now_s,
            name=name,
            owner_name=owner_name,
            time_zone=time_zone,
            hubs=list(hubs),
            nonce=b64u(nonce),
        ),
        owner,
    )


async def install_genesis(
    directory: HubDirectory, genesis: SignedRecord, *, introduction: Introduction | None = None
) -> None:
    """Writes the genesis block. `AlreadyHome` where there is a ledger."""
    built = found(genesis)
    async with await SqliteStore.open(directory.path) as store:
        if await store.load() is not None:
            raise AlreadyHome(f"{directory.path} holds a ledger already")
        if introduction is not None:
            # Before the ledger: one that does not know whom to trust could not be mended.
            directory.write_introduction(introduction)
        block = final_block(OpenBlock(built=built, proposal=b""), commit=None)
        await store.write(Batch(final=(block,)))


async def join_home(
    directory: HubDirectory, addresses: Sequence[Address], *, code: str, description: HubDescription
) -> SignedRecord:
    """Introduces this hub to the home that waits at one of `addresses`; returns its genesis record.

    Raises what `mesh.pairing.join` raises, and `FoundingFailed` for a home that is not one.
    """
    bundle = await _first_that_answers(directory.key(), addresses, code, description)
    try:
        introduction = msgspec.json.decode(bundle.bundle, type=Introduction)
        genesis = read_record(introduction.genesis.encode("ascii"))
        sound = genesis.id == bundle.home and verify_record(genesis)
        for hub in introduction.hubs:
            unb64u(hub.certificate)
    except (msgspec.MsgspecError, LedgerError, CryptoError, UnicodeError) as error:
        raise FoundingFailed(f"the home's introduction cannot be read: {error}") from error
    if not sound:
        raise FoundingFailed("the home's genesis record is not the one of its id")
    await install_genesis(directory, genesis, introduction=introduction)
    return genesis


async def _first_that_answers(
    key: PrivateKey, addresses: Sequence[Address], code: str, description: HubDescription
) -> JoinBundle:
    refusal: PairingClosed | None = None
    for address in addresses:
        try:
            return await join(address, code=code, description=description, key=key)
        except PairingClosed as error:
            refusal = error
    raise refusal or FoundingFailed("no hub waits for a new one: open a pairing window there first")
