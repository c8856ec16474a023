"""A room that keeps its warmth for a while: one resistance to the weather, one heat capacity.

May live here: physics on given time. May not: clocks, chance, or what a thermostat wants.
"""

from dataclasses import dataclass, replace
from math import cos, exp, pi
from typing import Final

from homechain_devices.thermostat.model import Action

_DAY_S: Final = 86_400
_WARMEST_S: Final = 15 * 3_600
"""The warmest time of a day: three in the afternoon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The outdoor temperature over a day: a cosine around the mean."""

    mean_c: float = 6.0
    swing_c: float = 5.0

    def outdoor_c(self, time_s: float) -> float:
        """Temperature outside, `time_s` seconds after a midnight."""
        return self.mean_c + self.swing_c * cos(2 * pi * (time_s - _WARMEST_S) / _DAY_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One room. Left alone it comes two thirds of the way to the weather in 3.3 hours."""

    temperature_c: float = 16.5
    resistance_k_per_w: float = 0.012
    capacity_j_per_k: float = 1.0e6
    heater_w: float = 3_000
    cooler_w: float = 2_500

    def after(self, seconds: float, *, action: Action, outdoor_c: float) -> "Room":
        """The room after `seconds` with the machines doing `action`.

        Exact for constant weather, so the length of a step does not matter (first-order RC:
        T' = (outside + P·R - T) / RC).
        """
        power_w = {Action.HEATING: self.heater_w, Action.COOLING: -self.cooler_w}.get(action, 0.0)
        end_c = outdoor_c + power_w * self.resistance_k_per_w
        fading = exp(-seconds / (self.resistance_k_per_w * self.capacity_j_per_k))
        return replace(self, temperature_c=end_c + (self.temperature_c - end_c) * fading)
