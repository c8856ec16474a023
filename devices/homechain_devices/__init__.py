"""Devices of a home: the kit to build one, three reference devices, and simulators of them.

A device knows a hub only as something that answers HTTP: this package imports the hub's client,
wire types and pure packages, never the hub itself.
"""
