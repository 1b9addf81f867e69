"""What a verdict does: trip, write, nudge, alert, work order; in this order.

A nudge wants a judgement: where nobody could tell, the safe action is taken without its nudge.

Commands go out when a decision changes, and again only if their write failed. So a reset of the
interlock restarts nothing by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from banksman.control.act import Act
from banksman.control.following import of_alert
from banksman.control.holding import Holding
from banksman.control.interlock import Interlock
from banksman.control.nudge import Nudge
from banksman.control.point import Action, Point
from banksman.control.ports import AlarmSignal
from banksman.control.stream import StreamTable
from banksman.deciding.decision import Verdict
from banksman.wire.messages import WORK_ORDERS, Priority
from banksman_drivers.ports import Value


class Taking:
    """Takes actions. Control thread; ``look_at_devices`` raises the alarms of what is lost."""

    def __init__(
        self,
        streams: StreamTable,
        interlock: Interlock,
        holding: Holding,
        act: Act,
        alarms: AlarmSignal,
        counters: dict[str, int],
        look_at_devices: Callable[[], None],
    ) -> None:
        self._streams = streams
        self._interlock = interlock
        self._holding = holding
        self._act = act
        self._alarms = alarms
        self._counters = counters
        self._look_at_devices = look_at_devices
        self._nudged_ns: dict[str, int] = {}

    def write_failed(self, action: Action) -> bool:
        """Whether a write of ``action`` has to be repeated."""
        needs = self._act.needs
        return any(needs(output, value) for output, value in action.writes)

    def take(
        self,
        point: Point,
        action: Action | None,
        verdict: Verdict,
        decision_id: str,
        arrival_ns: int,
        changed: bool,
    ) -> None:
        """Do what ``action`` says; not ``changed``: only what failed is written again."""
        tells = action is not None and action.alert is not None
        alert_key = f"{point.spec.point.name}.{verdict.action}" if tells else ""
        if changed and point.alert_key and point.alert_key != alert_key:
            self._alarms.clear_alarm(point.alert_key)
            point.alert_key = ""
        if action is None:
            return
        if action.trip is not None and changed:
            self._holding.trip(action.trip, verdict.reason, arrival_ns)
        for output, value in action.writes:
            if not changed and not self._act.needs(output, value):
                continue  # only what failed is repeated: another may have been tripped and reset
            self._command(output, value, decision_id, arrival_ns)
        if not changed:
            return
        if action.nudge is not None and verdict.source == "safe_default":
            self._counters["nudges_held"] += 1  # a camera that is lost is no reason to turn a press
        elif action.nudge is not None:
            self._nudge(action.nudge, decision_id, arrival_ns)
        if action.alert is not None:
            point.alert_key = alert_key
            text = f"{action.alert.text}: {verdict.reason}"
            self._look_at_devices()  # a loss is told before what follows from it
            follows = of_alert(point, action, verdict, arrival_ns)
            priority = action.alert.priority
            self._alarms.raise_alarm(alert_key, text, priority, decision_id, follows)
        if action.work_order:
            key = f"{WORK_ORDERS}{point.spec.point.name}.{action.name}"
            text = f"{action.work_order}: {verdict.reason}"
            self._alarms.raise_alarm(key, text, Priority.NORMAL, decision_id)

    def _command(self, output: str, value: Value, decision_id: str, arrival_ns: int) -> bool:
        """Send a command if the interlock permits it; whether it does."""
        command = self._act.command(output, value, decision_id, arrival_ns)
        if self._interlock.permit(command):
            self._counters["commands_refused"] += 1
            return False
        self._act.request(command, arrival_ns)
        return True

    def _nudge(self, nudge: Nudge, decision_id: str, arrival_ns: int) -> None:
        """Move a setpoint by one bounded step, from where it is now; unknown: not at all."""
        stream = self._streams.streams[nudge.reads]
        known = not stream.fault(arrival_ns)
        now = stream.value if known else math.nan
        target = nudge.target(now, self._nudged_ns.get(nudge.output), arrival_ns)
        if target is None:
            self._counters["nudges_held"] += 1
        elif self._command(nudge.output, target, decision_id, arrival_ns):
            self._nudged_ns[nudge.output] = arrival_ns
            self._counters["nudges"] += 1
