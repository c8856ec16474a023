"""Work that goes on while the screen stays alive."""

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode


def in_background(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, object]], *, replaces: str = ""
) -> None:
    """Run `work` until it ends or `node` goes; it ends whatever runs under the name `replaces`.

    Takes a function: a coroutine that is replaced before it began would warn that it was lost.
    """
    node.run_worker(
        work,  # type: ignore[arg-type]  # Textual's union leaves mypy no type to infer
        group=replaces or "default",
        exclusive=bool(replaces),
    )
