import msgspec
import pytest
from msgspec.structs import replace

from homechain.api.schema.records import RecordDetail
from homechain.model.blocks import read_header, write_header
from homechain_tui.proofs import Check, checks
from tests.fakes.dashboard_home import DashboardHome
from tests.fakes.dashboard_morning import lived_in_home
from tests.fakes.dashboard_views import mesh_view


@pytest.fixture(scope="module")
def home() -> DashboardHome:
    return lived_in_home()


@pytest.fixture(scope="module")
def detail(home: DashboardHome) -> RecordDetail:
    return home.chain.detail(home.chain.views[5].id, command=None)


def checked(home: DashboardHome, detail: RecordDetail) -> list[Check]:
    return checks(detail, home=home.home, mesh=mesh_view(home))


def results(found: list[Check]) -> list[bool | None]:
    return [check.passed for check in found]


def test_an_honest_record_passes_every_check(home: DashboardHome, detail: RecordDetail) -> None:
    found = checked(home, detail)
    assert results(found) == [True, True, True, True]
    assert found[3].words.startswith("Committed by 2 of 3 hubs")


def test_a_changed_record_fails_signature_name_and_place(
    home: DashboardHome, detail: RecordDetail
) -> None:
    other = home.chain.detail(home.chain.views[6].id, command=None)
    found = checked(home, replace(detail, raw=other.raw))
    assert results(found)[:3] == [False, False, False]


def test_bytes_that_are_no_record_are_said_to_be_none(
    home: DashboardHome, detail: RecordDetail
) -> None:
    assert results(checked(home, replace(detail, raw="a.b.c")))[0] is False


def test_a_foreign_signer_fails(home: DashboardHome, detail: RecordDetail) -> None:
    record = replace(detail.record, signer=home.ben)
    assert results(checked(home, replace(detail, record=record))) == [False, True, True, True]


def test_a_record_without_proof_is_not_called_proven(
    home: DashboardHome, detail: RecordDetail
) -> None:
    assert results(checked(home, replace(detail, proof=None))) == [True, True, None]


def test_a_made_up_header_fails(home: DashboardHome, detail: RecordDetail) -> None:
    assert detail.proof is not None
    bent = replace(detail.proof, header=b"\x00")
    assert results(checked(home, replace(detail, proof=bent)))[-1] is False
    header = read_header(detail.proof.header)
    moved = write_header(replace(header, time_ms=header.time_ms + 1))
    found = checked(home, replace(detail, proof=replace(detail.proof, header=moved)))
    assert results(found) == [True, True, True, False]
    assert "ANOTHER block" in found[3].words


def test_a_bent_path_fails(home: DashboardHome, detail: RecordDetail) -> None:
    assert detail.proof is not None
    reversed_path = replace(detail.proof, path=list(reversed(detail.proof.path)))
    assert results(checked(home, replace(detail, proof=reversed_path)))[2] is False
    unreadable = replace(detail.proof, path=["!" * 43])
    assert results(checked(home, replace(detail, proof=unreadable)))[2] is False


def test_too_few_commits_fail(home: DashboardHome, detail: RecordDetail) -> None:
    assert detail.proof is not None
    commit = detail.proof.commit
    lonely = msgspec.structs.replace(commit, endorsements=commit.endorsements[:1])
    found = checked(home, replace(detail, proof=replace(detail.proof, commit=lonely)))
    assert results(found)[3] is False


def test_hubs_of_another_epoch_leave_the_commit_unchecked(
    home: DashboardHome, detail: RecordDetail
) -> None:
    later = replace(mesh_view(home), epoch=5)
    assert results(checks(detail, home=home.home, mesh=later))[3] is None
    assert results(checks(detail, home=home.home, mesh=None))[3] is None
