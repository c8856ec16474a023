"""Simulated locks, cameras and thermostats: the reference devices in a world that is made up.

They speak to hubs over HTTP as a bought device would; only the bolt, the room and the view are
not real. `run_simulator` is the way in.
"""

from homechain_devices.simulators.bodies import Poke
from homechain_devices.simulators.run import SimulatorOptions, run_simulator

__all__ = ["Poke", "SimulatorOptions", "run_simulator"]
