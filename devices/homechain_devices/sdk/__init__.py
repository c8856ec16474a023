"""The kit to build a device on. `docs/devices.md` is the one page to read.

May live here: what every device needs to register, report, obey and refuse. May not: knowledge of
any one kind of device.
"""

from homechain_devices.sdk.clock import DeviceClock
from homechain_devices.sdk.device import Device
from homechain_devices.sdk.errors import (
    BadDescription,
    BadValue,
    DeviceError,
    NotTakenIn,
    StateDamaged,
    WrongHome,
)
from homechain_devices.sdk.events import DeviceEvent
from homechain_devices.sdk.limits import DeviceLimits
from homechain_devices.sdk.outcome import Outcome
from homechain_devices.steps import Change, Value

__all__ = [
    "BadDescription",
    "BadValue",
    "Change",
    "Device",
    "DeviceClock",
    "DeviceError",
    "DeviceEvent",
    "DeviceLimits",
    "NotTakenIn",
    "Outcome",
    "StateDamaged",
    "Value",
    "WrongHome",
]
