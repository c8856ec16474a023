"""The reference thermostat: mode, setpoint, hold."""
