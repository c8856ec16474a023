"""The fixed vocabulary of a thermostat. The weekly schedule is not part of it yet."""

from typing import Final

from homechain.model.records import Affordance, DeviceKind, Thing

SETPOINT_MIN_C: Final = 5.0
SETPOINT_MAX_C: Final = 30.0
HOLD_MAX_HOURS: Final = 24 * 365
MODES: Final = ("off", "heat", "cool", "auto")
ACTION_STATES: Final = ("heating", "cooling", "idle")
HOLDS: Final = ("none", "until", "for_good")

PROPERTIES: Final = {
    "temperature": Affordance(title="Temperature", type="number", unit="°C"),
    "setpoint": Affordance(
        title="Set to", type="number", unit="°C", minimum=SETPOINT_MIN_C, maximum=SETPOINT_MAX_C
    ),
    "mode": Affordance(title="Mode", type="string", enum=list(MODES)),
    "action": Affordance(title="Doing", type="string", enum=list(ACTION_STATES)),
    "hold": Affordance(title="Hold", type="string", enum=list(HOLDS)),
    "hold_until": Affordance(title="Hold ends", type="integer", unit="s", minimum=0),
}
"""`setpoint` is the one in force. `hold_until` is in seconds since 1970, 0 when no time is set."""

ACTIONS: Final = {
    "set_mode": Affordance(title="Mode", input={"mode": PROPERTIES["mode"]}),
    "set_setpoint": Affordance(title="Set to", input={"setpoint": PROPERTIES["setpoint"]}),
    "set_hold": Affordance(
        title="Hold a temperature",
        input={
            "setpoint": PROPERTIES["setpoint"],
            "until": Affordance(title="Until", type="integer", unit="s", minimum=0),
            "for_hours": Affordance(
                title="For", type="number", unit="h", minimum=0, maximum=HOLD_MAX_HOURS
            ),
            "for_good": Affordance(title="For good", type="boolean"),
        },
    ),
    "resume": Affordance(title="End the hold"),
}
"""`set_hold` takes exactly one of `until` (seconds since 1970), `for_hours` and `for_good`."""

EVENTS: Final[dict[str, Affordance]] = {}


def describe(
    *,
    title: str,
    manufacturer: str = "homechain",
    model: str = "Reference thermostat",
    serial: str = "1",
) -> Thing:
    """The Thing Description of a thermostat called `title`."""
    return Thing(
        title=title,
        at_type=DeviceKind.THERMOSTAT,
        manufacturer=manufacturer,
        model=model,
        serial=serial,
        properties=PROPERTIES,
        actions=ACTIONS,
        events=EVENTS,
    )
