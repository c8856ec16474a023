from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from homechain.ledger.blocks import BuiltBlock
from homechain.ledger.errors import ProofRefused
from homechain.ledger.proofs import (
    CommandProof,
    ConfigurationStep,
    TrustAnchor,
    advance_anchor,
    anchor_at_checkpoint,
    anchor_from_genesis,
    check_command,
    make_command_proof,
    make_configuration_step,
)
from homechain.ledger.records import SignedRecord, read_record
from homechain.model import limits
from homechain.model.blocks import CommitCertificate, Rank, write_header
from homechain.model.configuration import configuration
from homechain.model.records import Role
from homechain.model.statements import commit_bytes
from tests.fakes.home import MadeHome


class World:
    """A guest with a grant from a resident, for one lock of two."""

    def __init__(self) -> None:
        self.home = MadeHome(hubs=3)
        self.lock = self.home.add_device("Front door")
        self.cellar = self.home.add_device("Cellar door")
        self.guest = self.home.add_person("Maria")
        self.resident = self.home.add_person("Ben", role=Role.RESIDENT)
        self.grant = self.home.grant_record(
            self.guest, jti="grant-0001", devices=[self.lock], by=self.resident
        )
        self.home.commit(self.grant)
        self.anchor = anchor_from_genesis(self.home.genesis.raw, home=self.home.id)

    def prove(self, command: SignedRecord, built: BuiltBlock | None = None) -> CommandProof:
        """The proof of a command of the head, or of `built` below it."""
        built = built or self.home.head
        above = self.home.built[built.height + 1 :]
        return make_command_proof(
            built,
            command.id,
            headers_above=[block.block.header for block in above],
            commit=self.newest_commit(),
        )

    def newest_commit(self) -> CommitCertificate:
        commit = self.home.blocks[-1].commit
        assert commit is not None
        return commit

    def permitted(self) -> CommandProof:
        """A proof that the lock accepts."""
        command = self.home.command_record(self.guest, self.lock)
        self.home.commit(self.home.event_record(self.lock, bolt="locked"), command)
        return self.prove(command)

    def refusal(self, proof: CommandProof, **changed: Any) -> str:
        arguments: dict[str, Any] = {
            "anchor": self.anchor,
            "device": self.lock.did,
            "now_ms": self.home.now_s * 1000,
            **changed,
        }
        with pytest.raises(ProofRefused) as refused:
            check_command(proof, **arguments)
        return refused.value.code


@pytest.fixture
def world() -> World:
    return World()


# -------------------------------------------------------------------- what is believed


def test_a_permitted_command_is_accepted_after_a_way_through_json(world: World) -> None:
    proof = msgspec.json.decode(msgspec.json.encode(world.permitted()), type=CommandProof)
    now_ms = world.home.now_s * 1000
    accepted = check_command(proof, anchor=world.anchor, device=world.lock.did, now_ms=now_ms)
    assert accepted.command.action == "unlock"
    assert accepted.id == read_record(proof.command).id
    assert (accepted.decision.code, accepted.decision.grant) == ("granted", "grant-0001")
    assert accepted.anchor.height == world.home.head.height
    assert accepted.anchor.time_ms == world.home.head.header.time_ms
    kept = msgspec.json.decode(msgspec.json.encode(accepted.anchor), type=TrustAnchor)
    assert kept == accepted.anchor


def test_an_owner_needs_no_grant(world: World) -> None:
    command = world.home.command_record(world.home.owner, world.lock, "lock")
    world.home.commit(command)
    proof = world.prove(command)
    assert len(proof.state) == 2
    accepted = check_command(proof, anchor=world.anchor, device=world.lock.did, now_ms=0)
    assert accepted.decision.code == "role"


def test_a_command_may_become_final_through_a_later_block(world: World) -> None:
    home = world.home
    command = home.command_record(world.guest, world.lock)
    built = home.commit(command, certified=False)
    home.commit(certified=False)
    home.commit(home.event_record(world.lock, bolt="locked"))
    proof = world.prove(command, built)
    assert len(proof.headers) == 3
    check_command(proof, anchor=world.anchor, device=world.lock.did, now_ms=0)


