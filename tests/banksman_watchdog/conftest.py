"""Shared parts of the watchdog's tests: a clock that moves when told, and a notify socket."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


class HandClock:
    """Monotonic time that moves when told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def mono_ns(self) -> int:
        return self.now_ns

    def advance_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def ticks() -> HandClock:
    return HandClock()


@pytest.fixture
def service_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A real datagram socket that hears what systemd would hear."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield heard


@pytest.fixture(scope="module")
def ticks_of() -> type[HandClock]:
    """The clock's class, for laws that need a new one for each example."""
    return HandClock
