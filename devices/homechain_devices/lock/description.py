"""The fixed vocabulary of a lock. PIN credentials are not part of it yet."""

from typing import Final

from homechain.model.records import Affordance, DeviceKind, Thing

AUTO_RELOCK_MAX_S: Final = 3_600
BOLT_STATES: Final = ("locked", "unlocked", "unlatched", "jammed")
DOOR_STATES: Final = ("open", "closed")

PROPERTIES: Final = {
    "bolt": Affordance(title="Bolt", type="string", enum=list(BOLT_STATES)),
    "door": Affordance(title="Door", type="string", enum=list(DOOR_STATES)),
    "battery": Affordance(title="Battery", type="integer", unit="%", minimum=0, maximum=100),
    "auto_relock_s": Affordance(
        title="Locks itself after", type="integer", unit="s", minimum=0, maximum=AUTO_RELOCK_MAX_S
    ),
}
"""`auto_relock_s` 0 means that the lock stays as it was left."""

ACTIONS: Final = {
    "lock": Affordance(title="Lock"),
    "unlock": Affordance(title="Unlock"),
    "unlatch": Affordance(title="Open the door"),
    "set_auto_relock": Affordance(
        title="Lock by itself after a while",
        input={"seconds": PROPERTIES["auto_relock_s"]},
    ),
}

EVENTS: Final = {
    "jammed": Affordance(title="The bolt is jammed"),
    "forced": Affordance(title="The door was forced open"),
    "ajar": Affordance(title="The door was left open"),
    "low_battery": Affordance(title="The battery is low"),
}


def describe(
    *, title: str, manufacturer: str = "homechain", model: str = "Reference lock", serial: str = "1"
) -> Thing:
    """The Thing Description of a lock called `title`."""
    return Thing(
        title=title,
        at_type=DeviceKind.LOCK,
        manufacturer=manufacturer,
        model=model,
        serial=serial,
        properties=PROPERTIES,
        actions=ACTIONS,
        events=EVENTS,
    )
