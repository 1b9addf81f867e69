"""The alerts that wait to be posted: most urgent first, bounded. Pure.

Rules of this file
- Delivered in order of urgency, and of age within one urgency, so that an alarm's raising comes
  before its clearing.
- When full, the oldest of the least urgent gives way, and is counted by its priority.
"""

from __future__ import annotations

from collections import deque

from banksman.wire.messages import AlarmMessage, Priority


class AlertQueue:
    """At most ``limit`` alerts."""

    def __init__(self, limit: int) -> None:
        self.dropped = dict.fromkeys(Priority, 0)
        self._limit = limit
        self._lanes: dict[Priority, deque[AlarmMessage]] = {one: deque() for one in Priority}

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def put(self, alert: AlarmMessage) -> None:
        """Take an alert; when full, the least urgent that waits gives way, this one included."""
        self._lanes[alert.priority].append(alert)
        if len(self) > self._limit:
            least = max(priority for priority, lane in self._lanes.items() if lane)
            self._lanes[least].popleft()
            self.dropped[least] += 1

    def first(self) -> AlarmMessage | None:
        """The alert to deliver next; it stays until `done`."""
        return next((lane[0] for lane in self._lanes.values() if lane), None)

    def done(self, alert: AlarmMessage) -> None:
        """It was delivered, or never can be. No matter if it has given way meanwhile."""
        lane = self._lanes[alert.priority]
        if lane and lane[0] is alert:
            lane.popleft()
