"""Notices devices that are lost and come back: an alarm, and outputs nobody can vouch for."""

from __future__ import annotations

from collections.abc import Sequence

from banksman.control.act import Act
from banksman.control.ports import AlarmSignal
from banksman.wire.messages import Priority
from banksman_drivers.ports import Driver


class DeviceWatch:
    """Call `look` on every tick."""

    def __init__(self, drivers: Sequence[Driver], act: Act, alarms: AlarmSignal) -> None:
        self._drivers = drivers
        self._act = act
        self._alarms = alarms
        self._states = {driver.id: "starting" for driver in drivers}

    def look(self) -> None:
        """Raise and clear the alarms of devices whose state changed."""
        for driver in self._drivers:
            health = driver.health()
            before = self._states[driver.id]
            if health.state == before:
                continue
            self._states[driver.id] = health.state
            if health.state == "lost":
                self._act.lost(driver.id)
                self._alarms.raise_alarm(
                    f"device.{driver.id}", health.message, Priority.IMPORTANT, driver.id
                )
            elif health.state == "connected":
                self._act.connected(driver.id)
                self._alarms.clear_alarm(f"device.{driver.id}")
