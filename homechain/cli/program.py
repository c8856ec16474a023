"""How this very program is started again: what printed next steps are made of."""

import shutil
import sys
import sysconfig
from pathlib import Path


def installed_command() -> tuple[str, ...]:
    """What starts homechain for whoever asks, whatever their PATH."""
    script = Path(sysconfig.get_path("scripts"), "homechain")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "homechain")


def program() -> str:
    """What to type: `homechain` where the shell finds this very one, otherwise its path."""
    command = installed_command()
    found = shutil.which("homechain")
    if found is not None and Path(found).resolve() == Path(command[0]).resolve():
        return "homechain"
    return " ".join(command)


def program_with_sudo() -> str:
    """What to type for a step that needs root: sudo has a PATH of its own."""
    return " ".join(("sudo", *installed_command()))
