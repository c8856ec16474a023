"""Makes the frozen bytes of the protocol: `python -m tests.vectors.protocol_vectors` writes them.

They are written once for each version of the protocol. A difference between what this makes and
what is frozen is a break with every home that runs.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from homechain.ledger.counters import UNUSED, CounterWindow
from homechain.ledger.pairing import commitment_to, pairing_digits
from homechain.ledger.proofs import (
    ConfigurationStep,
    anchor_from_genesis,
    make_command_proof,
    make_configuration_step,
)
from homechain.ledger.records import SignedRecord
from homechain.model.blocks import (
    CommitCertificate,
    CommitEndorsement,
    ElectionCertificate,
    Rank,
    VoteEndorsement,
)
from homechain.model.configuration import Configuration, commits_to_close
from homechain.model.messages import write_message
from homechain.model.records import DeviceKind, Record, Role, write_payload
from homechain.model.statements import (
    Commit,
    Heartbeat,
    HeartbeatAck,
    Prepare,
    PreVote,
    Proposal,
    Statement,
    Vote,
    prepare_bytes,
    statement_bytes,
    vote_bytes,
)
from tests.fakes.home import Actor, MadeHome, made_key

FOLDER: Final = Path(__file__).parent / "protocol"


class Story:
    """A small life of a home in which every kind of record occurs."""

    def __init__(self) -> None:
        home = self.home = MadeHome(hubs=3)
        self.lock = Actor(made_key("Front door"), name="Front door")
        self.camera = Actor(made_key("Porch"), name="Porch")
        self.maria = Actor(made_key("Maria"), name="Maria")
        self.ben = Actor(made_key("Ben"), name="Ben")
        self.actors = [home.owner, self.ben, self.maria, self.lock, self.camera]
        home.commit(
            home.person_record(self.maria),
            home.person_record(self.ben, role=Role.RESIDENT),
            home.device_record(self.lock),
        )
        home.commit(
            home.device_record(self.camera, kind=DeviceKind.CAMERA, area="Outside", by=self.ben),
            home.grant_record(self.maria, jti="grant-0001", devices=[self.lock], areas=["Hall"]),
        )
        self.command = home.command_record(self.maria, self.lock, arguments={"for_s": 5})
        self.denied = home.command_record(self.maria, self.camera, "take_still")
        self.decided = home.commit(self.command, self.denied, certified=False)
        home.commit(
            home.outcome_record(self.lock, self.command, reason="opened by hand as well"),
            home.event_record(self.lock, bolt="unlocked", battery=80.5, door=None),
        )
        self.old_configuration = home.head.configuration
        home.commit(home.revoke_record("grant-0001"), home.hub_record("hub 3"), new_term=True)
        self.closing_height = home.head.height
        self.late_command = home.command_record(home.owner, self.lock, "lock")
        home.commit(home.retire_record(self.camera), self.late_command)

    def records(self) -> list[SignedRecord]:
        return [record for built in self.home.built for record in built.records]

    def step(self) -> ConfigurationStep:
        built = self.home.built[self.closing_height]
        commit = self.home.blocks[self.closing_height].commit
        assert commit is not None
        return make_configuration_step(built.block.header, commit, built.configuration)


def keys() -> dict[str, Any]:
    """Seeds of everybody who signs."""
    story = Story()
    named = {actor.name: actor.key for actor in story.actors}
    named |= {f"hub {number}": made_key(f"hub {number}") for number in range(4)}
    return {name: {"seed": key.seed.hex(), "did": key.public.did} for name, key in named.items()}


def records() -> list[dict[str, Any]]:
    """Every record of the story, in ledger order."""
    made = []
    for index, record in enumerate(Story().records()):
        entry: dict[str, Any] = {
            "index": index,
            "typ": record.payload.TYP,
            "signer": record.signer,
            "payload": _payload(record.payload),
            "compact": record.raw.decode(),
            "id": record.id.hex(),
            "leaf": record.leaf.hex(),
        }
        if record.description is not None:
            entry["description"] = {
                "payload": write_payload(record.description.payload).decode(),
                "id": record.description.id.hex(),
            }
        made.append(entry)
    return made


def blocks() -> list[dict[str, Any]]:
    """Every block of the story."""
    home = Story().home
    return [
        {
            "height": built.height,
            "header": built.block.header.hex(),
            "fields": msgspec.to_builtins(_hexed(msgspec.structs.asdict(built.header))),
            "hash": built.hash.hex(),
            "records": [record.id.hex() for record in built.records],
            "decisions": [
                {
                    "command": decision.command.hex(),
                    "allowed": decision.allowed,
                    "code": decision.code,
                    "grant": decision.grant,
                }
                for decision in built.decisions
            ],
            "proposal": certified.proposal.hex(),
            "commit": None
            if certified.commit is None
            else msgspec.msgpack.encode(certified.commit).hex(),
            "state_changes": {
                key: None if value is None else value.hex()
                for key, value in sorted(built.changes.items())
            },
        }
        for built, certified in zip(home.built, home.blocks, strict=True)
    ]


def configurations() -> list[dict[str, Any]]:
    """Memberships of one to seven hubs."""
    made = []
    for count in range(1, 8):
        home = MadeHome(hubs=count)
        configuration = home.head.configuration
        made.append(
            {
                "bytes": msgspec.msgpack.encode(configuration).hex(),
                "hash": configuration.hash().hex(),
                "members": list(configuration.members),
                "quorum": configuration.quorum,
                "lying": configuration.lying,
                "silent": configuration.silent,
                "leaders_of_terms_1_to_8": [configuration.leader(term) for term in range(1, 9)],
                "commits_to_close_into_1_to_7": [
                    commits_to_close(configuration, next_size=size) for size in range(1, 8)
                ],
            }
        )
    return made


def statements() -> list[dict[str, Any]]:
    """One of each statement: what is signed, and the message that carries it."""
    home = Story().home
    configuration, built = home.head.configuration, home.head
    header = built.header
    high = home.quorum(built, configuration)
    leader = configuration.leader(header.term)
    rank = Rank(header.epoch, header.term, header.seq)
    unsigned: list[Statement] = [
        PreVote(rank.epoch, rank.term, 1),
        Vote(rank.epoch, rank.term + 1, 1, high),
        Proposal(*rank, leader, built.hash, built.block, header.justify, _election(home)),
        Prepare(*rank, built.hash, header.justify.rank, header.justify.block, 2),
        Commit(*rank, built.hash, 2),
        Heartbeat(rank.epoch, rank.term, leader, 3, rank, built.height),
        HeartbeatAck(rank.epoch, rank.term, 0, 3),
    ]
    made = []
    for statement in unsigned:
        message = statement_bytes(statement, configuration)
        signature = home.hub_key(configuration, statement.signer).sign(message)
        signed = msgspec.structs.replace(statement, signature=signature)
        made.append(
            {
                "kind": statement.KIND,
                "signer": configuration.members[statement.signer],
                "configuration": configuration.hash().hex(),
                "signed_bytes": message.hex(),
                "signature": signature.hex(),
                "message": write_message(signed).hex(),
            }
        )
    return made


def certificates() -> dict[str, Any]:
    """One of each certificate for the head of the story, as MessagePack."""
    home = Story().home
    configuration, built = home.head.configuration, home.head
    return {
        "configuration": msgspec.msgpack.encode(configuration).hex(),
        "quorum": msgspec.msgpack.encode(home.quorum(built, configuration)).hex(),
        "commit": msgspec.msgpack.encode(home.commit_certificate(built, configuration)).hex(),
        "commit_with_a_childs_prepare": msgspec.msgpack.encode(
            _commit_by_child(home, configuration)
        ).hex(),
        "election": msgspec.msgpack.encode(_election(home)).hex(),
    }


def proofs() -> list[dict[str, Any]]:
    """What a device is given, and what it makes of it."""
    story = Story()
    home = story.home
    anchor = anchor_from_genesis(home.genesis.raw, home=home.id)
    commit = home.blocks[story.decided.height + 1].commit
    last = home.blocks[-1].commit
    assert commit is not None
    assert last is not None
    through_a_child = make_command_proof(
        story.decided,
        story.command.id,
        headers_above=[home.block(story.decided.height + 1).header],
        commit=commit,
    )
    after_a_change = make_command_proof(
        home.head,
        story.late_command.id,
        headers_above=[],
        commit=last,
        configurations=[story.step()],
    )
    exp_ms = (home.now_s + 30) * 1000
    in_time_ms = story.decided.header.time_ms
    cases = [
        ("a guest's, final through a later block", through_a_child, in_time_ms, "granted"),
        ("an owner's, in the next epoch", after_a_change, in_time_ms, "role"),
        ("past its end", after_a_change, exp_ms, "expired"),
        (
            "without the end of the epoch before",
            msgspec.structs.replace(after_a_change, configurations=()),
            in_time_ms,
            "unknown_epoch",
        ),
        (
            "without the grant",
            msgspec.structs.replace(
                through_a_child,
                state={
                    key: proof
                    for key, proof in through_a_child.state.items()
                    if not key.startswith("grant/")
                },
            ),
            in_time_ms,
            "no_grant",
        ),
    ]
    return [
        {
            "case": case,
            "genesis": home.genesis.raw.decode(),
            "home": home.id.hex(),
            "anchor": msgspec.to_builtins(anchor),
            "device": story.lock.did,
            "now_ms": now_ms,
            "proof": msgspec.to_builtins(proof),
            "code": code,
        }
        for case, proof, now_ms, code in cases
    ]


def pairing() -> list[dict[str, Any]]:
    """Digits and commitments."""
    made = []
    for number in range(4):
        nonces = {
            name: sha256(f"{name} {number}".encode()).digest()
            for name in ("home", "description_id", "hub_nonce", "device_nonce")
        }
        hub = made_key(f"hub {number}").public.did
        made.append(
            {
                **{name: value.hex() for name, value in nonces.items()},
                "hub": hub,
                "commitment": commitment_to(nonces["device_nonce"]),
                "digits": pairing_digits(hub=hub, **nonces),
            }
        )
    return made


def counters() -> list[dict[str, Any]]:
    """A window as counters are used, one after the other."""
    window, made = UNUSED, []
    for counter in (1, 2, 5, 4, 200, 257, 1000, 2**53 - 1):
        window = window.with_used(counter)
        made.append({"used": counter, "window": _encoded(window)})
    return made


VECTORS: Final[dict[str, Callable[[], Any]]] = {
    "keys": keys,
    "records": records,
    "blocks": blocks,
    "configurations": configurations,
    "statements": statements,
    "certificates": certificates,
    "proofs": proofs,
    "pairing": pairing,
    "counters": counters,
}


def text_of(name: str) -> str:
    """One file of vectors, as it is frozen."""
    return json.dumps(VECTORS[name](), indent=1, ensure_ascii=False) + "\n"


def _encoded(window: CounterWindow) -> str:
    return msgspec.msgpack.encode(window).hex()


def _payload(payload: Record) -> str:
    return write_payload(payload).decode()


def _hexed(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {key: _hexed(each) for key, each in value.items()}
        case tuple():
            return [_hexed(each) for each in value]
        case msgspec.Struct():
            return _hexed(msgspec.structs.asdict(value))
        case _:
            return value


def _commit_by_child(home: MadeHome, configuration: Configuration) -> CommitCertificate:
    commit, child = home.commit_certificate(home.head, configuration), bytes(range(32))
    last = commit.endorsements[-1].signer
    message = prepare_bytes(
        configuration=configuration,
        signer=last,
        term=commit.rank.term,
        seq=commit.rank.seq + 1,
        block=child,
        justify_rank=commit.rank,
        justify_block=commit.block,
    )
    signature = home.hub_key(configuration, last).sign(message)
    prepared = CommitEndorsement(last, signature, child)
    return msgspec.structs.replace(commit, endorsements=(*commit.endorsements[:-1], prepared))


def _election(home: MadeHome) -> ElectionCertificate:
    configuration, header = home.head.configuration, home.head.header
    high = home.quorum(home.head, configuration)
    term = header.term + 1
    return ElectionCertificate(
        header.epoch,
        term,
        tuple(
            VoteEndorsement(
                signer,
                home.hub_key(configuration, signer).sign(
                    vote_bytes(
                        configuration=configuration,
                        signer=signer,
                        term=term,
                        high_rank=high.rank,
                        high_block=high.block,
                    )
                ),
                high.rank,
                high.block,
            )
            for signer in range(configuration.quorum)
        ),
    )


def main() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    for name in VECTORS:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