def test_every_place_in_every_size_of_tree_is_proven(world: World) -> None:
    home = world.home
    for count in range(1, 9):
        command = home.command_record(world.guest, world.lock)
        before = [home.event_record(world.lock, battery=n) for n in range(count % 4)]
        behind = [home.event_record(world.lock, battery=n) for n in range(count % 3)]
        home.commit(*before, command, *behind)
        check_command(world.prove(command), anchor=world.anchor, device=world.lock.did, now_ms=0)


def test_trust_moves_on_with_the_membership(world: World) -> None:
    home = world.home
    steps: list[ConfigurationStep] = []
    for record in (home.hub_record("hub 3"), home.hub_record("hub 0", removed=True)):
        built = home.commit(record)
        steps.append(
            make_configuration_step(built.block.header, world.newest_commit(), built.configuration)
        )
    command = home.command_record(world.guest, world.lock)
    home.commit(command)
    proof = world.prove(command)
    assert world.refusal(proof) == "unknown_epoch"
    assert world.refusal(replace(proof, configurations=tuple(steps[1:]))) == "unknown_epoch"
    assert world.refusal(replace(proof, configurations=tuple(steps[::-1]))) == "unknown_epoch"
    whole = replace(proof, configurations=tuple(steps))
    accepted = check_command(whole, anchor=world.anchor, device=world.lock.did, now_ms=0)
    assert accepted.anchor.configuration == home.head.configuration
    # A device that moved on passes over what it knows.
    check_command(whole, anchor=accepted.anchor, device=world.lock.did, now_ms=0)
    assert advance_anchor(accepted.anchor, steps) == accepted.anchor


def test_an_anchor_rises_to_a_checkpoint(world: World) -> None:
    head = world.home.head
    raised = anchor_at_checkpoint(
        world.anchor, header=head.block.header, commit=world.newest_commit()
    )
    assert (raised.height, raised.time_ms) == (head.height, head.header.time_ms)
    with pytest.raises(ProofRefused):
        anchor_at_checkpoint(
            world.anchor, header=world.home.block(1).header, commit=world.newest_commit()
        )


# -------------------------------------------------------------------- what is not


def test_a_command_for_another_device_is_refused(world: World) -> None:
    assert world.refusal(world.permitted(), device=world.cellar.did) == "wrong_device"


def test_a_command_of_another_home_is_refused(world: World) -> None:
    other = World()
    other.anchor = replace(other.anchor, home=bytes(32))
    assert other.refusal(other.permitted()) == "wrong_home"


def test_a_header_of_another_home_is_refused(world: World) -> None:
    proof = world.permitted()
    header = write_header(replace(world.home.head.header, home=bytes(32)))
    assert world.refusal(replace(proof, headers=(header,))) == "wrong_home"


def test_a_command_that_the_person_did_not_sign_is_refused(world: World) -> None:
    proof = world.permitted()
    signed_part, _, signature = proof.command.rpartition(b".")
    other = b"A" if signature[:1] != b"A" else b"B"
    forged = signed_part + b"." + other + signature[1:]
    assert world.refusal(replace(proof, command=forged)) == "bad_signature"
    assert world.refusal(replace(proof, command=b"nonsense")) == "malformed"
    assert world.refusal(replace(proof, command=world.grant.raw)) == "malformed"


def test_a_certificate_without_a_quorum_is_refused(world: World) -> None:
    proof = world.permitted()
    fewer = replace(proof.commit, endorsements=proof.commit.endorsements[:1])
    assert world.refusal(replace(proof, commit=fewer)) == "bad_certificate"
    forged = replace(proof.commit.endorsements[0], signature=bytes(64))
    wrong = replace(proof.commit, endorsements=(forged, proof.commit.endorsements[1]))
    assert world.refusal(replace(proof, commit=wrong)) == "bad_certificate"


def test_a_certificate_of_another_block_or_slot_is_refused(world: World) -> None:
    older = world.newest_commit()
    proof = world.permitted()
    assert world.refusal(replace(proof, commit=older)) == "bad_certificate"
    slot = replace(proof.commit, rank=Rank(0, 9, 0))
    assert world.refusal(replace(proof, commit=slot)) == "bad_certificate"


