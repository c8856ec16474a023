import pytest

from homechain.api.client import ClientError, HubUnreachable
from homechain.model.errors import FormatError
from homechain_tui.problems import in_words
from tests.fakes.dashboard_client import problem


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (HubUnreachable("127.0.0.1: refused"), "No hub answers."),
        (problem("not-final-in-time", "Late", "x"), "The hubs could not agree in time."),
        (problem("forbidden", "Not yours", "Ask an\x1b owner."), "Not yours: Ask an owner."),
        (FormatError("exp: too late"), "That cannot be signed: exp: too late"),
        (ClientError("odd"), "The hub's answer cannot be read: odd."),
    ],
)
def test_what_went_wrong_is_a_sentence(error: Exception, words: str) -> None:
    assert in_words(error).startswith(words)
