"""The door of every request: what it may, and what becomes of whatever is raised behind it.

Rules of this file
- A route for boxes asks its own handler's `Identity`, one for enrolment its token; a
  login means nothing there, and a node's certificate means nothing at an operator's route.
- Operators: on loopback reading is open and changing needs a login; elsewhere everything does.
- A request that changes something comes from our own page (Origin) and carries the session's token;
  on loopback the Host must be a name of loopback, so that no name can be rebound to it.
- Every refusal is a problem in words; a fault of ours is logged and told without its insides.
"""

from __future__ import annotations

import ipaddress
import logging
from collections import Counter
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler as AnyHandler

from banksman.wire.problems import Refusal
from banksman_cloud.errors import Unavailable
from banksman_cloud.nodes import NodeRevoked
from banksman_cloud.operators import Operator, Operators
from banksman_cloud.web.callers import revoked
from banksman_cloud.web.doors import Doors
from banksman_cloud.web.replies import later, problem_reply
from banksman_cloud.web.routes import Access, Route

log = logging.getLogger(__name__)

CSRF_HEADER = "X-CSRF-Token"
RETRY_S = 5
SAFE_METHODS = frozenset({"GET", "HEAD"})
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "banksman-cloud",
}


class Gate:
    """Decides on each request. ``remote``: the page is served beyond loopback, by HTTPS."""

    def __init__(self, operators: Operators, *, remote: bool) -> None:
        self.refusals: Counter[str] = Counter()
        self.doors = Doors()
        self.remote = remote
        self.cookie = "__Host-banksman-cloud" if remote else "banksman-cloud"
        self._operators = operators

    def guard(self, route: Route) -> AnyHandler:
        """Wrap a row's handler in the checks that its access asks for."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if route.access in (Access.BOX, Access.ENROL):
                return await route.handler(request, None)
            self._check_host(request)
            changes = request.method not in SAFE_METHODS
            if changes:
                self._check_origin(request)
            operator = await self.operator(request)
            self._check(route.access, operator)
            if changes and route.access is Access.CHANGE:
                given = request.headers.get(CSRF_HEADER, "")
                if operator is None or given.encode() != operator.csrf.encode():
                    raise Refusal(
                        403, "csrf", "the request does not carry this session's token",
                        f"Send the csrf of GET /api/v1/session as {CSRF_HEADER}.",
                    )  # fmt: skip
            return await route.handler(request, operator)

        return handle

    async def operator(self, request: web.Request) -> Operator | None:
        """Who is logged in."""
        return await self._operators.operator(request.cookies.get(self.cookie, ""))

    @web.middleware
    async def middleware(self, request: web.Request, handler: AnyHandler) -> web.StreamResponse:
        """Turn whatever happens into an answer."""
        self.doors.asked(request.transport)
        try:
            return await handler(request)
        except Refusal as refusal:
            return self._refuse(refusal)
        except NodeRevoked as error:
            return self._refuse(revoked(error))
        except Unavailable as error:
            return self._refuse(later("unavailable", str(error), RETRY_S, 503))
        except web.HTTPException as error:
            if error.status < 400:
                raise
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
            kind = f"http-{error.status}"
            return self._refuse(
                Refusal(error.status, kind, error.reason.lower(), "See /api.", allow)
            )
        except ConnectionError:
            raise  # the caller has gone
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return self._refuse(
                Refusal(500, "fault", "this request failed inside", "See the endpoint's log.")
            )

    async def headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Signal ``on_response_prepare``: every answer carries the security headers."""
        response.headers.update(HEADERS)
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"

    def _refuse(self, refusal: Refusal) -> web.Response:
        self.refusals[refusal.kind] += 1
        return problem_reply(refusal)

    def _check(self, access: Access, operator: Operator | None) -> None:
        if access is Access.PUBLIC or operator is not None:
            return
        if access is Access.READ and not self.remote:
            return
        raise Refusal(401, "login-needed", "this needs an operator's login", "Log in first.")

    def _check_host(self, request: web.Request) -> None:
        if self.remote:
            return  # the cookie is bound to the host, and nothing is open without it
        if not is_loopback(_host_name(request.headers.get("Host", ""))):
            raise Refusal(
                421, "unknown-host", "this page is not served under that host name",
                "Use http://127.0.0.1 or http://localhost.",
            )  # fmt: skip

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        scheme = "https" if self.remote else "http"
        ours = f"{scheme}://{request.headers.get('Host', '').lower()}"
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if (origin is not None and origin.lower() != ours) or site not in ("same-origin", "none"):
            raise Refusal(
                403, "foreign-origin", "another site's page sent this request", "Use our own page."
            )


def _host_name(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether an address or name can only mean this machine."""
    bare = name.strip("[]").lower()
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost"
