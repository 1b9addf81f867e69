"""The API's description (OpenAPI 3.1), made from the route table and the msgspec types. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from banksman.web.callers import Access
from banksman.web.routes import Route
from banksman.wire.problems import PROBLEM_TYPE, ProblemBody

ABOUT = (
    "Times: wall_ns since 1970 UTC, mono_ns since the boot that boot_id names. A number that is "
    "not known is null. On plain loopback reading is open and every change needs a login; beyond "
    "loopback everything but /healthz and /readyz needs one, over HTTPS. Over the Unix socket a "
    "local operator may read, acknowledge and reload rules, but never reset a trip.\n\n"
    "To change something: POST /api/v1/session with the password, keep the cookie, and send the "
    "answer's csrf as X-CSRF-Token."
)
REFUSALS = {
    400: "The request is malformed.",
    401: "A login is needed, or was refused.",
    403: "Foreign origin, missing CSRF token, or not allowed this way.",
    404: "There is no such thing.",
    409: "Its state does not allow that now; the detail says why.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Understood, but wrong in content; the old state stays.",
    429: "Too many failed tries; Retry-After says how long to wait.",
    503: "Not able to answer now.",
}


def describe(routes: Iterable[Route], version: str, cookie: str) -> dict[str, Any]:
    """Build the whole document. ``cookie`` is the session cookie's name."""
    rows = [route for route in routes if route.summary]
    types = {kind for route in rows for kind in (route.reply, route.body) if kind is not None}
    ordered: Sequence[Any] = [*sorted(types, key=lambda kind: str(kind.__name__)), ProblemBody]
    _, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in rows:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Banksman appliance", "version": version, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": {name: _nullable(schema) for name, schema in components.items()},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": route.summary,
        "operationId": _operation_id(route),
        "parameters": [*_path_parameters(route.path), *_query_parameters(route)],
        "responses": {str(route.status): _answer(route)},
        "x-access": route.access.value,
    }
    if route.access is not Access.PUBLIC:
        changes = route.method != "GET"
        described["security"] = [{"session": [], **({"csrf": []} if changes else {})}]
    if route.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    for status in route.refusals:
        described["responses"][str(status)] = {
            "description": REFUSALS[status],
            "content": {PROBLEM_TYPE: {"schema": _ref(ProblemBody)}},
        }
    return described


def _answer(route: Route) -> dict[str, Any]:
    schema = {"type": "string"} if route.reply is None else _ref(route.reply)
    return {"description": route.summary, "content": {route.media: {"schema": schema}}}


def _operation_id(route: Route) -> str:
    words = re.findall(r"[a-z0-9]+", route.path.replace("/api/v1/", ""))
    return "_".join([route.method.lower(), *words])


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
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
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _nullable(schema: Any) -> Any:
    """msgspec writes NaN and infinity as null, so every number may be null."""
    if isinstance(schema, list):
        return [_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    walked = {key: _nullable(part) for key, part in schema.items()}
    return {**walked, "type": ["number", "null"]} if schema.get("type") == "number" else walked
