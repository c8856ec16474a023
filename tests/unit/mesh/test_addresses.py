"""Addresses are hints, and hints of one source do not drown those of another."""

import pytest

from homechain.mesh.addresses import Address, AddressBook, AddressSource, parse_address
from homechain.model import limits


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7:8441", Address("192.0.2.7", 8441)),
        ("hub-1.local:1", Address("hub-1.local", 1)),
        ("[2001:db8::1]:65535", Address("2001:db8::1", 65535)),
        ("[fe80::1%eth0]:8441", Address("fe80::1%eth0", 8441)),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host",
        "host:",
        ":1",
        "host:0",
        "host:65536",
        "host:000001",
        "host:+1",
        "host:१",
        "2001:db8::1:80",
        "[192.0.2.7]:80",
        "[nonsense]:80",
        "a b:80",
        "user@host:80",
        "host/path:80",
        "h" * 254 + ":80",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_address(text)


def test_sources_take_turns_and_the_reliable_one_begins() -> None:
    book = AddressBook()
    book.set(["d1:1", "d2:1", "d3:1"], source=AddressSource.DISCOVERY)
    book.set(["s1:1"], source=AddressSource.STATIC)
    book.set(["r1:1", "d1:1"], source=AddressSource.RECORD)
    assert [host for host, _ in book.in_order()] == ["s1", "r1", "d1", "d2", "d3"]


def test_what_worked_last_is_tried_first_while_somebody_still_says_so() -> None:
    book = AddressBook()
    book.set(["d1:1", "d2:1"], source=AddressSource.DISCOVERY)
    book.remember_good(Address("d2", 1))
    assert [host for host, _ in book.in_order()] == ["d2", "d1"]
    book.set(["d1:1"], source=AddressSource.DISCOVERY)
    assert [host for host, _ in book.in_order()] == ["d1"]


def test_a_source_is_bounded_and_its_rubbish_left_out() -> None:
    book = AddressBook()
    many = ["rubbish", *(f"h{number}:1" for number in range(1_000))]
    assert book.set(many, source=AddressSource.DISCOVERY)
    assert len(book.in_order()) == limits.ADDRESSES_PER_HUB
    assert not book.set(many, source=AddressSource.DISCOVERY), "nothing new"
