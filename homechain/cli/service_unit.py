"""The text of the hub's systemd unit for this machine: the packaged unit with a few lines replaced.

The unit in `systemd/` is complete and is what tests audit. Here only what differs from machine to
machine goes in: where homechain is installed, and where the hub's data is, when that is unusual.
"""

import pwd
from dataclasses import dataclass
from pathlib import Path

from homechain.cli import CommandFailed

UNIT_NAME = "homechain-hub.service"
STATE_PARENT = Path("/var/lib")
# ProtectHome= hides these; what the hub needs of them is mounted back in.
HIDDEN_BY_PROTECT_HOME = (Path("/home"), Path("/root"), Path("/run/user"))


@dataclass(frozen=True, kw_only=True)
class ServicePlan:
    """What `service install` was asked for. Paths are absolute."""

    command: tuple[str, ...]
    """What starts homechain, before `hub run`."""
    state_dir: Path
    config: Path | None
    code_dirs: tuple[Path, ...]
    """Directories that the command is read from."""


def render_unit(template: str, plan: ServicePlan) -> str:
    """The unit for this machine. Raises CommandFailed if nobody could run the hub there."""
    replaced = {"ExecStart": [f"ExecStart={_command_line(plan)}"]}
    name = _below_state_parent(plan.state_dir)
    if name is not None:
        replaced["StateDirectory"] = [f"StateDirectory={name}"]
    else:
        # systemd hands only /var/lib to a made-up user; elsewhere the directory's owner runs it.
        replaced["DynamicUser"] = ["DynamicUser=no", f"User={_owner_of(plan.state_dir)}"]
        replaced["StateDirectory"] = [f"BindPaths={_path_setting(plan.state_dir)}"]
        replaced["StateDirectoryMode"] = []
    read_only = [*plan.code_dirs, *([] if plan.config is None else [plan.config])]
    hidden = [path for path in read_only if _is_hidden(path)]
    if hidden or _is_hidden(plan.state_dir):
        replaced["ProtectHome"] = ["ProtectHome=tmpfs"]
        replaced["ProtectHome"] += [f"BindReadOnlyPaths={_path_setting(path)}" for path in hidden]
    lines: list[str] = []
    for line in template.splitlines():
        key = line.partition("=")[0]
        lines.extend(replaced.get(key, [line]))
    return "\n".join(lines) + "\n"


def state_dir_in(unit: str) -> str:
    """The state directory that an installed unit uses, as a person would type it."""
    settings = dict(line.partition("=")[::2] for line in unit.splitlines() if "=" in line)
    if "BindPaths" in settings:
        return _unquoted(settings["BindPaths"])
    return str(STATE_PARENT / settings.get("StateDirectory", "homechain"))


def _command_line(plan: ServicePlan) -> str:
    name = _below_state_parent(plan.state_dir)
    words = [_word(word) for word in (*plan.command, "hub", "run", "--state-dir")]
    words.append(_word(str(plan.state_dir)) if name is None else f"%S/{name}")
    if plan.config is not None:
        words += ["--config", _word(str(plan.config))]
    return " ".join(words)


def _below_state_parent(state_dir: Path) -> str | None:
    """The name of a directory directly below /var/lib that needs no quoting, else None."""
    name = state_dir.name
    plain = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    return name if state_dir.parent == STATE_PARENT and plain else None


def _owner_of(state_dir: Path) -> str:
    owner = state_dir.stat().st_uid
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = ""
    if owner == 0 or not name:
        raise CommandFailed(
            f"A hub does not run as root, and {state_dir} belongs to {name or f'user {owner}'}. "
            f"Give it to the user that shall run the hub: sudo chown -R USER {state_dir}. "
            f"Or keep the hub below {STATE_PARENT}."
        )
    return name


def _is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(hidden) for hidden in HIDDEN_BY_PROTECT_HOME)


def _word(word: str) -> str:
    """One word of ExecStart; `%` and `$` are systemd's, quotes keep spaces: systemd.service(5)."""
    if any(not character.isprintable() for character in word):
        raise CommandFailed(f"systemd cannot run a path with control characters: {word!r}.")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if escaped != word or not word or " " in word or "'" in word else word


def _path_setting(path: Path) -> str:
    """One path of a mount setting; `$` is plain here, `:` would separate: systemd.exec(5)."""
    word = str(path)
    if any(not character.isprintable() for character in word) or ":" in word:
        raise CommandFailed(
            f"systemd cannot mount a path with colons or control characters: {word!r}."
        )
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if escaped != word or " " in word or "'" in word else word


def _unquoted(setting: str) -> str:
    if not setting.startswith('"'):
        return setting
    return setting[1:-1].replace("%%", "%").replace('\\"', '"').replace("\\\\", "\\")
