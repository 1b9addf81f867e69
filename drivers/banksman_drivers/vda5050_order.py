"""The order whose base we extend, read from its JSON file. Pure but for reading the file.

    base, driven          horizon, announced
    n0 --1-- n2 --3-- n4 - -5- - n6         the numbers are sequenceIds
                      ^ an update begins here: the stitching node

Source: VDA 5050 version 2.1, chapter 6.6 and the ``order`` schema.

Rules of this file
- What we would send against the schema is refused here, at start, and not by a vehicle at night.
- Everything of the file goes to the vehicle as it stands; what the schema requires and follows
  from the rest (``actions``, an edge's ends) is filled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

PARTS_MAX = 2000  # nodes, and edges; a message of more would not fit through most brokers

Metres = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]  # so never infinite


class BadMessage(ValueError):
    """No such VDA 5050 message; the text says which field."""


class OrderPart(msgspec.Struct, frozen=True):
    """A node or an edge of an order as it stands in the file, and its sequence number."""

    id: str
    sequence_id: int
    fields: dict[str, object]


class OrderPlan(msgspec.Struct, frozen=True):
    """An order whose base we extend: nodes 0, 2, 4 … and the edges 1, 3 … between them."""

    order_id: str
    nodes: tuple[OrderPart, ...]
    edges: tuple[OrderPart, ...]


class _Parameter(msgspec.Struct):
    key: str
    value: object


class _Action(msgspec.Struct, rename="camel"):
    action_type: str
    action_id: str
    blocking_type: Literal["NONE", "SOFT", "HARD"]
    action_parameters: list[_Parameter] = []


class _Position(msgspec.Struct, rename="camel"):
    x: Metres
    y: Metres
    map_id: str


class _Part(msgspec.Struct, rename="camel"):
    actions: list[_Action] = []
    node_position: _Position | None = None


def read_plan(file: Path) -> OrderPlan:
    """Read an order from a JSON file. Raises BadMessage naming the file and what is wrong."""
    try:
        order = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
        plan = OrderPlan(
            order_id=msgspec.convert(order.get("orderId"), str),
            nodes=_parts(order.get("nodes"), "nodeId"),
            edges=_parts(order.get("edges"), "edgeId"),
        )
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadMessage(f"order_file {file}: {error}") from error
    expected = list(range(2 * len(plan.nodes) - 1))
    found = sorted(part.sequence_id for part in (*plan.nodes, *plan.edges))
    if not plan.nodes or found != expected or any(node.sequence_id % 2 for node in plan.nodes):
        raise BadMessage(
            f"order_file {file}: sequenceId must count nodes 0, 2, 4 … and edges 1, 3 … between"
        )
    for edge, start, end in zip(plan.edges, plan.nodes, plan.nodes[1:], strict=False):
        for key, node in (("startNodeId", start), ("endNodeId", end)):
            if edge.fields.setdefault(key, node.id) != node.id:
                raise BadMessage(
                    f"order_file {file}: edge {edge.id} has {key} {edge.fields[key]!r}"
                    f" where its sequenceId says {node.id!r}"
                )
    return plan


def _parts(found: object, id_key: str) -> tuple[OrderPart, ...]:
    parts: Sequence[dict[str, object]] = msgspec.convert(found, list[dict[str, object]])
    if len(parts) > PARTS_MAX:
        raise ValueError(f"{len(parts)} with {id_key}, where {PARTS_MAX} are the most")
    return tuple(sorted((_part(part, id_key) for part in parts), key=lambda part: part.sequence_id))


def _part(part: dict[str, object], id_key: str) -> OrderPart:
    name = msgspec.convert(part.get(id_key), str)
    try:
        msgspec.convert(part, _Part)
        sequence_id = msgspec.convert(part.get("sequenceId"), int)
    except msgspec.ValidationError as error:
        raise ValueError(f"{id_key} {name!r}: {error}") from error
    return OrderPart(name, sequence_id, {"actions": [], **part})
