"""The fixed vocabulary of a camera."""

from typing import Final

from homechain.model.records import Affordance, DeviceKind, Thing

PROPERTIES: Final = {
    "motion": Affordance(title="Motion", type="boolean"),
    "privacy": Affordance(title="Privacy mode", type="boolean"),
    "last_still": Affordance(title="Newest still", type="string"),
}
"""`last_still` is the SHA-256 of the JPEG, base64url: the name under which hubs keep it."""

ACTIONS: Final = {
    "still": Affordance(title="Take a picture"),
    "set_privacy": Affordance(title="Privacy mode", input={"on": PROPERTIES["privacy"]}),
}

EVENTS: Final = {
    "motion": Affordance(title="Something moved", type="boolean"),
}
"""Shares its readings with the property: `true` is the occurrence, `false` its end."""


def describe(
    *,
    title: str,
    manufacturer: str = "homechain",
    model: str = "Reference camera",
    serial: str = "1",
) -> Thing:
    """The Thing Description of a camera called `title`."""
    return Thing(
        title=title,
        at_type=DeviceKind.CAMERA,
        manufacturer=manufacturer,
        model=model,
        serial=serial,
        properties=PROPERTIES,
        actions=ACTIONS,
        events=EVENTS,
    )
