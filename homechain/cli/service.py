"""`homechain service install|uninstall|status`: this machine's hub as a service of systemd."""

import argparse
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import homechain
from homechain.cli import DONE, FAILED, UNREACHABLE, CommandFailed
from homechain.cli.output import add_json, emit, say
from homechain.cli.program import installed_command, program, program_with_sudo
from homechain.cli.service_unit import UNIT_NAME, ServicePlan, render_unit, state_dir_in

DEFAULT_STATE_DIR = Path("/var/lib/homechain")
DEFAULT_UNIT_DIR = Path("/etc/systemd/system")
SYSTEMCTL_TIMEOUT_S = 330  # longer than the unit's own TimeoutStartSec


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command found: its exit code, the facts for a script, the sentences for a person."""

    code: int
    facts: dict[str, object]
    sentences: list[str] = field(default_factory=list)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `homechain service`."""
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    told: tuple[tuple[str, str, Callable[[argparse.Namespace], Answer]], ...] = (
        ("install", "run this machine's hub as a service, now and at every start", install),
        ("uninstall", "stop the service and remove it; the hub's data stays", uninstall),
        ("status", "say whether the service runs (exit code 3 if it does not)", status),
    )
    for name, what, perform in told:
        command = commands.add_parser(name, help=what, description=f"{what.capitalize()}.")
        command.add_argument(
            "--unit-dir",
            type=Path,
            default=DEFAULT_UNIT_DIR,
            metavar="DIR",
            help="where systemd looks for units (default: %(default)s)",
        )
        add_json(command)
        command.set_defaults(handler=_answering(perform))
        if name == "install":
            command.add_argument(
                "--state-dir",
                type=Path,
                default=DEFAULT_STATE_DIR,
                metavar="DIR",
                help="where this hub's ledger and key are (default: %(default)s)",
            )
            command.add_argument("--config", type=Path, metavar="FILE", help="the hub's settings")


def install(arguments: argparse.Namespace) -> Answer:
    """Write the unit, enable it and start the hub. Raises CommandFailed with what to do."""
    _need_systemd()
    plan = ServicePlan(
        command=installed_command(),
        state_dir=arguments.state_dir.absolute(),
        config=None if arguments.config is None else arguments.config.absolute(),
        code_dirs=_code_directories(),
    )
    _need_a_hub(plan)
    unit = render_unit(_unit_template().read_text(encoding="utf-8"), plan)
    path = arguments.unit_dir / UNIT_NAME
    try:
        path.write_text(unit, encoding="utf-8")
        path.chmod(0o644)  # whoever asks for the status may read it, whatever root's umask
    except OSError as error:
        raise _refused(path, error, command="install") from error
    _systemctl("daemon-reload")
    _systemctl("enable", UNIT_NAME)
    _run_systemctl("reset-failed", UNIT_NAME)  # earlier failures must not forbid this start
    running = (
        _run_systemctl("restart", UNIT_NAME).returncode == 0
    )  # a running hub takes the new unit
    facts = {"unit": str(path), "state_dir": str(plan.state_dir), "running": running}
    if not running:
        return Answer(
            code=FAILED,
            facts=facts,
            sentences=[
                f"The service is installed ({path}), but the hub did not start.",
                f"See why:     journalctl -u {UNIT_NAME} -n 50",
                f"Then again:  systemctl restart {UNIT_NAME}",
            ],
        )
    return Answer(
        code=DONE,
        facts=facts,
        sentences=[
            "The hub runs as a service and starts with this machine.",
            f"Its data:  {plan.state_dir}",
            f"Its log:   journalctl -u {UNIT_NAME} -f",
        ],
    )


def uninstall(arguments: argparse.Namespace) -> Answer:
    """Stop, disable and remove the unit. The hub's data stays, and the answer says where."""
    _need_systemd()
    path = arguments.unit_dir / UNIT_NAME
    if not path.exists():
        return Answer(code=DONE, facts={"removed": False}, sentences=["No service is installed."])
    state_dir = state_dir_in(path.read_text(encoding="utf-8"))
    _systemctl("disable", "--now", UNIT_NAME)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error, command="uninstall") from error
    _systemctl("daemon-reload")
    return Answer(
        code=DONE,
        facts={"removed": True, "unit": str(path), "state_dir": state_dir},
        sentences=[
            "The service is stopped and removed.",
            f"The ledger and the hub's key are still in {state_dir}.",
            "Before you delete them, let an owner remove this hub from the home.",
        ],
    )


