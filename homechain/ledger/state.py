"""The state of a home after a block: an immutable value with a root, and a draft to change it.

May live here: typed views over the entries, the commitment to them, and copying as little as
possible. May not: rules (`admission`, `policy`) or what a record changes (`fold`).
"""

from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TypeVar

from homechain.crypto.state_tree import StateProof, StateTree
from homechain.ledger.counters import UNUSED, CounterWindow
from homechain.ledger.entries import (
    CONFIGURATION_KEY,
    HOME_KEY,
    Device,
    Entry,
    Grant,
    Home,
    Hub,
    Person,
    counter_key,
    decode_entry,
    device_key,
    encode_entry,
    grant_key,
    hub_key,
    person_key,
)
from homechain.model.configuration import Configuration
from homechain.model.errors import FormatError

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Tables:
    """Decoded entries by kind. Those of a finished state are never written to."""

    persons: MutableMapping[str, Person] = field(default_factory=dict)
    hubs: MutableMapping[str, Hub] = field(default_factory=dict)
    devices: MutableMapping[str, Device] = field(default_factory=dict)
    grants: MutableMapping[str, Grant] = field(default_factory=dict)
    counters: MutableMapping[str, CounterWindow] = field(default_factory=dict)
    grants_by_subject: MutableMapping[str, tuple[str, ...]] = field(default_factory=dict)

    def overlaid(self) -> "Tables":
        """Tables that read through to these and keep what is written for themselves."""
        return Tables(
            ChainMap({}, self.persons),
            ChainMap({}, self.hubs),
            ChainMap({}, self.devices),
            ChainMap({}, self.grants),
            ChainMap({}, self.counters),
            ChainMap({}, self.grants_by_subject),
        )

    def settled(self) -> "Tables":
        """Overlaid tables as plain ones; those that nothing was written to are shared."""
        return Tables(
            _settled(self.persons),
            _settled(self.hubs),
            _settled(self.devices),
            _settled(self.grants),
            _settled(self.counters),
            _settled(self.grants_by_subject),
        )


class StateView:
    """What can be asked of a state, finished or in the making. A `policy.PolicyView`."""

    __slots__ = ("_tables", "configuration", "home")

    def __init__(self, *, home: Home, configuration: Configuration, tables: Tables) -> None:
        self.home = home
        self.configuration = configuration
        """The membership that decides the next block."""
        self._tables = tables

    @property
    def home_id(self) -> bytes:
        """32 bytes."""
        return self.home.id

    @property
    def time_zone(self) -> str:
        """Name of the home's time zone."""
        return self.home.time_zone

    def person(self, did: str) -> Person | None:
        """A person, removed ones included."""
        return self._tables.persons.get(did)

    def hub(self, did: str) -> Hub | None:
        """A hub, removed ones included."""
        return self._tables.hubs.get(did)

    def device(self, did: str) -> Device | None:
        """A device, retired ones included."""
        return self._tables.devices.get(did)

    def grant(self, jti: str) -> Grant | None:
        """A grant, ended ones included."""
        return self._tables.grants.get(jti)

    def grants_of(self, did: str) -> tuple[Grant, ...]:
        """Every grant that was ever given to a person, oldest first."""
        return tuple(
            self._tables.grants[jti] for jti in self._tables.grants_by_subject.get(did, ())
        )

    def counter(self, did: str) -> CounterWindow:
        """Which counters a signer has used."""
        return self._tables.counters.get(did, UNUSED)

    def persons(self) -> Iterator[Person]:
        """All persons, removed ones included."""
        return iter(self._tables.persons.values())

    def hubs(self) -> Iterator[Hub]:
        """All hubs, removed ones included."""
        return iter(self._tables.hubs.values())

    def devices(self) -> Iterator[Device]:
        """All devices, retired ones included."""
        return iter(self._tables.devices.values())

    def grants(self) -> Iterator[Grant]:
        """All grants, ended ones included."""
        return iter(self._tables.grants.values())


