"""What a service manager or watchdog owes us, as contracts; the fakes keep them too."""

from __future__ import annotations

from typing import Protocol


class Watchdog(Protocol):
    """Something that restarts us, or the machine, when it is no longer petted."""

    def pet(self) -> None:
        """Say that all is well. Returns at once and never raises: a lost pet is counted."""


class Notify(Watchdog, Protocol):
    """The service manager that started us, if any. No call blocks or raises."""

    def ready(self, status: str) -> None:
        """The self-test has passed and the appliance does its job."""

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; a repeated text is sent once."""

    def stopping(self, status: str) -> None:
        """The appliance is going down on purpose."""