def status(arguments: argparse.Namespace) -> Answer:
    """Say what systemd knows of the hub: 0 if it runs, 3 if it does not."""
    _need_systemd()
    path = arguments.unit_dir / UNIT_NAME
    if not path.exists():
        return Answer(
            code=UNREACHABLE,
            facts={"installed": False, "running": False},
            sentences=[
                f"No service is installed. To have one: {program_with_sudo()} service install"
            ],
        )
    wanted = "ActiveState,SubState,StatusText,MainPID,NRestarts,UnitFileState"
    shown = _systemctl("show", UNIT_NAME, f"--property={wanted}")
    told = dict(line.partition("=")[::2] for line in shown.splitlines())
    running = told.get("ActiveState") == "active"
    state = f"{told.get('ActiveState', 'unknown')} ({told.get('SubState', 'unknown')})"
    says = told.get("StatusText", "")
    enabled = told.get("UnitFileState") == "enabled"
    state_dir = state_dir_in(path.read_text(encoding="utf-8"))
    sentences = [
        f"Hub:                      {state}{f' - {says}' if says else ''}",
        f"Starts with this machine: {'yes' if enabled else 'no'}",
        f"Restarts by systemd:      {told.get('NRestarts', 'unknown')}",
        f"Data:                     {state_dir}",
    ]
    if not running:
        sentences.append(f"See why:                  journalctl -u {UNIT_NAME} -n 50")
    return Answer(
        code=DONE if running else UNREACHABLE,
        facts={
            "installed": True,
            "running": running,
            "state": state,
            "says": says,
            "pid": _number(told.get("MainPID")),
            "restarts": _number(told.get("NRestarts")),
            "enabled": enabled,
            "state_dir": state_dir,
        },
        sentences=sentences,
    )


def _answering(
    perform: Callable[[argparse.Namespace], Answer],
) -> Callable[[argparse.Namespace], int]:
    def handler(arguments: argparse.Namespace) -> int:
        answer = perform(arguments)
        if arguments.json:
            emit(answer.facts)
        else:
            for sentence in answer.sentences:
                say(sentence)
        return answer.code

    return handler


def _need_systemd() -> None:
    without = f"Run the hub without it: {program()} hub run"
    if shutil.which("systemctl") is None:
        raise CommandFailed(f"This machine has no systemd. {without}")
    # It answers "degraded" with exit code 1 on many a healthy machine: only the word counts.
    if _run_systemctl("is-system-running").stdout.strip() in ("offline", "unknown", ""):
        raise CommandFailed(f"This machine was not started by systemd. {without}")


def _need_a_hub(plan: ServicePlan) -> None:
    try:
        empty = not any(plan.state_dir.iterdir())
    except FileNotFoundError:
        empty = True
    except PermissionError as error:
        raise _needs_root("install") from error
    except NotADirectoryError as error:
        raise CommandFailed(f"{plan.state_dir} is not a directory.") from error
    if empty:
        hub = f"sudo {' '.join(plan.command)} hub"
        place = f"--state-dir {plan.state_dir}"
        raise CommandFailed(
            f"There is no hub in {plan.state_dir} yet. "
            f"Found a home with `{hub} init --home-name NAME --owner-name YOU {place}`, "
            f"or enter one with `{hub} join {place}`."
        )
    if plan.config is not None and not plan.config.is_file():
        raise CommandFailed(f"There is no settings file {plan.config}: write it, or omit --config.")


def _code_directories() -> tuple[Path, ...]:
    """The environment, the interpreter beneath it, and the source tree if it runs from one."""
    source = Path(homechain.__file__).resolve().parent.parent
    places = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    if not any(source.is_relative_to(place) for place in places):
        places.add(source)
    outermost = {
        place
        for place in places
        if not any(place.is_relative_to(other) for other in places - {place})
    }
    return tuple(sorted(outermost))


def _unit_template() -> Path:
    in_source = Path(homechain.__file__).resolve().parent.parent / "systemd" / UNIT_NAME
    packaged = Path(sysconfig.get_path("data"), "share", "homechain", "systemd", UNIT_NAME)
    for place in (in_source, packaged):
        if place.is_file():
            return place
    raise CommandFailed(f"{UNIT_NAME} is not where it was installed ({packaged}): install again.")


def _systemctl(*words: str) -> str:
    """What systemctl prints. Raises CommandFailed with its own words if it refuses."""
    done = _run_systemctl(*words)
    if done.returncode != 0:
        why = done.stderr.strip() or f"exit code {done.returncode}"
        raise CommandFailed(f"`systemctl {' '.join(words)}` failed: {why}")
    return done.stdout


def _run_systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemctl", "--no-ask-password", *words]
    try:
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=SYSTEMCTL_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(
            f"`{' '.join(command)}` did not answer within {SYSTEMCTL_TIMEOUT_S} s. "
            f"See why: journalctl -u {UNIT_NAME} -n 50"
        ) from error


def _refused(path: Path, error: OSError, *, command: str) -> CommandFailed:
    if isinstance(error, PermissionError):
        return _needs_root(command)
    return CommandFailed(f"Cannot write {path}: {error.strerror}.")


def _needs_root(command: str) -> CommandFailed:
    return CommandFailed(f"This needs root: {program_with_sudo()} service {command}")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