class State(StateView):
    """The state after one block. Never changes; make a `draft` to go on."""

    __slots__ = ("tree",)

    def __init__(
        self, *, home: Home, configuration: Configuration, tables: Tables, tree: StateTree
    ) -> None:
        super().__init__(home=home, configuration=configuration, tables=tables)
        self.tree = tree

    @staticmethod
    def from_entries(entries: Mapping[str, bytes]) -> "State":
        """The state with exactly these stored entries; the caller compares its `root`.

        Raises `FormatError` for an entry that is not what its key promises, or where `home` or
        `configuration` is missing.
        """
        tables = Tables()
        home: Home | None = None
        configuration: Configuration | None = None
        for key in sorted(entries):
            match decode_entry(key, entries[key]):
                case Home() as entry:
                    home = entry
                case Configuration() as entry:
                    configuration = entry
                case Person() as entry:
                    tables.persons[entry.did] = entry
                case Hub() as entry:
                    tables.hubs[entry.did] = entry
                case Device() as entry:
                    tables.devices[entry.did] = entry
                case Grant() as entry:
                    tables.grants[entry.jti] = entry
                case CounterWindow() as entry:
                    tables.counters[key.partition("/")[2]] = entry
        if home is None or configuration is None:
            raise FormatError("state: home or configuration is missing")
        for grant in sorted(tables.grants.values(), key=grant_order):
            given = tables.grants_by_subject.get(grant.subject, ())
            tables.grants_by_subject[grant.subject] = (*given, grant.jti)
        tree = StateTree.empty().updated(entries)
        return State(home=home, configuration=configuration, tables=tables, tree=tree)

    @property
    def root(self) -> bytes:
        """32 bytes that commit to every entry: the header's `state_root`."""
        return self.tree.root

    @property
    def entries(self) -> dict[str, bytes]:
        """Every entry as it is stored, by key."""
        return dict(self.tree.items())

    def prove(self, key: str) -> StateProof:
        """Proof of the value under `key`, or of its absence, against `root`."""
        return self.tree.prove(key)

    def draft(self) -> "Draft":
        """Begin the state of the next block."""
        return Draft(
            home=self.home,
            configuration=self.configuration,
            tables=self._tables.overlaid(),
            tree=self.tree,
        )

    def __repr__(self) -> str:
        return f"State(root={self.root.hex()})"


class Draft(StateView):
    """A state in the making: reads see what was written; `finish` gives the state."""

    __slots__ = ("_tree", "_written")

    def __init__(
        self, *, home: Home, configuration: Configuration, tables: Tables, tree: StateTree
    ) -> None:
        super().__init__(home=home, configuration=configuration, tables=tables)
        self._tree = tree
        self._written: dict[str, Entry] = {}

    @staticmethod
    def first(*, home: Home, configuration: Configuration) -> "Draft":
        """Begin the very first state."""
        draft = Draft(
            home=home,
            configuration=configuration,
            tables=Tables().overlaid(),
            tree=StateTree.empty(),
        )
        draft._written[HOME_KEY] = home
        draft._written[CONFIGURATION_KEY] = configuration
        return draft

    def put_configuration(self, configuration: Configuration) -> None:
        """Set the membership that decides from the next block on."""
        self.configuration = configuration
        self._written[CONFIGURATION_KEY] = configuration

    def put_person(self, person: Person) -> None:
        """Set a person."""
        self._tables.persons[person.did] = person
        self._written[person_key(person.did)] = person

    def put_hub(self, hub: Hub) -> None:
        """Set a hub."""
        self._tables.hubs[hub.did] = hub
        self._written[hub_key(hub.did)] = hub

    def put_device(self, device: Device) -> None:
        """Set a device."""
        self._tables.devices[device.did] = device
        self._written[device_key(device.did)] = device

    def put_grant(self, grant: Grant) -> None:
        """Set a grant."""
        is_new = grant.jti not in self._tables.grants
        self._tables.grants[grant.jti] = grant
        self._written[grant_key(grant.jti)] = grant
        if is_new:
            # The order must not depend on whether the state was folded or loaded from a disk.
            held = sorted((*self.grants_of(grant.subject), grant), key=grant_order)
            self._tables.grants_by_subject[grant.subject] = tuple(each.jti for each in held)

    def put_counter(self, did: str, window: CounterWindow) -> None:
        """Set a signer's used counters."""
        self._tables.counters[did] = window
        self._written[counter_key(did)] = window

    def finish(self) -> tuple[State, dict[str, bytes | None]]:
        """The finished state, and what it changed: key to new bytes (None: removed)."""
        changes: dict[str, bytes | None] = {
            key: encode_entry(entry) for key, entry in self._written.items()
        }
        state = State(
            home=self.home,
            configuration=self.configuration,
            tables=self._tables.settled(),
            tree=self._tree.updated(changes),
        )
        return state, changes


def grant_order(grant: Grant) -> tuple[int, str]:
    """Oldest first; ids decide among grants of one block."""
    return grant.given_ms, grant.jti


def _settled(table: MutableMapping[str, _Value]) -> MutableMapping[str, _Value]:
    assert isinstance(table, ChainMap), "only overlaid tables are settled"
    written, base = table.maps
    return {**base, **written} if written else base
