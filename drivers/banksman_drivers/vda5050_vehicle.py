"""What is known of one vehicle: messages and the time in, readings out. Pure.

Rules of this file
- Only a fresh state counts: stale, offline or unheard means unknown, and unknown is BAD.
- A message that is broken, another vehicle's, retained or older than the newest is counted in
  `ignored` and changes nothing.
- Order of messages: a header id or a timestamp must have grown. A vehicle that restarted counts
  from 0 again but its clock goes on; one whose clock fell back says ONLINE again or has been
  stale, and both forget the old count.
"""

from __future__ import annotations

import math

from banksman_drivers.ports import Quality, Reading
from banksman_drivers.vda5050_messages import (
    Connection,
    State,
    read_connection,
    read_state,
    stamp_ns,
)
from banksman_drivers.vda5050_order import BadMessage, OrderPlan
from banksman_drivers.vda5050_points import VEHICLE_POINTS

BEFORE_FIRST_NODE = -1.0
BROKEN_MAX = 200  # characters of what was wrong
ESTOP_KINDS = {"NONE": 0.0, "AUTOACK": 1.0, "MANUAL": 2.0, "REMOTE": 3.0}


class Vehicle:
    """The newest state of one vehicle and how far it may be trusted."""

    def __init__(
        self,
        device: str,
        manufacturer: str,
        serial_number: str,
        stale_ns: int,
        plan: OrderPlan | None,
    ) -> None:
        self.state: State | None = None
        self.online: bool | None = None
        self.taken = 0
        self.broken = ""  # what was wrong with the newest message, if it was malformed
        self.ignored = {"malformed": 0, "foreign": 0, "old": 0, "retained": 0}
        self._who = (manufacturer, serial_number)
        self._stale_ns = stale_ns
        self._plan = plan
        self._heard_ns: int | None = None
        self._newest: tuple[int, int] | None = None  # header id, timestamp in ns
        self._sensors = tuple(
            (point.name, f"{device}.{point.name}", point.unit) for point in VEHICLE_POINTS
        )

    def take_state(self, payload: bytes, retained: bool, mono_ns: int) -> State | None:
        """Take a ``state`` message; None when it was ignored."""
        if retained:  # as old as anything; the standard does not retain states
            self.ignored["retained"] += 1
            return None
        try:
            state = read_state(payload)
            sent_ns = stamp_ns(state.timestamp)
        except BadMessage as error:
            self._refuse(error)
            return None
        if not self._ours(state):
            return None
        newest = self._newest if self.fresh(mono_ns) else None
        if newest is not None and state.header_id <= newest[0] and sent_ns <= newest[1]:
            self.ignored["old"] += 1
            return None
        self._newest = (state.header_id, sent_ns)
        self._heard_ns = mono_ns
        self.state = state
        self.broken = ""
        self.taken += 1
        return state

    def take_connection(self, payload: bytes) -> bool:
        """Take a ``connection`` message; whether it changed what is known."""
        try:
            connection = read_connection(payload)
        except BadMessage as error:
            self._refuse(error)
            return False
        if not self._ours(connection):
            return False
        was, self.online = self.online, connection.connection_state == "ONLINE"
        self._newest = None
        if not self.online:
            self._heard_ns = None
        return self.online is not was

    def forget(self) -> None:
        """Know nothing, as at the start: nobody has listened for a while."""
        self.state = self.online = self._heard_ns = self._newest = None

    def fresh(self, mono_ns: int) -> bool:
        """Whether a state came within the stale limit."""
        return self._heard_ns is not None and mono_ns - self._heard_ns <= self._stale_ns

    def connected(self, mono_ns: int) -> bool:
        """Whether what it told last may be taken for true now."""
        return self.online is not False and self.fresh(mono_ns)

    def released_nodes(self) -> int:
        """How many nodes of our order are its base, as the vehicle itself tells."""
        state, plan = self.state, self._plan
        if state is None or plan is None or state.order_id != plan.order_id:
            return 0
        waiting = (node.sequence_id for node in state.node_states if node.released)
        passed = state.last_node_sequence_id if state.last_node_id else -2
        return max(passed, *waiting, -2) // 2 + 1

    def readings(self, mono_ns: int, link_up: bool) -> list[Reading]:
        """One reading of every sensor, from the newest state, as of now."""
        fresh = self.fresh(mono_ns)
        connected = link_up and self.connected(mono_ns)
        known: dict[str, float | None] = {}
        if connected and self.state is not None:
            known = self._values(self.state)
        known["connected"] = float(connected)
        known["stale"] = float(not fresh)
        batch = []
        for name, sensor, unit in self._sensors:
            value = known.get(name)
            if value is None or not math.isfinite(value):
                batch.append(Reading(sensor, math.nan, unit, Quality.BAD, mono_ns))
            else:
                batch.append(Reading(sensor, value, unit, Quality.GOOD, mono_ns))
        return batch

    def _values(self, state: State) -> dict[str, float | None]:
        position, velocity = state.agv_position, state.velocity
        if position is not None and not position.position_initialized:
            position = None
        charge = state.battery_state.battery_charge
        return {
            "driving": float(state.driving),
            "paused": None if state.paused is None else float(state.paused),
            "estop": float(state.safety_state.e_stop != "NONE"),
            "battery": charge if 0.0 <= charge <= 100.0 else None,
            "speed": None if velocity is None else math.hypot(velocity.vx, velocity.vy),
            "x": None if position is None else position.x,
            "y": None if position is None else position.y,
            "errors": float(len(state.errors)),
            "node": self._node(state),
            "estop_kind": ESTOP_KINDS.get(state.safety_state.e_stop),
            "field_violation": float(state.safety_state.field_violation),
            "fatal_errors": float(sum(error.error_level == "FATAL" for error in state.errors)),
            "automatic": float(state.operating_mode == "AUTOMATIC"),
            "charging": float(state.battery_state.charging),
            "loads": None if state.loads is None else float(len(state.loads)),
            "base_request": (
                None if state.new_base_request is None else float(state.new_base_request)
            ),
        }

    def _node(self, state: State) -> float | None:
        if self._plan is None:
            return None
        if not state.last_node_id:
            return BEFORE_FIRST_NODE
        # A node may be passed twice in an order: the sequence number tells which time.
        index = state.last_node_sequence_id // 2
        nodes = self._plan.nodes
        if 0 <= index < len(nodes) and nodes[index].id == state.last_node_id:
            return float(index)
        return None

    def _refuse(self, error: BadMessage) -> None:
        self.ignored["malformed"] += 1
        self.broken = str(error)[:BROKEN_MAX]

    def _ours(self, message: State | Connection) -> bool:
        if (message.manufacturer, message.serial_number) == self._who:
            return True
        self.ignored["foreign"] += 1
        return False
