import msgspec

from homechain.hub.requests import DEVICES_PER_HUB, HUBS_WAITING, NONCE_BYTES, WAIT_MS, Requests
from homechain.ledger.pairing import commitment_to
from homechain.ledger.records import sign_description
from homechain.model.messages import PendingDevice, PendingHub
from homechain.model.records import DeviceDescription, DeviceKind, Thing
from tests.fakes.home import MadeHome, hub_description, made_key


class Clock:
    def __init__(self) -> None:
        self.now_ms = 0

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


HOME = MadeHome()
US, THEM, OTHERS = HOME.hub_keys


def device(name: str, *, hub: str = US, nonce: bytes = b"n") -> PendingDevice:
    key = made_key(name)
    description = DeviceDescription(
        iss=key.public.did,
        home=HOME.id_text,
        hub=hub,
        iat=HOME.now_s,
        commitment=commitment_to(bytes(32)),
        thing=Thing(title=name, at_type=DeviceKind.LOCK, properties={}, actions={}),
    )
    return PendingDevice(sign_description(description, key).raw, nonce, nonce, hub, 0)


def hub(name: str, *, via: str = US) -> PendingHub:
    description = msgspec.json.encode(hub_description(made_key(name), name=name))
    return PendingHub(description, via, 0)


def waiting() -> tuple[Requests, Clock]:
    clock = Clock()
    return Requests(clock=clock, hub=US), clock


def nobody(_: str) -> bool:
    return False


def test_who_waits_is_shown_newest_first_and_forgotten_after_a_while() -> None:
    requests, clock = waiting()
    assert requests.add_device(device("door"))
    assert requests.add_device(device("gate"))
    assert requests.add_device(device("door"))
    assert requests.devices(taken_in=nobody) == [device("door"), device("gate")]
    assert requests.add_hub(hub("cellar"))
    clock.now_ms = WAIT_MS
    assert requests.devices(taken_in=nobody) == []
    assert requests.hubs(taken_in=nobody) == []


def test_who_was_taken_in_waits_no_longer() -> None:
    requests, _ = waiting()
    requests.add_device(device("door"))
    requests.add_hub(hub("cellar"))
    assert requests.devices(taken_in=lambda did: did == made_key("door").public.did) == []
    assert requests.hubs(taken_in=lambda did: did == made_key("cellar").public.did) == []


def test_another_hub_cannot_take_all_the_room() -> None:
    requests, _ = waiting()
    for number in range(DEVICES_PER_HUB):
        assert requests.add_device(device(f"bogus {number}", hub=THEM))
    assert not requests.add_device(device("one more", hub=THEM))
    assert requests.add_device(device("door"))


def test_senseless_requests_are_refused() -> None:
    requests, _ = waiting()
    assert not requests.add_device(PendingDevice(b"rubbish", b"", b"", US, 0))
    assert not requests.add_device(device("door", nonce=bytes(NONCE_BYTES + 1)))
    assert not requests.add_hub(PendingHub(b"{}", US, 0))
    assert not requests.add_hub(PendingHub(b" " * 20_000, US, 0))


def test_a_hub_that_was_paired_here_displaces_one_that_another_hub_tells_of() -> None:
    requests, _ = waiting()
    assert requests.add_hub(hub("first here"))
    for number in range(HUBS_WAITING - 1):
        assert requests.add_hub(hub(f"bogus {number}", via=THEM))
    assert not requests.add_hub(hub("one more", via=THEM))
    assert requests.add_hub(hub("second here"))
    told = requests.hubs(taken_in=nobody)
    assert told[0] == hub("second here")
    assert told[-1] == hub("first here")
    assert len(told) == HUBS_WAITING


def test_a_hub_brings_only_those_that_introduced_themselves_to_it() -> None:
    requests, _ = waiting()
    stolen = msgspec.structs.replace(device("door", hub=OTHERS), hub=THEM)
    forged = msgspec.structs.replace(
        device("gate", hub=THEM),
        description=device("gate", hub=THEM).description[:-8] + b"AAAAAAAA",
    )
    assert not requests.add_device(stolen)
    assert not requests.add_device(forged)


def test_what_was_seen_here_is_not_overwritten_by_another_hub() -> None:
    requests, _ = waiting()
    assert requests.add_device(device("door"))
    assert requests.add_hub(hub("cellar"))
    assert not requests.add_device(device("door", hub=THEM, nonce=b"m"))
    assert not requests.add_hub(hub("cellar", via=THEM))
    assert requests.devices(taken_in=nobody) == [device("door")]
    assert requests.hubs(taken_in=nobody) == [hub("cellar")]
    # A device that changed over to this hub waits here now, and one of others with whom it likes.
    assert requests.add_device(device("gate", hub=THEM))
    assert requests.add_device(device("gate", hub=OTHERS))
    assert requests.add_device(device("gate"))
    assert requests.add_device(device("door", nonce=b"m"))
