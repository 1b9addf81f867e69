"""The one door of every request, in this order: host, route, caller, origin, CSRF, handler.

- Each answer carries the security headers; there are no inline scripts or styles anywhere.
- Every refusal is a JSON problem; a fault of ours is logged and told as 500 without its insides.
"""

from __future__ import annotations

import logging
from collections import Counter

from aiohttp import web
from aiohttp.typedefs import Handler

from banksman.security.accounts import Accounts
from banksman.security.origins import HostPolicy, same_origin
from banksman.web.callers import Access, Caller, client_of, way_of
from banksman.web.doorkeeper import Doorkeeper
from banksman.web.replies import problem_reply
from banksman.web.routes import Route
from banksman.wire.problems import Refusal

log = logging.getLogger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD"})
CSRF_HEADER = "X-CSRF-Token"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "banksman",
}
REMEDIES = {
    404: "See /api for what there is.",
    405: "See the Allow header, and /api.",
    413: "Send less: no request of this API needs more.",
}


class Gate:
    """Decides on each request and counts refusals by their kind."""

    def __init__(
        self, accounts: Accounts, hosts: HostPolicy, doorkeeper: Doorkeeper, *, remote: bool
    ) -> None:
        self.refusals: Counter[str] = Counter()
        self.remote = remote
        self.cookie = "__Host-banksman" if remote else "banksman"
        self._accounts = accounts
        self._hosts = hosts
        self._doorkeeper = doorkeeper

    def guard(self, route: Route) -> Handler:
        """Wrap a row's handler in the checks that its access asks for."""

        async def handle(request: web.Request) -> web.StreamResponse:
            caller = self.caller(request)
            self._check(request, route.access, caller)
            return await route.handler(request, caller)

        return handle

    def caller(self, request: web.Request) -> Caller:
        """Who this is; a request of a living session counts as its use."""
        token = request.cookies.get(self.cookie, "")
        way = way_of(request, remote=self.remote)
        return Caller(way, client_of(request), token, self._accounts.session(token))

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn whatever happens into an answer."""
        self._doorkeeper.request_arrived(request.transport)
        try:
            self._check_host(request)
            return await handler(request)
        except Refusal as refusal:
            return self._refuse(refusal)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
            remedy = REMEDIES.get(error.status, "")
            return self._refuse(
                Refusal(error.status, f"http-{error.status}", error.reason.lower(), remedy, allow)
            )
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return self._refuse(
                Refusal(500, "fault", "this request failed inside", "See the log on the box.")
            )

    async def headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Signal ``on_response_prepare``: every answer carries the security headers."""
        response.headers.update(HEADERS)
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        if self.remote and way_of(request, remote=True) == "remote":
            response.headers["Strict-Transport-Security"] = "max-age=31536000"

    def _refuse(self, refusal: Refusal) -> web.Response:
        self.refusals[refusal.kind] += 1
        return problem_reply(refusal)

    def _check_host(self, request: web.Request) -> None:
        if way_of(request, remote=self.remote) == "socket":
            return  # no browser speaks to a Unix socket, so nothing can be rebound to it
        if not self._hosts.allows(request.headers.get("Host", "")):
            raise Refusal(
                421,
                "unknown-host",
                "this page is not served under that host name",
                "Use the address of the box, or set web.tls_name in appliance.toml.",
            )

    def _check(self, request: web.Request, access: Access, caller: Caller) -> None:
        changes = request.method not in SAFE_METHODS
        if changes and caller.way != "socket":
            self._check_origin(request)
        if not caller.may(access):
            if caller.way == "socket":
                raise Refusal(
                    403,
                    "not-here",
                    "a trip is not reset over the local socket",
                    "Reset a process trip on the page, an e-stop with its reset input.",
                )
            raise Refusal(
                401, "login-needed", "this needs the operator to be logged in", "Log in first."
            )
        if changes and access is not Access.PUBLIC and caller.way != "socket":
            given = request.headers.get(CSRF_HEADER, "")
            if caller.session is None or not caller.session.csrf_matches(given):
                raise Refusal(
                    403,
                    "csrf",
                    "the request does not carry this session's CSRF token",
                    f"Send the token of GET /api/v1/session as {CSRF_HEADER}; reload the page.",
                )

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        scheme = "https" if self.remote else "http"
        foreign = origin is not None and not same_origin(
            origin, scheme, request.headers.get("Host", "")
        )
        if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in {
            "same-origin",
            "none",
        }:
            raise Refusal(
                403,
                "foreign-origin",
                "another site's page sent this request",
                "Use the box's own page.",
            )
