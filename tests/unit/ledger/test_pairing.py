import pytest

from homechain.ledger.pairing import check_commitment, commitment_to, pairing_digits
from tests.fakes.home import made_key

HUB = made_key("hub 0").public.did


def digits(**changed: object) -> str:
    parts: dict[str, object] = {
        "home": bytes(32),
        "hub": HUB,
        "description_id": b"\1" * 32,
        "hub_nonce": b"\2" * 32,
        "device_nonce": b"\3" * 32,
    }
    return pairing_digits(**{**parts, **changed})  # type: ignore[arg-type]  # a wrong one is a case


def test_both_sides_see_the_same_six_digits() -> None:
    assert digits() == digits()
    assert len(digits()) == 6
    assert digits().isdigit()


@pytest.mark.parametrize("part", ["home", "description_id", "hub_nonce", "device_nonce"])
def test_every_part_counts(part: str) -> None:
    assert digits(**{part: b"\7" * 32}) != digits()


def test_another_hub_gives_other_digits() -> None:
    assert digits(hub=made_key("hub 1").public.did) != digits()


@pytest.mark.parametrize("part", ["home", "description_id", "hub_nonce", "device_nonce"])
def test_parts_of_another_length_are_refused(part: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        digits(**{part: b"\7" * 31})


def test_a_hub_is_named_in_full() -> None:
    with pytest.raises(ValueError, match="56 characters"):
        digits(hub=HUB[:-1])


def test_a_device_cannot_reveal_another_nonce() -> None:
    commitment = commitment_to(b"\3" * 32)
    assert check_commitment(commitment, device_nonce=b"\3" * 32)
    assert not check_commitment(commitment, device_nonce=b"\4" * 32)
    assert not check_commitment(commitment, device_nonce=b"\3" * 33)
