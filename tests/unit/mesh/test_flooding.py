"""What is passed on."""

from homechain.mesh.flooding import SENDERS_COUNT, SeenFilter


def test_news_is_passed_on_once_whoever_brings_it() -> None:
    seen = SeenFilter()
    assert seen.should_relay(b"m", sender="a", now_s=0.0)
    assert not seen.should_relay(b"m", sender="a", now_s=0.0)
    assert not seen.should_relay(b"m", sender="b", now_s=0.0)
    assert seen.repeated == 2


def test_what_this_hub_sent_itself_is_no_news_when_it_comes_back() -> None:
    seen = SeenFilter()
    assert seen.is_news(b"mine")
    assert not seen.should_relay(b"mine", sender="a", now_s=0.0)


def test_the_least_recent_is_forgotten_first() -> None:
    seen = SeenFilter(seen_count=2)
    assert seen.is_news(b"1")
    assert seen.is_news(b"2")
    assert not seen.is_news(b"1")
    assert seen.is_news(b"3")
    assert not seen.is_news(b"1")
    assert seen.is_news(b"2")


def test_who_overdoes_it_is_not_relayed_and_harms_nobody_else() -> None:
    seen = SeenFilter(relays_per_second=1.0, relays_burst=2.0)
    verdicts = [seen.should_relay(bytes([n]), sender="loud", now_s=0.0) for n in range(4)]
    assert verdicts == [True, True, False, False]
    assert seen.over_budget == 2
    assert seen.should_relay(bytes([3]), sender="quiet", now_s=0.0), "another carrier brings it"
    assert seen.should_relay(bytes([2]), sender="loud", now_s=1.0), "and time heals"


def test_invented_senders_take_no_memory() -> None:
    seen = SeenFilter(relays_per_second=1.0, relays_burst=1.0)
    for number in range(1_000):
        seen.should_relay(number.to_bytes(4, "big"), sender=str(number), now_s=0.0)
    assert len(seen._budgets) == SENDERS_COUNT
