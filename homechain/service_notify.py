"""Tells systemd how this process is doing (sd_notify): ready, alive, what it does, stopping.

Everything here is safe to call anywhere: without `NOTIFY_SOCKET`, or when systemd does not listen,
the answer is False and nothing happens. Protocol: man sd_notify(3).
"""

import os
import socket


def ready(*, status: str) -> bool:
    """Say that the hub serves; systemd's `start` returns now. False if nobody listens."""
    return _send(f"READY=1\nSTATUS={_one_line(status)}")


def feed_watchdog() -> bool:
    """Say that the hub made progress; call it at least every `watchdog_period_seconds()`."""
    return _send("WATCHDOG=1")


def report_status(status: str) -> bool:
    """Set the one line that `systemctl status` shows."""
    return _send(f"STATUS={_one_line(status)}")


def stopping(*, status: str = "stopping") -> bool:
    """Say that the hub goes down on purpose."""
    return _send(f"STOPPING=1\nSTATUS={_one_line(status)}")


def watchdog_period_seconds() -> float | None:
    """How often to feed the watchdog: half of what the unit allows, None if it has no watchdog."""
    allowed_us = os.environ.get("WATCHDOG_USEC", "")
    meant_for = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not allowed_us.isdecimal() or int(allowed_us) == 0 or meant_for != str(os.getpid()):
        return None
    return int(allowed_us) / 1_000_000 / 2


def _send(message: str) -> bool:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # the abstract namespace, written with @ for its leading NUL
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
            # A full queue must not hold up the hub: the next message says the same.
            notifier.setblocking(False)
            notifier.sendto(message.encode(), address)
    except OSError:
        return False
    return True


def _one_line(status: str) -> str:
    """Keep a status from a hostile name from adding assignments of its own."""
    return "".join(character if character.isprintable() else " " for character in status)
