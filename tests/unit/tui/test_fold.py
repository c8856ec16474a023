from msgspec.structs import replace

from homechain.api.client.live import LiveLost
from homechain.api.schema.commands import CommandLife, DecisionView
from homechain.api.schema.devices import PropertyView
from homechain.api.schema.live import (
    LiveBlock,
    LiveCommand,
    LiveHello,
    LiveHome,
    LiveKeepAlive,
    LiveMesh,
    LiveProperty,
    LiveRequests,
    LiveResync,
)
from homechain.api.schema.records import Receipt, ReceiptStatus, RecordView
from homechain.model.ids import digest_text
from homechain_tui.fold import (
    ACTS,
    FEED_ENTRIES,
    fold,
    must_read_again,
    with_receipt,
    with_refusal,
    with_snapshot,
    with_trouble,
    with_wish,
)
from homechain_tui.state import Act, ActEntry, HappeningEntry, HomeState, RecordEntry, Snapshot
from tests.fakes.dashboard_home import NOON_MS, DashboardHome
from tests.fakes.dashboard_morning import lived_in_home
from tests.fakes.dashboard_views import home_view, mesh_view, request_list


def snapshot_of(home: DashboardHome) -> Snapshot:
    return Snapshot(
        home=home_view(home, home.anna),
        devices=list(home.devices.values()),
        persons=list(home.persons.values()),
        grants=list(home.grants.values()),
        mesh=mesh_view(home),
        requests=request_list(home),
        records=list(reversed(home.chain.views)),
    )


def known(home: DashboardHome) -> HomeState:
    return with_snapshot(HomeState(), snapshot_of(home))


def named(number: int) -> str:
    return digest_text(number.to_bytes(32, "big"))


def event(home: DashboardHome, number: int, *readings: tuple[str, object]) -> LiveBlock:
    record = RecordView(
        id=named(number),
        kind="event",
        signer=home.front,
        signer_name="Front door",
        height=100 + number,
        index=100 + number,
        time_ms=NOON_MS + number,
        payload={
            "readings": [
                {"at": NOON_MS + number, "name": name, "value": value} for name, value in readings
            ]
        },
    )
    return LiveBlock(height=100 + number, hash=named(0), time_ms=NOON_MS, records=[record])


def wish(home: DashboardHome, number: int = 1) -> Act:
    return Act(
        id=named(number),
        device=home.front,
        person=home.anna,
        action="unlock",
        at_ms=NOON_MS,
        life=CommandLife.REQUESTED,
    )


def test_a_snapshot_is_everything() -> None:
    home = lived_in_home()
    state = known(home)
    assert state.person_name(home.maria) == "Maria"
    assert state.device_name(home.front) == "Front door"
    assert state.person_name("did:key:z6Mknobody") == "somebody unknown"
    assert state.device_name("did:key:z6Mknothing") == "an unknown device"
    assert state.height == home.chain.height
    assert state.zone == "Europe/Berlin"
    lives = [act.life for act in state.acts_on(home.front)]
    assert lives == [CommandLife.DONE]


def test_the_same_records_twice_change_nothing() -> None:
    home = lived_in_home()
    once = known(home)
    twice = with_snapshot(once, snapshot_of(home))
    assert twice.feed == once.feed
    assert twice.acts == once.acts


def test_the_feed_is_newest_first_however_it_arrives() -> None:
    home = lived_in_home()
    state = known(home)
    for number in (3, 1, 2):
        state = fold(state, event(home, number, ("bolt", "unlocked")), now_ms=NOON_MS)
    times = [entry.at_ms for entry in state.feed]
    assert times == sorted(times, reverse=True)


def test_feed_and_acts_are_bounded() -> None:
    home = lived_in_home()
    state = known(home)
    for number in range(FEED_ENTRIES + 5):
        state = fold(state, event(home, number, ("bolt", f"state {number}")), now_ms=NOON_MS)
    assert len(state.feed) == FEED_ENTRIES
    for number in range(ACTS + 5):
        state = with_wish(state, wish(home, number))
    assert len(state.acts) == ACTS


def test_what_a_device_is_comes_only_from_its_own_records() -> None:
    home = lived_in_home()
    state = with_wish(known(home), wish(home))
    allowed = Receipt(
        id=named(1),
        status=ReceiptStatus.FINAL,
        decision=DecisionView(allowed=True, code="role", reason="may"),
    )
    state = with_receipt(state, allowed)
    assert state.acts[named(1)].life is CommandLife.FINAL
    assert state.devices[home.front].properties["bolt"].value == "locked"


def test_a_property_is_replaced_by_a_newer_one_only() -> None:
    home = lived_in_home()
    state = known(home)

    def bolt(value: str, height: int) -> LiveProperty:
        view = PropertyView(name="bolt", value=value, at_ms=NOON_MS, height=height)
        return LiveProperty(device=home.front, property=view)

    state = fold(state, bolt("unlocked", 200), now_ms=NOON_MS)
    state = fold(state, bolt("locked", 150), now_ms=NOON_MS)
    assert state.devices[home.front].properties["bolt"].value == "unlocked"
    assert state.devices[home.front].last_seen_ms == NOON_MS
    # Lists that were on their way meanwhile do not bring the older value back.
    state = with_snapshot(state, snapshot_of(home))
    assert state.devices[home.front].properties["bolt"].value == "unlocked"
    strange = replace(bolt("locked", 300), device="did:key:z6Mknothing")
    assert fold(state, strange, now_ms=NOON_MS).devices == state.devices


