"""The route table: every address of the endpoint, in one place."""

from __future__ import annotations

from typing import Any

from banksman.wire.messages import AnswerMessage, AskMessage
from banksman.wire.uplink import (
    Batch,
    Desired,
    Heartbeat,
    Order,
    Orders,
    Receipt,
    Registration,
)
from banksman_cloud.kinds import Kind
from banksman_cloud.readings import MESSAGES_MAX, ReadingsPage
from banksman_cloud.records import PAGE_MAX, TEXT_CHARS_MAX
from banksman_cloud.web import desk as asked
from banksman_cloud.web import directing as wanted
from banksman_cloud.web.boxes import Boxes, Health
from banksman_cloud.web.desk import Desk
from banksman_cloud.web.directing import Directing
from banksman_cloud.web.pages import Pages
from banksman_cloud.web.routes import Access, Handler, Query, Route
from banksman_cloud.web.views import (
    AlarmsView,
    DetailsView,
    FleetView,
    RecordsView,
    RetentionView,
    SessionView,
)

BOX, PUBLIC, READ, CHANGE = Access.BOX, Access.PUBLIC, Access.READ, Access.CHANGE
API = "/api/v1"
_TIME = {"type": "integer", "minimum": 0}


def box_routes(boxes: Boxes) -> tuple[Route, ...]:
    """What boxes ask."""
    return (
        Route("GET", "/healthz", BOX, boxes.healthz, "Is anybody there?", Health),
        Route(
            "PUT", "/v1/node", BOX, boxes.register, "Who I am", None, Registration, 204,
            refusals=(400, 401, 403, 408, 413, 503),
        ),
        Route(
            "POST", "/v1/ingest", BOX, boxes.ingest,
            "Records, kept once however often they come: msgpack, compressed with zstd",
            Receipt, Batch, body_media="application/msgpack",
            refusals=(400, 401, 403, 408, 413, 415, 429, 503),
        ),
        Route(
            "POST", "/v1/heartbeat", BOX, boxes.heartbeat, "How I am; what shall I do?", Orders,
            Heartbeat, refusals=(400, 401, 403, 408, 413, 503),
        ),
        Route(
            "POST", "/v1/decide", BOX, boxes.decide, "A decision within the deadline",
            AnswerMessage, AskMessage, refusals=(400, 401, 403, 408, 413, 504),
        ),
    )  # fmt: skip


def desk_routes(
    pages: Pages, desk: Desk, directing: Directing, description: Handler
) -> tuple[Route, ...]:
    """What operators ask. The page's shell holds no data: someone has to log in on it."""
    return (
        Route("GET", "/", PUBLIC, pages.index),
        Route("GET", "/api", PUBLIC, pages.api),
        Route("GET", "/static/{name}", PUBLIC, pages.static),
        Route("GET", "/readyz", PUBLIC, desk.readyz, "The database answers", asked.Ready,
              refusals=(503,)),
        Route("GET", f"{API}/openapi.json", READ, description, "This description",
              refusals=(401,)),
        Route("GET", f"{API}/fleet", READ, desk.fleet, "Every node at one instant", FleetView,
              refusals=(401, 503)),
        Route("GET", f"{API}/nodes/{{node}}", READ, desk.details,
              "One node with all that is known of it", DetailsView, refusals=(401, 404, 503)),
        Route("GET", f"{API}/alarms", READ, desk.alarms,
              "Alarms of all nodes that concern someone", AlarmsView, refusals=(401, 503)),
        Route("GET", f"{API}/retention", READ, desk.retention,
              "What is kept how long, and what was deleted", RetentionView, refusals=(401, 503)),
        Route("GET", f"{API}/records", READ, desk.records,
              "What nodes have recorded, newest first", RecordsView, queries=_SEARCH,
              refusals=(400, 401, 503)),
        Route("GET", f"{API}/nodes/{{node}}/readings", READ, desk.readings,
              "One node's readings, oldest first, each within its dead band", ReadingsPage,
              queries=_READINGS, refusals=(400, 401, 503)),
        Route("POST", f"{API}/nodes/{{node}}/orders", CHANGE, directing.order,
              "Give a node an order", Order, wanted.OrderWish, 201,
              refusals=(400, 401, 403, 404, 409, 413, 503)),
        Route("DELETE", f"{API}/nodes/{{node}}/orders/{{id}}", CHANGE, directing.withdraw,
              "Withdraw an order that no heartbeat has taken along", None, None, 204,
              refusals=(401, 403, 404, 409, 503)),
        Route("PUT", f"{API}/nodes/{{node}}/desired", CHANGE, directing.desire,
              "Set a node's whole desired state", Desired, wanted.DesiredWish,
              refusals=(400, 401, 403, 404, 409, 413, 503)),
        Route("GET", f"{API}/session", PUBLIC, desk.session, "Who is logged in here",
              SessionView, refusals=(503,)),
        Route("POST", f"{API}/session", PUBLIC, desk.log_in, "Log in", SessionView,
              asked.LogInWish, refusals=(400, 401, 403, 429, 503)),
        Route("DELETE", f"{API}/session", CHANGE, desk.log_out, "Log out", SessionView,
              refusals=(401, 403, 503)),
    )  # fmt: skip


def _query(name: str, schema: dict[str, Any], description: str) -> Query:
    return Query(name, schema, description)


_SEARCH = (
    _query("kind", {"enum": [kind.word for kind in Kind], "default": "decision"}, "which records"),
    _query("node", {"type": "string"}, "only this node's"),
    _query("type", {"type": "string"}, "a decision's type, an alarm's key, an audit's event"),
    _query(
        "text", {"type": "string", "maxLength": TEXT_CHARS_MAX},
        "words that all stand in the record, whatever their case",
    ),
    _query("since_ns", _TIME, "at or after this time, ns since 1970 UTC"),
    _query("until_ns", _TIME, "before this time"),
    _query("cursor", {"type": "string"}, "go on from the page that gave it"),
    _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": 50},
        "how many at most",
    ),
)  # fmt: skip
_READINGS = (
    _query("device", {"type": "string"}, "only this device's"),
    _query("since_ns", _TIME, "at or after this time, ns since 1970 UTC"),
    _query("until_ns", _TIME, "before this time"),
    _query("cursor", {"type": "string"}, "go on from the page that gave it"),
    _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": MESSAGES_MAX, "default": 1_000},
        "end the page when it has so many; blocks are not cut",
    ),
)  # fmt: skip
