"""The VDA 5050 messages that we read and write. Pure: bytes and values in, values and bytes out.

Source: VDA 5050 version 2.1, "Interface for the communication between automated guided
vehicles and a master control", chapters 6.5 to 6.14, and its JSON schemas.

Rules of this file
- Reading takes what we use and ignores the rest, so newer 2.x vehicles are understood.
- What the standard requires and we use must be there and of its type: `BadMessage` otherwise.
- Another major version may mean something else by the same words: `BadMessage`, too.
- Numbers may still be infinite; the caller looks at each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from banksman_drivers.vda5050_order import BadMessage, OrderPlan

VERSION = "2.1.0"
MAJOR_VERSION = "2"

Uint32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class _Header(msgspec.Struct, frozen=True, rename="camel"):
    header_id: Uint32
    timestamp: str
    version: str
    manufacturer: str
    serial_number: str

    def __post_init__(self) -> None:
        if self.version.lstrip("vV").partition(".")[0] != MAJOR_VERSION:
            raise ValueError(f"version {self.version[:20]!r} is not {MAJOR_VERSION}.x")


class AgvPosition(msgspec.Struct, frozen=True, rename="camel"):
    """Position on the vehicle's map, metres; a guess until it is initialised."""

    x: float
    y: float
    position_initialized: bool


class Velocity(msgspec.Struct, frozen=True):
    """Over ground in vehicle coordinates, m/s."""

    vx: float = 0.0
    vy: float = 0.0


class Battery(msgspec.Struct, frozen=True, rename="camel"):
    """Charge in percent."""

    battery_charge: float
    charging: bool


class Safety(msgspec.Struct, frozen=True, rename="camel"):
    """The vehicle's own safety state: ``NONE`` is no e-stop; others say how it is reset."""

    e_stop: str
    field_violation: bool


class NodeState(msgspec.Struct, frozen=True, rename="camel"):
    """A node that the vehicle still has to pass."""

    sequence_id: Uint32
    released: bool


class ActionState(msgspec.Struct, frozen=True, rename="camel"):
    """How far the vehicle is with an action (chapter 6.11).

    WAITING -> INITIALIZING -> RUNNING <-> PAUSED
          any of them may end in FINISHED or FAILED
    """

    action_id: str
    action_status: Literal["WAITING", "INITIALIZING", "RUNNING", "PAUSED", "FINISHED", "FAILED"]
    result_description: str = ""


class Reference(msgspec.Struct, frozen=True, rename="camel"):
    """What an error is about."""

    reference_key: str
    reference_value: str | int | float


class VehicleError(msgspec.Struct, frozen=True, rename="camel"):
    """Something the vehicle complains of; ``FATAL``: it needs a person before it can go on."""

    error_type: str
    error_level: Literal["WARNING", "FATAL"]
    error_description: str = ""
    error_references: list[Reference] = []


class State(_Header, frozen=True, rename="camel"):
    """The ``state`` message (chapter 6.10)."""

    order_id: str
    order_update_id: Uint32
    last_node_id: str
    last_node_sequence_id: Uint32
    node_states: list[NodeState]
    driving: bool
    action_states: list[ActionState]
    battery_state: Battery
    errors: list[VehicleError]
    safety_state: Safety
    operating_mode: str
    paused: bool | None = None
    new_base_request: bool | None = None
    loads: list[msgspec.Raw] | None = None
    agv_position: AgvPosition | None = None
    velocity: Velocity | None = None


class Connection(_Header, frozen=True, rename="camel"):
    """The ``connection`` message (chapter 6.14), retained and the vehicle's last will."""

    connection_state: Literal["ONLINE", "OFFLINE", "CONNECTIONBROKEN"]


_state = msgspec.json.Decoder(State)
_connection = msgspec.json.Decoder(Connection)
_encode = msgspec.json.Encoder().encode


def read_state(payload: bytes) -> State:
    """Decode a ``state`` message. Raises BadMessage."""
    try:
        return _state.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadMessage(f"state: {error}") from error


def read_connection(payload: bytes) -> Connection:
    """Decode a ``connection`` message. Raises BadMessage."""
    try:
        return _connection.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadMessage(f"connection: {error}") from error


def stamp(wall_ns: int) -> str:
    """Wall time as the standard writes it: ``2025-01-31T13:37:00.123Z``."""
    moment = datetime.fromtimestamp(wall_ns / 1e9, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def stamp_ns(timestamp: str) -> int:
    """The wall time that a message claims. Raises BadMessage."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError as error:
        raise BadMessage(f"timestamp {timestamp[:40]!r} is not ISO 8601") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1e9)


class Sender:
    """Writes our messages with their header; ids count up per topic, as the standard asks."""

    def __init__(self, manufacturer: str, serial_number: str) -> None:
        self._manufacturer = manufacturer
        self._serial_number = serial_number
        self._header_ids: dict[str, int] = {}

    def last_header_id(self, topic: str) -> int:
        """The id of the newest message on ``topic``; -1 before the first."""
        return self._header_ids.get(topic, 0) - 1

    def instant_action(self, action_type: str, action_id: str, wall_ns: int) -> bytes:
        """An ``instantActions`` message with one action that nothing may run beside."""
        action = {
            "actionType": action_type,
            "actionId": action_id,
            "blockingType": "HARD",
            "actionParameters": [],
        }
        return _encode(self._header("instantActions", wall_ns) | {"actions": [action]})

    def order(
        self, plan: OrderPlan, update_id: int, first: int, released: int, wall_ns: int
    ) -> bytes:
        """An ``order`` message: nodes from index ``first``, of which those before ``released`` are
        the base and the rest the horizon.

        An update begins with the last node of the base so far, the stitching node (chapter 6.6).
        """
        nodes = [
            node.fields | {"released": first + index < released}
            for index, node in enumerate(plan.nodes[first:])
        ]
        edges = [
            edge.fields | {"released": first + index + 1 < released}
            for index, edge in enumerate(plan.edges[first:])
        ]
        return _encode(
            self._header("order", wall_ns)
            | {
                "orderId": plan.order_id,
                "orderUpdateId": update_id,
                "nodes": nodes,
                "edges": edges,
            }
        )

    def _header(self, topic: str, wall_ns: int) -> dict[str, object]:
        header_id = self._header_ids.get(topic, 0)
        self._header_ids[topic] = header_id + 1
        return {
            "headerId": header_id,
            "timestamp": stamp(wall_ns),
            "version": VERSION,
            "manufacturer": self._manufacturer,
            "serialNumber": self._serial_number,
        }
