"""`Device`: describe a thing, say what its actions do, report what it measures, run.

lock = Device(describe(title="Front door"), state_dir=Path("state"), on_event=print)


@lock.action("unlock")
async def unlock(arguments): ...


lock.report("bolt", "locked")
await lock.run()
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NoReturn

from msgspec import UNSET
from msgspec.structs import replace

from homechain.api.client.transport import ClientTimeouts
from homechain.model.records import Affordance, Thing
from homechain_devices.sdk.acting import Act, Handler
from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.discovery import find_hubs
from homechain_devices.sdk.errors import BadDescription
from homechain_devices.sdk.events import DeviceEvent, ReadingsDropped
from homechain_devices.sdk.limits import DeviceLimits
from homechain_devices.sdk.outbox import DROPPED
from homechain_devices.sdk.readings import Readings, Unsaved
from homechain_devices.sdk.running import Network, Running, Search
from homechain_devices.steps import Value


class Device:
    """One device of one home, from first contact to each outcome."""

    def __init__(
        self,
        thing: Thing,
        *,
        state_dir: Path,
        hubs: Sequence[str] = (),
        on_event: Callable[[DeviceEvent], None] = lambda event: None,
        clock: DeviceClock | None = None,
        limits: DeviceLimits | None = None,
        timeouts: ClientTimeouts | None = None,
        search: Search | None = None,
    ) -> None:
        """A device that keeps its key and all that it must remember in `state_dir` (0700).

        `hubs` are `host:port` addresses to ask; without any, hubs are found by mDNS. `on_event`
        hears, without blocking, of digits to show, hubs lost and commands done. `clock` is for a
        box without a clock of its own (or a test's).
        """
        self._thing = _with_gaps(thing)
        self._state_dir = state_dir
        self._notify = on_event
        self.clock = clock or DeviceClock()
        """What time the device believes it is."""
        self._limits = limits or DeviceLimits()
        self._network = Network(
            fixed_addresses=list(hubs),
            timeouts=timeouts or ClientTimeouts(),
            search=search or (lambda: find_hubs(search_ms=self._limits.discovery_ms)),
        )
        self._readings = Readings(self._thing)
        self._unsaved = Unsaved(most=self._limits.waiting_readings)
        self._handlers: dict[str, Handler] = {}

    def action(self, name: str, *, optional: Collection[str] = ()) -> Callable[[Act], Act]:
        """Say what an action of the description does: decorates `async def f(arguments)`.

        The arguments are checked against the description before the call: all that it names are
        there, except perhaps the `optional` ones, of the right type and within bounds. What `f`
        returns (an `Outcome`) is signed; what it raises becomes a failed outcome.
        """
        affordance = self._thing.actions.get(name)
        if affordance is None:
            raise BadDescription(f"the description has no action {name!r}")
        declared = {} if affordance.input is UNSET else affordance.input
        if unknown := set(optional) - set(declared):
            raise BadDescription(f"{name} takes no {', '.join(sorted(unknown))}")

        def keep(act: Act) -> Act:
            if name in self._handlers:
                raise BadDescription(f"{name} has a handler already")
            self._handlers[name] = Handler(affordance, act, frozenset(optional))
            return act

        return keep

    def report(self, name: str, value: Value) -> None:
        """Report a property's value, or with True that an event occurred, as of now.

        Returns at once; from then on the kit gets it into the ledger, through crashes of hubs and
        of this program. Raises `BadValue` or `BadDescription` for what the description rules out.
        """
        reading = self._readings.make(name, value, at_ms=self.clock.now_ms())
        if dropped := self._unsaved.add(reading):
            self._notify(ReadingsDropped(count=dropped))

    async def run(self) -> NoReturn:
        """Be a device until cancelled: get taken in if need be, then report and obey.

        Raises `BadDescription` where an action has no handler, `NotTakenIn` when the home turns
        the device away or retires it, `StateDamaged`, `KeyFileError`, or `OSError` of the disk.
        """
        if missing := self._thing.actions.keys() - self._handlers.keys():
            raise BadDescription(f"no handler for {', '.join(sorted(missing))}")
        running = Running(
            thing=self._thing,
            handlers=self._handlers,
            readings=self._readings,
            unsaved=self._unsaved,
            network=self._network,
            clock=self.clock,
            limits=self._limits,
            notify=self._notify,
        )
        try:
            await running.run(self._state_dir)
        except BaseExceptionGroup as group:
            raise _single(group) from group


def _with_gaps(thing: Thing) -> Thing:
    """The description with the one event that the kit itself reports."""
    if DROPPED in thing.events or DROPPED in thing.properties:
        raise BadDescription(f"{DROPPED} is the kit's own event")
    gaps = Affordance(title="Readings dropped", type="integer", minimum=1)
    return replace(thing, events={**thing.events, DROPPED: gaps})


def _single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error in nested groups, so that callers catch it by its name; else the group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