def test_hubs_of_another_membership_convince_nobody(world: World) -> None:
    proof = world.permitted()
    usurpers = configuration(
        home=world.home.id, epoch=0, members=tuple(list(world.home.hub_keys)[:2])
    )
    anchor = replace(world.anchor, configuration=usurpers)
    assert world.refusal(proof, anchor=anchor) == "bad_header"
    later = replace(world.anchor, configuration=replace(usurpers, epoch=1))
    assert world.refusal(proof, anchor=later) == "old_epoch"


def test_headers_that_do_not_stand_on_one_another_are_refused(world: World) -> None:
    home = world.home
    command = home.command_record(world.guest, world.lock)
    built = home.commit(command, certified=False)
    home.commit(certified=False)
    home.commit()
    proof = world.prove(command, built)
    for headers in (
        (proof.headers[0], proof.headers[2]),
        (home.block(0).header, *proof.headers[1:]),
        (),
        (b"\x00",),
        proof.headers * 100,
    ):
        assert world.refusal(replace(proof, headers=headers)) == "bad_header"


def test_a_command_that_is_not_in_the_block_is_refused(world: World) -> None:
    proof = world.permitted()
    elsewhere = world.home.command_record(world.guest, world.lock)
    assert world.refusal(replace(proof, command=elsewhere.raw)) == "not_included"
    assert world.refusal(replace(proof, index=proof.index - 1)) == "not_included"
    assert world.refusal(replace(proof, index=10**6)) == "not_included"
    assert world.refusal(replace(proof, path=proof.path[:-1])) == "not_included"
    bent = (bytes(32), *proof.path[1:])
    assert world.refusal(replace(proof, path=bent)) == "not_included"


def test_a_denied_command_is_not_revived_by_a_later_state(world: World) -> None:
    home = world.home
    denied = home.command_record(world.guest, world.cellar)
    old = home.commit(denied)
    with pytest.raises(ProofRefused, match="no_grant"):
        world.prove(denied)
    home.commit(home.grant_record(world.guest, jti="grant-0002", devices=[world.cellar]))
    later = home.command_record(world.guest, world.cellar)
    home.commit(later)
    proof = world.prove(later)
    revived = replace(proof, command=denied.raw, index=old.first_index)
    assert world.refusal(revived, device=world.cellar.did) == "not_included"


def test_the_lock_decides_again_from_proven_entries_alone(world: World) -> None:
    proof = world.permitted()
    for key, code in (
        (f"person/{world.guest.did}", "unknown_person"),
        (f"device/{world.lock.did}", "unknown_device"),
        ("grant/grant-0001", "no_grant"),
        (f"person/{world.resident.did}", "issuer_lost_role"),
    ):
        state = {name: entry for name, entry in proof.state.items() if name != key}
        assert world.refusal(replace(proof, state=state)) == code


def test_entries_of_another_state_are_refused(world: World) -> None:
    home = world.home
    granted = home.head.state
    home.commit(home.revoke_record("grant-0001"))
    command = home.command_record(world.guest, world.lock)
    home.commit(command)
    assert home.head.decisions[0].code == "revoked"
    owner_command = home.command_record(home.owner, world.lock)
    home.commit(owner_command)
    proof = world.prove(owner_command)
    stale = {**proof.state, "grant/grant-0001": granted.prove("grant/grant-0001")}
    assert world.refusal(replace(proof, state=stale)) == "bad_state_proof"
    many = {f"person/{number}": granted.prove("home") for number in range(9)}
    assert world.refusal(replace(proof, state=many)) == "malformed"


def test_a_proof_under_a_wrong_key_is_refused(world: World) -> None:
    proof = world.permitted()
    swapped = {**proof.state, "grant/other-one": proof.state["grant/grant-0001"]}
    assert world.refusal(replace(proof, state=swapped)) == "bad_state_proof"


