"""Notices devices that are lost, come back or are of no use: alarms, and outputs in doubt.

A lost device is one alarm, whatever it carries; it is critical where a run permit hangs on it. What
is lost with another (following.py) is told under that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from banksman.control.act import Act
from banksman.control.ports import NOTHING, AlarmSignal, Follows
from banksman.wire.messages import Priority
from banksman_drivers.ports import DeviceHealth, Driver


class DeviceWatch:
    """Call `look` on every tick. ``follows``: what the loss of a device may follow from."""

    def __init__(
        self,
        drivers: Sequence[Driver],
        act: Act,
        alarms: AlarmSignal,
        follows: Mapping[str, Follows] = {},
    ) -> None:
        self._drivers = drivers
        self._act = act
        self._alarms = alarms
        self._follows = follows
        self._states = {driver.id: "starting" for driver in drivers}
        self._faults = {driver.id: "" for driver in drivers}

    def look(self) -> None:
        """Raise and clear the alarms of devices whose state or fault changed."""
        for driver in self._drivers:
            health = driver.health()
            self._look_at_fault(health)
            before = self._states[driver.id]
            if health.state == before:
                continue
            self._states[driver.id] = health.state
            if health.state == "lost":
                self._act.lost(driver.id)
                carries = any(output.run_permit for output in driver.outputs())
                priority = Priority.CRITICAL if carries else Priority.IMPORTANT
                follows = self._follows.get(driver.id, NOTHING)
                key = f"device.{driver.id}"
                self._alarms.raise_alarm(key, health.message, priority, driver.id, follows)
            elif health.state == "connected":
                self._act.connected(driver.id)
                self._alarms.clear_alarm(f"device.{driver.id}")

    def _look_at_fault(self, health: DeviceHealth) -> None:
        if health.fault == self._faults[health.id]:
            return
        self._faults[health.id] = health.fault
        key = f"device.{health.id}.fault"
        if health.fault:
            above = self._follows.get(health.id, NOTHING).keys
            follows = Follows((f"device.{health.id}", *above))
            self._alarms.raise_alarm(key, health.fault, Priority.IMPORTANT, health.id, follows)
        else:
            self._alarms.clear_alarm(key)
