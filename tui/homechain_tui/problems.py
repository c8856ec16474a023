"""What went wrong, in a sentence that says what to do."""

from typing import Final

from homechain.api.client import ClientError, HubProblem, HubUnreachable
from homechain.api.schema.problems import ProblemCode
from homechain.model.errors import FormatError
from homechain_tui.plain_text import plain

EXPECTED: Final = (ClientError, FormatError)
"""What a call to the hub may raise; everything else is a bug and is not hidden."""


def in_words(error: Exception) -> str:
    """One sentence, or two, for a resident."""
    if isinstance(error, HubUnreachable):
        return "No hub answers. Check that one is switched on; the dashboard keeps trying."
    if isinstance(error, HubProblem):
        if error.code == ProblemCode.NOT_FINAL_IN_TIME:
            return "The hubs could not agree in time. It may still happen: watch the feed."
        return f"{plain(error.title)}: {plain(error.detail)}"
    if isinstance(error, FormatError):
        return f"That cannot be signed: {plain(error)}"
    return f"The hub's answer cannot be read: {plain(error)}. Is it of another version?"
