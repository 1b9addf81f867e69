"""Tells systemd what sd_notify(3) has words for: READY, STATUS, WATCHDOG, STOPPING.

Rules of this file
- Without systemd (no NOTIFY_SOCKET) every call does nothing, so the daemon runs anywhere.
- A message that could not be sent is counted and never raised: a full socket is no reason
  to stop reacting to the plant. systemd notices missing pets by itself.
- It decides nothing: whether to pet is `supervisor`'s to say.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

import sdnotify


def watchdog_timeout_s(environ: Mapping[str, str], pid: int) -> float | None:
    """The WatchdogSec of our unit in seconds, or None when systemd does not watch us.

    As sd_watchdog_enabled(3): WATCHDOG_USEC counts only when WATCHDOG_PID is unset or ours.
    """
    text = environ.get("WATCHDOG_USEC", "")
    meant_for = environ.get("WATCHDOG_PID", "") or str(pid)
    if not text.isdecimal() or int(text) == 0 or meant_for != str(pid):
        return None
    return int(text) / 1e6


class SystemdNotify:
    """The notify socket of the unit we run in. ``failed`` counts messages that were not sent."""

    def __init__(self) -> None:
        """Connect to NOTIFY_SOCKET where there is one; remember WATCHDOG_USEC."""
        self.failed = 0
        self.watchdog_s = watchdog_timeout_s(os.environ, os.getpid())
        self._said = ""
        self._notifier: sdnotify.SystemdNotifier | None = None
        if os.environ.get("NOTIFY_SOCKET"):
            try:
                # debug: errors reach us instead of vanishing, so that they can be counted.
                self._notifier = sdnotify.SystemdNotifier(debug=True)
                self._notifier.socket.setblocking(False)
            except OSError:
                self.failed += 1

    @property
    def connected(self) -> bool:
        """Whether a service manager listens."""
        return self._notifier is not None

    def ready(self, status: str) -> None:
        """READY=1, with the first STATUS."""
        self._said = _one_line(status)
        self._send(f"READY=1\nSTATUS={self._said}")

    def status(self, text: str) -> None:
        """STATUS, when it differs from the last one."""
        line = _one_line(text)
        if line != self._said:
            self._said = line
            self._send(f"STATUS={line}")

    def pet(self) -> None:
        """WATCHDOG=1: the unit's timer starts again."""
        self._send("WATCHDOG=1")

    def stopping(self, status: str) -> None:
        """STOPPING=1, with the last STATUS."""
        self._said = _one_line(status)
        self._send(f"STOPPING=1\nSTATUS={self._said}")

    def close(self) -> None:
        """Close the socket; later messages do nothing."""
        if self._notifier is not None:
            with contextlib.suppress(OSError):
                self._notifier.socket.close()
            self._notifier = None

    def _send(self, message: str) -> None:
        if self._notifier is None:
            return
        try:
            self._notifier.notify(message)
        except OSError:
            self.failed += 1


def _one_line(text: str) -> str:
    """A newline would begin another assignment of the protocol."""
    return " ".join(text.split())
