from typing import get_args

from homechain.consensus import inputs
from homechain.consensus.core import ROLES, TABLE, ignore
from homechain.consensus.roles import Leader, Observer
from homechain.model.statements import Commit, Heartbeat, HeartbeatAck, Prepare, PreVote, Vote

STATEMENTS = (PreVote, Vote, Prepare, Commit, Heartbeat, HeartbeatAck)


def test_every_role_has_an_answer_to_every_input() -> None:
    events = set(get_args(inputs.Input)) - {inputs.StatementSeen} | set(STATEMENTS)
    assert set(TABLE) == {(role, event) for role in ROLES for event in events}


def test_an_observer_listens_to_no_statement() -> None:
    assert all(TABLE[Observer, statement] is ignore for statement in STATEMENTS)


def test_only_a_leader_takes_a_built_block() -> None:
    takers = [role for role in ROLES if TABLE[role, inputs.BlockBuilt] is not ignore]
    assert takers == [Leader]
