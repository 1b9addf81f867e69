"""The API's description (OpenAPI 3.1), made from the route table and the types it names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from banksman.wire.problems import PROBLEM_TYPE, ProblemBody
from banksman_cloud.web.routes import Access, Route

ABOUT = (
    "Boxes speak to /v1 with their client certificate; operators and the page to /api/v1. Times "
    "are nanoseconds since 1970 UTC. On loopback reading is open and every change needs a login; "
    "elsewhere everything does: POST /api/v1/session, keep the cookie, and send the answer's csrf "
    "as X-CSRF-Token with every change."
)
REFUSALS = {
    400: "The request is malformed; the detail says where.",
    401: "No certificate of ours, no token that is good, or no login.",
    403: "Of another node, revoked, from a foreign page, or without the session's token.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "Its state does not allow that now.",
    413: "Too large: cut it in two.",
    415: "A Content-Encoding that is not read here.",
    422: "It can never be kept, whenever it comes.",
    429: "No room just now; Retry-After says when.",
    503: "The database does not take it just now; Retry-After says when.",
    504: "There is no answer within the deadline: take the safe action.",
}

_NEEDED: dict[Access, tuple[str, ...]] = {
    Access.BOX: ("certificate",),
    Access.ENROL: ("token",),
    Access.PUBLIC: (),
    Access.READ: ("session",),
    Access.CHANGE: ("session", "csrf"),
}


def describe(routes: Iterable[Route], version: str, cookie: str) -> dict[str, Any]:
    """The whole document. ``cookie`` is the session cookie's name."""
    rows = [route for route in routes if route.summary]
    types = {
        kind for route in rows for kind in (route.reply, route.body) if kind not in (None, str)
    }
    ordered: list[Any] = [*sorted(types, key=lambda kind: str(kind.__name__)), ProblemBody]
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for route in rows:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Banksman cloud endpoint", "version": version, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "certificate": {"type": "mutualTLS"},
                "token": {"type": "http", "scheme": "basic"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    words = re.findall(r"[a-z0-9]+", route.path.replace("/api/v1/", ""))
    described: dict[str, Any] = {
        "summary": route.summary,
        "operationId": "_".join([route.method.lower(), *words]),
        "parameters": [*_in_path(route.path), *_in_query(route)],
        "responses": {str(route.status): _answer(route)},
        "x-access": route.access.value,
    }
    needed = _NEEDED[route.access]
    if needed and route.path != "/healthz":
        described["security"] = [{key: [] for key in needed}]
    if route.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {route.body_media: {"schema": _ref(route.body)}},
        }
    for status in route.refusals:
        described["responses"][str(status)] = {
            "description": REFUSALS[status],
            "content": {PROBLEM_TYPE: {"schema": _ref(ProblemBody)}},
        }
    return described


def _answer(route: Route) -> dict[str, Any]:
    if route.reply is None:
        return {"description": route.summary}
    return {
        "description": route.summary,
        "content": {route.media: {"schema": _ref(route.reply)}},
    }


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _in_query(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": query.name,
            "in": "query",
            "description": query.description,
            "schema": query.schema,
        }
        for query in route.queries
    ]


def _ref(kind: Any) -> dict[str, str]:
    if kind is str:
        return {"type": "string"}
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
