"""A home with real keys, real signatures and certificates that verify.

For tests of whatever reads a ledger: found one, let people and devices sign, and let `commit` turn
records into certified blocks. The same arguments give the same bytes.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from homechain.crypto.hashing import b64u
from homechain.crypto.keys import PrivateKey
from homechain.ledger.blocks import BuiltBlock, build_block, found
from homechain.ledger.pairing import commitment_to
from homechain.ledger.records import SignedRecord, sign_description, sign_record
from homechain.model.blocks import (
    Block,
    CertifiedBlock,
    CommitCertificate,
    CommitEndorsement,
    Endorsement,
    QuorumCertificate,
    Rank,
    root_certificate,
)
from homechain.model.configuration import Configuration, commits_to_close
from homechain.model.ids import digest_text
from homechain.model.records import (
    Affordance,
    Authorization,
    CommandRecord,
    DeviceDescription,
    DeviceKind,
    DeviceRecord,
    EventRecord,
    Genesis,
    GrantRecord,
    HomeRecord,
    HubDescription,
    HubRecord,
    OutcomeRecord,
    OutcomeResult,
    PersonRecord,
    Reading,
    RetireRecord,
    RevokeRecord,
    Role,
    Thing,
)
from homechain.model.statements import commit_bytes, prepare_bytes, proposal_bytes

START_S: Final = 1_750_000_000
"""Sunday 15 June 2025, 15:06:40 UTC: when the homes of the tests are founded."""

ACTIONS: Final = {
    DeviceKind.LOCK: ("lock", "unlock", "unlatch"),
    DeviceKind.CAMERA: ("take_still", "set_privacy"),
    DeviceKind.THERMOSTAT: ("set_setpoint", "set_mode"),
    DeviceKind.OTHER: (),
}
PROPERTIES: Final = {
    DeviceKind.LOCK: ("bolt", "door", "battery"),
    DeviceKind.CAMERA: ("privacy", "motion"),
    DeviceKind.THERMOSTAT: ("temperature", "setpoint", "mode"),
    DeviceKind.OTHER: (),
}


def made_key(name: str) -> PrivateKey:
    """The same key for the same name."""
    return PrivateKey.from_seed(sha256(f"homechain test key {name}".encode()).digest())


def hub_description(key: PrivateKey, *, name: str) -> HubDescription:
    """A hub as its genesis or hub record describes it; the certificate is made up."""
    return HubDescription(
        hub=key.public.did,
        name=name,
        certificate=b64u(b"certificate of " + name.encode()),
        mesh=["192.0.2.1:8441"],
        api=["192.0.2.1:8440"],
        residents=["192.0.2.1:8442"],
    )


class Actor:
    """A person or a device: a key that counts its records."""

    def __init__(self, key: PrivateKey, *, name: str) -> None:
        self.key = key
        self.name = name
        self.counter = 0

    @property
    def did(self) -> str:
        """`did:key` of the actor."""
        return self.key.public.did

    def next_counter(self) -> int:
        """A counter that was not used yet."""
        self.counter += 1
        return self.counter


class MadeHome:
    """A founded home whose chain grows by `commit`. `now_s` is everybody's clock."""

    def __init__(self, *, hubs: int = 3, name: str = "Linden Street") -> None:
        self.now_s = START_S
        self.owner = Actor(made_key("owner"), name="Anna")
        self.hub_keys = {
            key.public.did: key for key in (made_key(f"hub {number}") for number in range(hubs))
        }
        self._others = 0
        genesis = Genesis(
            iss=self.owner.did,
            ctr=self.owner.next_counter(),
            iat=self.now_s,
            name=name,
            owner_name=self.owner.name,
            time_zone="Europe/Berlin",
            hubs=[
                hub_description(key, name=f"Hub {number}")
                for number, key in enumerate(self.hub_keys.values())
            ],
            nonce=b64u(sha256(b"nonce").digest()),
        )
        self.genesis = sign_record(genesis, self.owner.key)
        self.head: BuiltBlock = found(self.genesis)
        self.built: list[BuiltBlock] = [self.head]
        self.blocks: list[CertifiedBlock] = [CertifiedBlock(self.head.block, b"", None)]

    @property
    def id(self) -> bytes:
        """The home's id: 32 bytes."""
        return self.genesis.id

    @property
    def id_text(self) -> str:
        """The home's id as records spell it."""
        return digest_text(self.id)

    # ---------------------------------------------------------------- signing

    def sign(self, actor: Actor, kind: type[HomeRecord], **fields: Any) -> SignedRecord:
        """A record of `actor`, with home, counter and time filled in where not given."""
        common: dict[str, Any] = {"iss": actor.did, "iat": self.now_s, "home": self.id_text}
        if "ctr" not in fields:
            common["ctr"] = actor.next_counter()
        return sign_record(kind(**{**common, **fields}), actor.key)

    def person_record(
        self, actor: Actor, *, role: Role = Role.GUEST, by: Actor | None = None, **fields: Any
    ) -> SignedRecord:
        """An owner takes `actor` in, or changes them."""
        fields = {"person": actor.did, "name": actor.name, "role": role, **fields}
        return self.sign(by or self.owner, PersonRecord, **fields)

    def device_record(
        self,
        actor: Actor,
        *,
        kind: DeviceKind = DeviceKind.LOCK,
        area: str = "Hall",
        by: Actor | None = None,
        **fields: Any,
    ) -> SignedRecord:
        """A resident takes `actor` in as a device."""
        description = DeviceDescription(
            iss=actor.did,
            home=self.id_text,
            hub=next(iter(self.hub_keys)),
            iat=self.now_s,
            commitment=commitment_to(sha256(actor.name.encode()).digest()),
            thing=Thing(
                title=actor.name,
                at_type=kind,
                properties={name: Affordance() for name in PROPERTIES[kind]},
                actions={name: Affordance() for name in ACTIONS[kind]},
            ),
        )
        signed = sign_description(description, actor.key)
        fields = {
            "description": signed.raw.decode(),
            "name": actor.name,
            "area": area,
            **fields,
        }
        return self.sign(by or self.owner, DeviceRecord, **fields)

    def grant_record(
        self,
        subject: Actor,
        *,
        jti: str,
        devices: Sequence[Actor] = (),
        areas: Sequence[str] = (),
        actions: Sequence[str] = ("unlock",),
        by: Actor | None = None,
        **fields: Any,
    ) -> SignedRecord:
        """A grant from now on for a day, unless `nbf` and `exp` say otherwise."""
        authorization = Authorization(
            devices=[device.did for device in devices], areas=list(areas), actions=list(actions)
        )
        fields = {
            "sub": subject.did,
            "aud": self.id_text,
            "nbf": self.now_s,
            "exp": self.now_s + 86_400,
            "jti": jti,
            "authorization_details": [authorization],
            **fields,
        }
        return self.sign(by or self.owner, GrantRecord, **fields)

    def revoke_record(self, jti: str, *, by: Actor | None = None) -> SignedRecord:
        """The end of a grant."""
        return self.sign(by or self.owner, RevokeRecord, grant=jti)

    def retire_record(self, device: Actor, *, by: Actor | None = None) -> SignedRecord:
        """The end of a device's service."""
        return self.sign(by or self.owner, RetireRecord, device=device.did)

    def command_record(
        self, person: Actor, device: Actor, action: str = "unlock", **fields: Any
    ) -> SignedRecord:
        """A command that lives 30 s, unless `exp` says otherwise."""
        fields = {
            "device": device.did,
            "action": action,
            "arguments": {},
            "exp": self.now_s + 30,
            **fields,
        }
        return self.sign(person, CommandRecord, **fields)

    def event_record(self, device: Actor, **values: Any) -> SignedRecord:
        """Readings of now, by name."""
        readings = [
            Reading(at=self.now_s * 1000, name=name, value=value) for name, value in values.items()
        ]
        return self.sign(device, EventRecord, readings=readings)

    def outcome_record(self, device: Actor, command: SignedRecord, **fields: Any) -> SignedRecord:
        """The device's word on a command: done, unless `result` says otherwise."""
        fields = {
            "command": digest_text(command.id),
            "result": OutcomeResult.DONE,
            "at": self.now_s * 1000,
            **fields,
        }
        return self.sign(device, OutcomeRecord, **fields)

    def hub_record(self, name: str, *, removed: bool = False) -> SignedRecord:
        """An owner adds the hub of `made_key(name)`, or removes it."""
        key = made_key(name)
        self.hub_keys[key.public.did] = key
        description = hub_description(key, name=name)
        return self.sign(self.owner, HubRecord, hub=description, removed=removed)

    # ---------------------------------------------------------------- whole steps

    def add_person(self, name: str, *, role: Role = Role.GUEST) -> Actor:
        """A new person, taken in by the owner in a block of its own."""
        actor = Actor(made_key(name), name=name)
        self.commit(self.person_record(actor, role=role))
        return actor

    def add_device(
        self, name: str, *, kind: DeviceKind = DeviceKind.LOCK, area: str = "Hall"
    ) -> Actor:
        """A new device, taken in by the owner in a block of its own."""
        actor = Actor(made_key(name), name=name)
        self.commit(self.device_record(actor, kind=kind, area=area))
        return actor

    def commit(
        self,
        *records: SignedRecord,
        certified: bool = True,
        new_term: bool = False,
        time_s: int | None = None,
    ) -> BuiltBlock:
        """The next block, of the records that may enter; a second passes."""
        configuration = self.head.configuration
        parent = self.head.header
        if parent.epoch != configuration.epoch or parent.height == 0:
            slot = Rank(configuration.epoch, 1, 0)
            justify = root_certificate(configuration.epoch, self.head.hash)
        else:
            slot = Rank(parent.epoch, parent.term, parent.seq + 1)
            if new_term:
                slot = Rank(parent.epoch, parent.term + 1, 0)
            justify = self.quorum(self.head, configuration)
        self.now_s += 1
        built = build_block(
            chain=self.head,
            records=records,
            slot=slot,
            justify=justify,
            time_ms=(self.now_s if time_s is None else time_s) * 1000,
        )
        # Where the block ends an epoch there is no going on without its certificate.
        needs_commit = certified or built.header.close is not None
        self.blocks.append(
            CertifiedBlock(
                built.block,
                self.proposal(built, configuration),
                self.commit_certificate(built, configuration) if needs_commit else None,
            )
        )
        self.built.append(built)
        self.head = built
        return built

    # ---------------------------------------------------------------- what hubs sign

    def quorum(self, built: BuiltBlock, configuration: Configuration) -> QuorumCertificate:
        """The first q members' prepares for a block."""
        header = built.header
        return QuorumCertificate(
            rank=Rank(header.epoch, header.term, header.seq),
            block=built.hash,
            justify_rank=header.justify.rank,
            justify_block=header.justify.block,
            endorsements=tuple(
                Endorsement(
                    signer,
                    self.hub_key(configuration, signer).sign(
                        prepare_bytes(
                            configuration=configuration,
                            signer=signer,
                            term=header.term,
                            seq=header.seq,
                            block=built.hash,
                            justify_rank=header.justify.rank,
                            justify_block=header.justify.block,
                        )
                    ),
                )
                for signer in range(configuration.quorum)
            ),
        )

    def commit_certificate(
        self, built: BuiltBlock, configuration: Configuration
    ) -> CommitCertificate:
        """As many members' commits as the block needs."""
        header = built.header
        needed = configuration.quorum
        if header.close is not None:
            needed = commits_to_close(configuration, next_size=header.close.next_size)
        return CommitCertificate(
            rank=Rank(header.epoch, header.term, header.seq),
            block=built.hash,
            endorsements=tuple(
                CommitEndorsement(
                    signer,
                    self.hub_key(configuration, signer).sign(
                        commit_bytes(
                            configuration=configuration,
                            signer=signer,
                            term=header.term,
                            seq=header.seq,
                            block=built.hash,
                        )
                    ),
                )
                for signer in range(needed)
            ),
        )

    def proposal(self, built: BuiltBlock, configuration: Configuration) -> bytes:
        """The leader's signature for the block's slot."""
        leader = configuration.leader(built.header.term)
        return self.hub_key(configuration, leader).sign(
            proposal_bytes(
                configuration=configuration,
                signer=leader,
                term=built.header.term,
                seq=built.header.seq,
                block=built.hash,
            )
        )

    def hub_key(self, configuration: Configuration, signer: int) -> PrivateKey:
        """The private key of a member, by its number."""
        return self.hub_keys[configuration.members[signer]]

    def block(self, height: int) -> Block:
        """A block's exact bytes."""
        return self.blocks[height].block