def test_a_command_is_refused_after_its_end(world: World) -> None:
    proof = world.permitted()
    end_ms = (world.home.now_s - 1 + 30) * 1000
    check_command(proof, anchor=world.anchor, device=world.lock.did, now_ms=end_ms - 1)
    assert world.refusal(proof, now_ms=end_ms) == "expired"


def test_a_clock_that_was_set_back_revives_nothing(world: World) -> None:
    proof = world.permitted()
    seen = replace(world.anchor, time_ms=(world.home.now_s + 31) * 1000)
    assert world.refusal(proof, anchor=seen, now_ms=0) == "expired"


def test_a_signer_whose_clock_runs_ahead_gains_no_time(world: World) -> None:
    home = world.home
    ahead_s = home.now_s + 86_400
    command = home.command_record(world.guest, world.lock, iat=ahead_s, exp=ahead_s + 30)
    home.commit(command)
    proof = world.prove(command)
    final_ms = home.head.header.time_ms
    late_ms = final_ms + limits.COMMAND_LIFETIME_S * 1000
    check_command(proof, anchor=world.anchor, device=world.lock.did, now_ms=late_ms)
    assert world.refusal(proof, now_ms=late_ms + 1) == "stale"


# -------------------------------------------------------------------- anchors


def test_an_anchor_begins_at_the_genesis_of_the_home(world: World) -> None:
    genesis = world.home.genesis.raw
    for raw, home, code in (
        (genesis, bytes(32), "wrong_home"),
        (genesis[:-1] + b"!", world.home.id, "malformed"),
        (genesis[: genesis.rindex(b".") + 1] + b"A" * 86, world.home.id, "bad_signature"),
        (world.grant.raw, world.home.id, "malformed"),
    ):
        with pytest.raises(ProofRefused) as refused:
            anchor_from_genesis(raw, home=home)
        assert refused.value.code == code


def test_a_membership_that_nobody_signed_is_refused(world: World) -> None:
    built = world.home.commit(world.home.hub_record("hub 3"))
    step = make_configuration_step(built.block.header, world.newest_commit(), built.configuration)
    liars = configuration(home=world.home.id, epoch=1, members=tuple(world.home.hub_keys)[:1])
    few = replace(step.commit, endorsements=step.commit.endorsements[:2])
    ordinary = make_configuration_step(
        world.home.block(1).header, world.newest_commit(), built.configuration
    )
    for bad, code in (
        (replace(step, configuration=liars), "bad_configuration"),
        (replace(step, commit=few), "bad_certificate"),
        (ordinary, "bad_certificate"),
    ):
        with pytest.raises(ProofRefused) as refused:
            advance_anchor(world.anchor, [bad])
        assert refused.value.code == code


def test_an_ordinary_block_ends_no_epoch(world: World) -> None:
    built = world.home.head
    step = make_configuration_step(built.block.header, world.newest_commit(), built.configuration)
    with pytest.raises(ProofRefused, match="does not end its epoch"):
        advance_anchor(world.anchor, [step])


def test_a_closing_block_that_was_proposed_again_closes_as_well(world: World) -> None:
    home = world.home
    old = home.head.configuration
    built = home.commit(home.hub_record("hub 3"))
    rank = Rank(0, built.header.term + 4, 0)
    again = replace(
        world.newest_commit(),
        rank=rank,
        endorsements=tuple(
            replace(
                end,
                signature=home.hub_key(old, end.signer).sign(
                    commit_bytes(
                        configuration=old,
                        signer=end.signer,
                        term=rank.term,
                        seq=0,
                        block=built.hash,
                    )
                ),
            )
            for end in world.newest_commit().endorsements
        ),
    )
    step = make_configuration_step(built.block.header, again, built.configuration)
    assert advance_anchor(world.anchor, [step]).configuration == built.configuration


def test_a_proof_is_made_only_of_what_the_block_holds(world: World) -> None:
    command = world.home.command_record(world.guest, world.lock)
    with pytest.raises(ProofRefused, match="not_included"):
        world.prove(command)
    with pytest.raises(ProofRefused, match="not_included"):
        make_command_proof(
            world.home.head, world.grant.id, headers_above=[], commit=world.newest_commit()
        )