def test_a_commands_life_never_goes_backwards() -> None:
    home = lived_in_home()
    state = known(home)
    command = next(iter(home.commands.values()))
    assert command.life is CommandLife.DONE
    late = LiveCommand(command=replace(command, life=CommandLife.DELIVERED))
    assert fold(state, late, now_ms=NOON_MS).acts[command.id].life is CommandLife.DONE


def test_a_wish_without_an_answer_says_so_unless_the_feed_knows_more() -> None:
    home = lived_in_home()
    state = with_wish(known(home), wish(home))
    told = with_trouble(state, act_id=named(1), sentence="No hub answers.")
    assert told.acts[named(1)].trouble == "No hub answers."
    assert not told.acts[named(1)].open
    receipt = Receipt(
        id=named(1),
        status=ReceiptStatus.FINAL,
        decision=DecisionView(allowed=False, code="no_grant", reason="no"),
    )
    denied = with_receipt(state, receipt)
    assert with_trouble(denied, act_id=named(1), sentence="late") == denied
    assert denied.acts[named(1)].life is CommandLife.DENIED
    assert with_receipt(state, replace(receipt, id=named(9))) == state


def test_what_nobody_commanded_is_in_the_feed() -> None:
    home = lived_in_home()
    state = fold(known(home), event(home, 1, ("bolt", "unlocked")), now_ms=NOON_MS)
    assert isinstance(state.feed[0], HappeningEntry)
    assert (state.feed[0].name, state.feed[0].value) == ("bolt", "unlocked")


def test_a_report_of_everything_is_no_news_unless_something_changed() -> None:
    home = lived_in_home()
    state = known(home)
    same = (("bolt", "locked"), ("door", "closed"), ("battery", 87), ("auto_relock_s", 30))
    assert fold(state, event(home, 1, *same), now_ms=NOON_MS).feed == state.feed
    changed = (("bolt", "unlocked"), *same[1:])
    after = fold(state, event(home, 2, *changed), now_ms=NOON_MS)
    assert len(after.feed) == len(state.feed) + 1


def test_a_latch_that_springs_back_is_nobodys_hand() -> None:
    home = lived_in_home()
    state = fold(known(home), event(home, 1, ("bolt", "unlatched")), now_ms=NOON_MS)
    after = fold(state, event(home, 2, ("bolt", "unlocked")), now_ms=NOON_MS)
    assert after.feed == state.feed


def test_warmth_and_batteries_do_not_fill_the_feed() -> None:
    home = lived_in_home()
    state = known(home)
    quiet = event(home, 1, ("temperature", 20.5), ("motion", False))
    assert fold(state, quiet, now_ms=NOON_MS).feed == state.feed


def test_grants_and_people_are_in_the_feed_as_records() -> None:
    state = known(lived_in_home())
    kinds = {entry.record.kind for entry in state.feed if isinstance(entry, RecordEntry)}
    assert kinds == {"hub", "grant"}
    assert any(isinstance(entry, ActEntry) for entry in state.feed)


def test_an_outcome_of_an_unknown_command_is_passed_over() -> None:
    home = lived_in_home()
    state = known(home)
    outcome = next(view for view in home.chain.views if view.kind == "outcome")
    lost = replace(outcome, payload={**outcome.payload, "command": named(7)})
    block = LiveBlock(height=200, hash=named(0), time_ms=NOON_MS, records=[lost])
    assert fold(state, block, now_ms=NOON_MS).acts == state.acts


def test_a_lost_feed_is_not_live_and_remembers_when_it_was() -> None:
    home = lived_in_home()
    state = fold(known(home), LiveKeepAlive(height=99, clock_ms=0), now_ms=NOON_MS)
    assert state.connection.live
    lost = fold(state, LiveLost(reason="gone", attempts=3), now_ms=NOON_MS + 5)
    assert (lost.connection.live, lost.connection.attempts) == (False, 3)
    assert lost.connection.heard_ms == NOON_MS
    assert lost.height == 99
    hello = LiveHello(hub=home.hubs[1], height=120, clock_ms=0)
    assert fold(lost, hello, now_ms=NOON_MS + 9).connection.live


def test_a_refusal_is_not_a_lost_connection() -> None:
    connection = with_refusal(HomeState(), "Not let in.").connection
    assert connection.refused
    assert not connection.live


def test_lists_and_views_of_the_feed_replace_what_was_known() -> None:
    home = lived_in_home()
    state = known(home)
    mesh = replace(mesh_view(home), term=9)
    assert fold(state, LiveMesh(mesh=mesh), now_ms=0).mesh == mesh
    requests = request_list(home)
    assert fold(state, LiveRequests(requests=requests), now_ms=0).requests == requests
    renamed = replace(home_view(home, home.anna), name="Elm Street")
    assert fold(state, LiveHome(home=renamed), now_ms=0).home == renamed


def test_what_has_to_be_read_again_depends_on_the_item() -> None:
    home = lived_in_home()
    assert must_read_again(LiveHello(hub=home.hubs[0], height=1, clock_ms=0)) == "all"
    assert must_read_again(LiveResync(height=1)) == "all"
    assert must_read_again(LiveHome(home=home_view(home, home.anna))) == "lists"
    assert must_read_again(LiveKeepAlive(height=1, clock_ms=0)) == ""
