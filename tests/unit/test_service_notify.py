import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from homechain import service_notify


@pytest.fixture
def systemd_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listener


def test_systemd_hears_ready_progress_status_and_stopping(systemd_socket: socket.socket) -> None:
    assert service_notify.ready(status="3 of 3 hubs")
    assert service_notify.feed_watchdog()
    assert service_notify.report_status("verified to #12")
    assert service_notify.stopping()
    assert [systemd_socket.recv(4096) for _ in range(4)] == [
        b"READY=1\nSTATUS=3 of 3 hubs",
        b"WATCHDOG=1",
        b"STATUS=verified to #12",
        b"STOPPING=1\nSTATUS=stopping",
    ]


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"homechain-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        assert service_notify.feed_watchdog()
        assert listener.recv(4096) == b"WATCHDOG=1"


def test_a_status_cannot_smuggle_in_another_assignment(systemd_socket: socket.socket) -> None:
    service_notify.report_status("Kitchen\nMAINPID=1\x1b[2J")
    assert systemd_socket.recv(4096) == b"STATUS=Kitchen MAINPID=1 [2J"


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/at/all"])
def test_without_systemd_nothing_happens(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not service_notify.ready(status="up")
    assert not service_notify.stopping()


@pytest.mark.parametrize(
    ("allowed_us", "pid", "period"),
    [
        ("30000000", None, 15.0),
        ("30000000", "this process", 15.0),
        ("30000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_the_unit_asks(
    allowed_us: str | None,
    pid: str | None,
    period: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("WATCHDOG_USEC", allowed_us), ("WATCHDOG_PID", pid)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, str(os.getpid()) if value == "this process" else value)
    assert service_notify.watchdog_period_seconds() == period
