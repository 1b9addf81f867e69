"""Orders to nodes: given by operators, taken along by heartbeats, ended by results or by time.

    given --heartbeat--> sent --result--> done, failed, refused, …
      '---------- expires_ns passes ----------> expired: never sent again
      '---------- withdrawn before it was sent: never sent at all

Rules of this file
- An order is handed out with every heartbeat until its result has come: the answer that carried
  it may have been lost. The node knows it by its id and carries it out once.
- Nothing is handed out at or after its expiry, by this endpoint's clock.
- The first result stands. One that comes after the expiry is kept too: it says what happened.
- What was handed out may be under way: it can no longer be withdrawn.
"""

from __future__ import annotations

from typing import Any

import msgspec

from banksman.wire.uplink import Order, OrderResult
from banksman_cloud.nodes import NodeRow
from banksman_cloud.storage.port import Session

OPEN_MAX = 100  # orders of one node that wait for their results
A_HEARTBEAT_MAX = 16
SHOWN_MAX = 200


class TooManyOrders(ValueError):
    """The node has enough to do."""


class NotOffered(ValueError):
    """The node has told which orders it takes, and this is none of them."""


class NotWaiting(ValueError):
    """The order cannot be withdrawn: it was sent, it has ended, or there is none."""


class OrderState(msgspec.Struct, frozen=True):
    """An order and what is known of it. ``state``: waiting, sent, expired, or its outcome."""

    order: Order
    state: str
    by: str
    made_ns: int
    sent_ns: int
    sent_count: int
    outcome_ns: int
    message: str
    details: dict[str, Any]


def give(db: Session, no: int, order: Order, by: str, now_ns: int) -> None:
    """Queue an order. Raises TooManyOrders; the same id twice is one order."""
    row = db.one(
        "SELECT count(*) FROM orders WHERE node_no = :no AND outcome = '' AND expires_ns > :now",
        no=no,
        now=now_ns,
    )
    if row is not None and row[0] >= OPEN_MAX:
        raise TooManyOrders(f"{OPEN_MAX} orders wait for this node already")
    columns = ("node_no", "id", "name", "arguments", "by_whom", "made_ns", "expires_ns")
    arguments = msgspec.json.encode(order.arguments)
    db.insert_new(
        "orders",
        columns,
        [(no, order.id, order.name, arguments, by, now_ns, order.expires_wall_ns)],
    )


def check_offered(row: NodeRow, name: str) -> None:
    """Raise NotOffered if the node said what it takes, and did not name this."""
    offered = row.registration.capabilities.get("orders") if row.registration else None
    if isinstance(offered, list) and name not in offered:
        known = ", ".join(sorted(str(each)[:40] for each in offered[:40]))
        raise NotOffered(f"node {row.name} takes {known or 'no orders'}")


def withdraw(db: Session, no: int, order_id: str, now_ns: int) -> None:
    """End an order that no heartbeat has taken along yet. Raises NotWaiting."""
    changed = db.run(
        "UPDATE orders SET outcome = 'withdrawn', outcome_ns = :now WHERE node_no = :no "
        "AND id = :id AND outcome = '' AND sent_count = 0",
        no=no,
        id=order_id,
        now=now_ns,
    )
    if not changed:
        raise NotWaiting("it was sent already, has ended, or does not exist")


def due(db: Session, no: int, node: str, now_ns: int) -> list[Order]:
    """The orders that go with a heartbeat's answer, oldest first; counted as sent."""
    rows = db.all(
        "SELECT seq, id, name, expires_ns, arguments, by_whom FROM orders WHERE node_no = :no "
        "AND outcome = '' AND expires_ns > :now ORDER BY seq LIMIT :most",
        no=no,
        now=now_ns,
        most=A_HEARTBEAT_MAX,
    )
    for seq, *_ in rows:
        db.run(
            "UPDATE orders SET sent_count = sent_count + 1, "
            "sent_ns = CASE WHEN sent_ns = 0 THEN :now ELSE sent_ns END WHERE seq = :seq",
            seq=seq,
            now=now_ns,
        )
    return [_order(node, *row) for _, *row in rows]


def finish(db: Session, no: int, result: OrderResult, now_ns: int) -> None:
    """Keep what came of an order; one that is not this node's changes nothing."""
    db.run(
        "UPDATE orders SET outcome = :outcome, outcome_ns = :now, result = :result "
        "WHERE id = :id AND node_no = :no AND outcome = ''",
        no=no,
        id=result.order,
        outcome=result.outcome,
        now=now_ns,
        result=msgspec.json.encode(result),
    )


def orders_of(db: Session, no: int, node: str, now_ns: int) -> list[OrderState]:
    """The node's newest orders, newest first."""
    rows = db.all(
        "SELECT made_ns, sent_ns, sent_count, outcome, outcome_ns, result, id, name, expires_ns, "
        "arguments, by_whom FROM orders WHERE node_no = :no ORDER BY seq DESC LIMIT :most",
        no=no,
        most=SHOWN_MAX,
    )
    return [_state(node, row, now_ns) for row in rows]


def _order(
    node: str, order_id: str, name: str, expires_ns: int, arguments: bytes, by: str
) -> Order:
    values = msgspec.json.decode(arguments, type=dict[str, Any])
    return Order(order_id, name, expires_ns, values, node, by)


def _state(node: str, row: tuple[Any, ...], now_ns: int) -> OrderState:
    made_ns, sent_ns, sent, outcome, ended_ns, data, *told = row
    order = _order(node, *told)
    result = None if data is None else msgspec.json.decode(data, type=OrderResult)
    ended = order.expires_wall_ns <= now_ns
    state = outcome or ("expired" if ended else "sent" if sent else "waiting")
    return OrderState(
        order=order,
        state=state,
        by=order.by,
        made_ns=made_ns,
        sent_ns=sent_ns,
        sent_count=sent,
        outcome_ns=ended_ns,
        message=result.message if result else "",
        details=result.details if result else {},
    )
