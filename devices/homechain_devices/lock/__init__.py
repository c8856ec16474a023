"""The reference lock: bolt, latch, door contact, battery, auto-relock."""
