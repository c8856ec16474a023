import os
import pwd
from pathlib import Path

import pytest

from homechain.cli import CommandFailed
from homechain.cli.service_unit import ServicePlan, render_unit, state_dir_in

TEMPLATE = (Path(__file__).parents[3] / "systemd" / "homechain-hub.service").read_text()


def plan(
    *,
    command: tuple[str, ...] = ("/opt/homechain/bin/homechain",),
    state_dir: str = "/var/lib/homechain",
    config: str | None = None,
    code_dirs: tuple[str, ...] = ("/opt/homechain", "/usr"),
) -> ServicePlan:
    return ServicePlan(
        command=command,
        state_dir=Path(state_dir),
        config=None if config is None else Path(config),
        code_dirs=tuple(Path(place) for place in code_dirs),
    )


def changed(unit: str) -> list[str]:
    kept = TEMPLATE.splitlines()
    return [line for line in unit.splitlines() if line not in kept]


def test_an_ordinary_installation_changes_one_line() -> None:
    unit = render_unit(TEMPLATE, plan())
    assert changed(unit) == [
        "ExecStart=/opt/homechain/bin/homechain hub run --state-dir %S/homechain"
    ]
    assert len(unit.splitlines()) == len(TEMPLATE.splitlines())
    assert state_dir_in(unit) == "/var/lib/homechain"


def test_a_second_home_below_var_lib_stays_with_a_made_up_user() -> None:
    unit = render_unit(TEMPLATE, plan(state_dir="/var/lib/cabin"))
    assert "StateDirectory=cabin\n" in unit
    assert "hub run --state-dir %S/cabin\n" in unit
    assert "DynamicUser=yes\n" in unit
    assert state_dir_in(unit) == "/var/lib/cabin"


def test_a_source_tree_in_a_home_directory_is_mounted_back_in() -> None:
    unit = render_unit(TEMPLATE, plan(code_dirs=("/home/pi/homechain", "/usr")))
    assert "ProtectHome=tmpfs\nBindReadOnlyPaths=/home/pi/homechain\n" in unit
    assert "ProtectHome=yes" not in unit


def test_a_directory_of_ones_own_is_run_by_its_owner(tmp_path: Path) -> None:
    state_dir = tmp_path / "our home"
    state_dir.mkdir()
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(state_dir, owner.pw_uid, -1)
    unit = render_unit(TEMPLATE, plan(state_dir=str(state_dir)))
    assert f"DynamicUser=no\nUser={owner.pw_name}\n" in unit
    assert f'BindPaths="{state_dir}"\n' in unit
    assert f'hub run --state-dir "{state_dir}"\n' in unit
    assert "StateDirectory" not in unit
    assert state_dir_in(unit) == str(state_dir)


def test_a_hub_never_runs_as_root() -> None:
    with pytest.raises(CommandFailed, match="chown"):
        render_unit(TEMPLATE, plan(state_dir="/"))


def test_signs_that_mean_something_to_systemd_are_quoted() -> None:
    unit = render_unit(TEMPLATE, plan(command=("/opt/50% off/$HOME/home", "-m"), config='/etc/a"b'))
    assert (
        'ExecStart="/opt/50%% off/$$HOME/home" -m hub run --state-dir %S/homechain '
        '--config "/etc/a\\"b"\n'
    ) in unit


@pytest.mark.parametrize("path", ["/opt/a\nUser=root", "/opt/\x1b[2J"])
def test_a_path_cannot_smuggle_in_a_setting(path: str) -> None:
    with pytest.raises(CommandFailed, match="control characters"):
        render_unit(TEMPLATE, plan(command=(path,)))
    with pytest.raises(CommandFailed, match="control characters"):
        render_unit(TEMPLATE, plan(code_dirs=(path.replace("/opt", "/home"),)))
