"""A VDA 5050 order as the vehicle reads it: whatever arrives becomes an Order or a BadOrder.

Pure. Nothing of a message is trusted: counts are bounded, numbers are finite, sequences
ascend, and the base comes before the horizon (VDA 5050 2.1, chapter 6.6).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

NODES_MAX = 2000

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the order still ahead."""

    id: str
    sequence: int
    released: bool
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge of the order still ahead."""

    id: str
    sequence: int
    released: bool


class BadOrder(ValueError):
    """The order cannot be driven; the message names the field."""


@dataclass(frozen=True, slots=True)
class Order:
    """A well-formed order."""

    id: str
    update_id: int
    nodes: list[Node]
    edges: list[Edge]


def read_order(message: object) -> Order:
    """Read a decoded ``order`` message; raises BadOrder naming the field."""
    if not isinstance(message, dict):
        raise BadOrder("an order is a JSON object")
    order_id, update_id = message.get("orderId"), message.get("orderUpdateId")
    if not isinstance(order_id, str) or not order_id:
        raise BadOrder("orderId is missing")
    if not isinstance(update_id, int) or isinstance(update_id, bool) or update_id < 0:
        raise BadOrder("orderUpdateId is no unsigned number")
    return Order(
        order_id, update_id, _nodes(message.get("nodes")), _edges(message.get("edges", []))
    )


def _nodes(raw: object) -> list[Node]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= NODES_MAX:
        raise BadOrder(f"nodes is no list of 1 to {NODES_MAX}")
    nodes: list[Node] = []
    for entry in raw:
        position = entry.get("nodePosition") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(position, dict):
            raise BadOrder("a node without nodePosition: this vehicle needs one")
        x_m, y_m = _number(position.get("x")), _number(position.get("y"))
        released = entry.get("released") is True
        nodes.append(Node(str(entry.get("nodeId", "")), _sequence(entry), released, x_m, y_m))
    if not nodes[0].released:
        raise BadOrder("the first node is not released")
    if any(
        later.sequence <= earlier.sequence or (later.released and not earlier.released)
        for earlier, later in itertools.pairwise(nodes)
    ):
        raise BadOrder("nodes are out of sequence, or released beyond the horizon's start")
    return nodes


def _edges(raw: object) -> list[Edge]:
    if not isinstance(raw, list) or len(raw) > NODES_MAX:
        raise BadOrder("edges is no list")
    if not all(isinstance(entry, dict) for entry in raw):
        raise BadOrder("an edge is no object")
    return [
        Edge(str(entry.get("edgeId", "")), _sequence(entry), entry.get("released") is True)
        for entry in raw
    ]


def _sequence(entry: Message) -> int:
    value = entry.get("sequenceId")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadOrder("a sequenceId is no unsigned number")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadOrder("a nodePosition is no pair of finite numbers")
    return float(value)
