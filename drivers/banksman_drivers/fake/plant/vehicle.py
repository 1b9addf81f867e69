"""An automated forklift by VDA 5050 2.1: orders and instant actions in, motion and state out.

Pure: no broker, no clock. ``order`` and ``instant_actions`` take decoded messages from anyone
and never raise; what is wrong with them becomes an entry of ``errors`` in the state, as
chapter 6.10 asks. The vehicle drives only inside the released base and waits at its end.

    nodes   n0 ----- n1 ----- n2 - - - n3 - - - n4
            released base, driven      horizon, not driven
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from banksman_drivers.fake.plant.orders import BadOrder, Edge, Message, Node, Order, read_order

SPEED_M_S = 0.8
ACCELERATION_M_S2 = 1.2
STANDING_M_S = 0.005
REACHED_M = 0.02
START_WITHIN_M = 1.0
BATTERY_DRIVE_PER_S = 0.004  # percent
BATTERY_CHARGE_PER_S = 0.05
BATTERY_LOW = 20.0
ACTION_STATES_MAX = 20
ERRORS_MAX = 5


class Vehicle:
    """One forklift. ``changed`` says that its state is worth sending at once."""

    def __init__(self, x_m: float = 0.0, y_m: float = 0.0) -> None:
        self.x_m, self.y_m, self.theta_rad = x_m, y_m, 0.0
        self.speed_m_s = 0.0
        self.battery = 86.0
        self.paused = False
        self.e_stop = "NONE"  # or AUTOACK, MANUAL, REMOTE: how it is reset
        self.order_id = ""
        self.order_update_id = 0
        self.last_node_id = ""
        self.last_node_sequence = 0
        self.changed = True
        self.refusing = False  # every instant action fails
        self._pausing: str | None = None
        self._nodes: list[Node] = []
        self._edges: list[Edge] = []
        self._actions: deque[Message] = deque(maxlen=ACTION_STATES_MAX)
        self._errors: deque[Message] = deque(maxlen=ERRORS_MAX)

    @property
    def driving(self) -> bool:
        """Whether it moves."""
        return self.speed_m_s > STANDING_M_S

    @property
    def nodes_ahead(self) -> int:
        """How many nodes of its order it has not reached, released or not."""
        return len(self._nodes)

    def step(self, dt_s: float) -> None:
        """Go on by ``dt_s``: drive towards the next released node, or stand."""
        was_driving = self.driving
        target = self._nodes[0] if self._nodes and self._nodes[0].released else None
        if self.e_stop != "NONE":
            self.speed_m_s = 0.0
        elif target is None or self.paused or self._pausing is not None:
            self.speed_m_s = max(0.0, self.speed_m_s - ACCELERATION_M_S2 * dt_s)
        else:
            self.speed_m_s = min(self._allowed_m_s(), self.speed_m_s + ACCELERATION_M_S2 * dt_s)
        if target is not None and self.speed_m_s > 0.0:
            self._approach(target, self.speed_m_s * dt_s)
        if self._pausing is not None and not self.driving:
            self._finish(self._pausing)
            self._pausing, self.paused = None, True
        rate = -BATTERY_DRIVE_PER_S if self.driving else 0.0
        if not self._nodes:
            rate = BATTERY_CHARGE_PER_S
        self.battery = min(100.0, max(0.0, self.battery + rate * dt_s))
        self.changed = self.changed or was_driving != self.driving

    def _allowed_m_s(self) -> float:
        """The speed from which it can still stop at the end of the base."""
        x_m, y_m, ahead_m = self.x_m, self.y_m, 0.0
        for node in self._nodes:
            if not node.released or ahead_m > 1.0:
                break
            ahead_m += math.hypot(node.x_m - x_m, node.y_m - y_m)
            x_m, y_m = node.x_m, node.y_m
        return min(SPEED_M_S, max(0.05, math.sqrt(2 * ACCELERATION_M_S2 * ahead_m)))

    def _approach(self, node: Node, travel_m: float) -> None:
        left_m = math.hypot(node.x_m - self.x_m, node.y_m - self.y_m)
        if left_m > max(travel_m, REACHED_M):
            self.theta_rad = math.atan2(node.y_m - self.y_m, node.x_m - self.x_m)
            self.x_m += travel_m * math.cos(self.theta_rad)
            self.y_m += travel_m * math.sin(self.theta_rad)
            return
        self.x_m, self.y_m = node.x_m, node.y_m
        self._reach(node)
        if not (self._nodes and self._nodes[0].released):
            self.speed_m_s = 0.0

    def _reach(self, node: Node) -> None:
        self.last_node_id, self.last_node_sequence = node.id, node.sequence
        self._nodes.pop(0)
        self._edges = [edge for edge in self._edges if edge.sequence > node.sequence]
        self.changed = True

    def order(self, message: object) -> None:
        """Take an order or order update; a refused one is reported in ``errors``."""
        self.changed = True
        try:
            self._take_order(read_order(message))
        except BadOrder as refused:
            self._error("orderError", str(refused), _references(message, "order"))

    def _take_order(self, order: Order) -> None:
        first = order.nodes[0]
        if order.id != self.order_id:
            if any(node.released for node in self._nodes):
                raise BadOrder(f"order {self.order_id} is still being driven; cancel it first")
            if math.hypot(first.x_m - self.x_m, first.y_m - self.y_m) > START_WITHIN_M:
                raise BadOrder(f"node {first.id} is not where I stand: an order starts there")
            self._nodes, self._edges = order.nodes, order.edges
            self._reach(first)
        elif order.update_id < self.order_update_id:
            raise BadOrder(f"orderUpdateId {order.update_id} is older than {self.order_update_id}")
        elif order.update_id == self.order_update_id:
            return  # a repeat: discarded
        else:
            self._extend(order)
        self.order_id, self.order_update_id = order.id, order.update_id
        self._errors.clear()

    def _extend(self, order: Order) -> None:
        """Replace the horizon from the stitching node (the end of the base) on."""
        base = [node for node in self._nodes if node.released]
        end = base[-1].sequence if base else self.last_node_sequence
        name = base[-1].id if base else self.last_node_id
        first = order.nodes[0]
        if (first.sequence, first.id) != (end, name):
            raise BadOrder(
                f"the update starts at {first.id}, sequence {first.sequence};"
                f" my base ends at {name}, {end}"
            )
        released_edges = [edge for edge in self._edges if edge.released]
        self._nodes = base + [node for node in order.nodes if node.sequence > end]
        self._edges = released_edges + [edge for edge in order.edges if edge.sequence > end]

    def instant_actions(self, message: object) -> None:
        """Take instant actions; an unknown or broken one ends FAILED."""
        actions = message.get("actions") if isinstance(message, dict) else None
        if not isinstance(actions, list):
            text = "instantActions without a list of actions"
            self._error("validationError", text, _references(message, "instantActions"))
            return
        for action in actions[:ACTION_STATES_MAX]:
            if isinstance(action, dict) and isinstance(action.get("actionId"), str):
                self._act(action["actionId"], str(action.get("actionType")))
            else:
                text = "an instant action without actionId"
                self._error("validationError", text, _references(message, "instantActions"))

    def _act(self, action_id: str, kind: str) -> None:
        self.changed = True
        if any(state["actionId"] == action_id for state in self._actions):
            return  # a repeat of a delivered message
        self._actions.append({"actionId": action_id, "actionType": kind, "actionStatus": "RUNNING"})
        if self.refusing:
            self._fail(action_id, "switched to manual")
        elif kind == "startPause":
            if self._pausing is not None:
                self._finish(self._pausing)
            self._pausing = action_id
            if not self.driving:
                self._finish(action_id)
                self._pausing, self.paused = None, True
        elif kind == "stopPause":
            if self._pausing is not None:
                self._fail(self._pausing, "overtaken by stopPause")
            self._pausing, self.paused = None, False
            self._finish(action_id)
        elif kind == "cancelOrder":
            self._nodes, self._edges = [], []
            self._finish(action_id)
        elif kind == "stateRequest":
            self._finish(action_id)
        else:
            why = f"no instant action {kind[:60]!r}"
            self._fail(action_id, why)
            reference = {"referenceKey": "actionId", "referenceValue": action_id}
            self._error("instantActionError", why, [reference])

    def _finish(self, action_id: str) -> None:
        self._conclude(action_id, {"actionStatus": "FINISHED"})

    def _fail(self, action_id: str, why: str) -> None:
        self._conclude(action_id, {"actionStatus": "FAILED", "resultDescription": why})

    def _conclude(self, action_id: str, result: Message) -> None:
        self.changed = True
        for state in self._actions:
            if state["actionId"] == action_id:
                state.update(result)

    def _error(self, kind: str, text: str, references: Sequence[Message] = ()) -> None:
        self.changed = True
        self._errors.append(
            {
                "errorType": kind,
                "errorDescription": text[:200],
                "errorLevel": "WARNING",
                "errorReferences": list(references),
            }
        )

    def state(self) -> Message:
        """The body of a ``state`` message, without its header."""
        return {
            "orderId": self.order_id,
            "orderUpdateId": self.order_update_id,
            "lastNodeId": self.last_node_id,
            "lastNodeSequenceId": self.last_node_sequence,
            "driving": self.driving,
            "paused": self.paused,
            "newBaseRequest": bool(self._nodes) and not self._nodes[0].released,
            "operatingMode": "AUTOMATIC",
            "nodeStates": [
                {"nodeId": node.id, "sequenceId": node.sequence, "released": node.released}
                for node in self._nodes
            ],
            "edgeStates": [
                {"edgeId": edge.id, "sequenceId": edge.sequence, "released": edge.released}
                for edge in self._edges
            ],
            "actionStates": [dict(state) for state in self._actions],
            "agvPosition": {
                "x": round(self.x_m, 3),
                "y": round(self.y_m, 3),
                "theta": round(self.theta_rad, 4),
                "mapId": "hall",
                "positionInitialized": True,
            },
            "velocity": {"vx": round(self.speed_m_s, 3), "vy": 0.0, "omega": 0.0},
            "batteryState": {
                "batteryCharge": round(self.battery, 1),
                "charging": not self._nodes and self.battery < 100.0,
            },
            "errors": [*self._errors, *self._own_errors()],
            "loads": [],
            "safetyState": {"eStop": self.e_stop, "fieldViolation": False},
        }

    def _own_errors(self) -> list[Message]:
        if self.battery >= BATTERY_LOW:
            return []
        text = f"battery under {BATTERY_LOW:g} %"
        return [{"errorType": "batteryLow", "errorDescription": text, "errorLevel": "WARNING"}]


def _references(message: object, topic: str) -> list[Message]:
    """Which message an error is about, as far as it told its names."""
    if not isinstance(message, dict):
        return []
    told = {"topic": topic}
    for key in ("headerId", "orderId", "orderUpdateId"):
        if key in message:
            told[key] = str(message[key])[:100]
    return [{"referenceKey": key, "referenceValue": value} for key, value in told.items()]
