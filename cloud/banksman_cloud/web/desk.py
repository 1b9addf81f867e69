"""What operators ask: the fleet, one node, records of all nodes; and who is logged in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from banksman.wire.problems import Refusal
from banksman_cloud.endpoint import Endpoint, NoSuchNode
from banksman_cloud.kinds import Kind
from banksman_cloud.operators import (
    ABSOLUTE_S,
    Operator,
    Operators,
    TooManyTries,
    WrongPassword,
)
from banksman_cloud.readings import ReadingsWanted
from banksman_cloud.records import PAGE_MAX, BadSearch, Search
from banksman_cloud.retention import Keep
from banksman_cloud.web.boxes import Boxes
from banksman_cloud.web.directing import unknown
from banksman_cloud.web.gate import Gate
from banksman_cloud.web.replies import json_of, json_reply, later
from banksman_cloud.web.views import (
    AlarmsView,
    RecordsView,
    SessionView,
    details_view,
    fleet_view,
    retention_view,
)


class LogInWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name and password."""

    name: str
    password: str


class Ready(msgspec.Struct, frozen=True):
    """The database answers."""

    ready: bool
    database: str


class Desk:
    """The handlers. ``by`` is who is logged in."""

    def __init__(
        self,
        endpoint: Endpoint,
        boxes: Boxes,
        operators: Operators,
        gate: Gate,
        now_ns: Callable[[], int],
        keep: Mapping[str, Keep],
    ) -> None:
        """``keep``: the rules of retention, for people to see."""
        self._endpoint = endpoint
        self._boxes = boxes
        self._operators = operators
        self._gate = gate
        self._now_ns = now_ns
        self._keep = keep

    async def readyz(self, _request: web.Request, _by: Operator | None) -> web.Response:
        """Whether the database answers; 503 otherwise."""
        await self._endpoint.engine.read(lambda db: db.one("SELECT 1"))
        return json_reply(Ready(ready=True, database=self._endpoint.engine.name))

    async def fleet(self, _request: web.Request, _by: Operator | None) -> web.Response:
        """Every node."""
        nodes = await self._endpoint.nodes()
        turnstile = self._boxes.turnstile
        worker = {
            **self._boxes.counts,
            "turned_away": turnstile.turned_away,
            "batches_inside": turnstile.batches,
            "bytes_peak": turnstile.bytes_peak,
        }
        return json_reply(fleet_view(nodes, worker, self._now_ns()))

    async def details(self, request: web.Request, _by: Operator | None) -> web.Response:
        """One node."""
        try:
            details = await self._endpoint.details(request.match_info["node"])
        except NoSuchNode as error:
            raise unknown(error) from None
        return json_reply(details_view(details, self._now_ns()))

    async def alarms(self, _request: web.Request, _by: Operator | None) -> web.Response:
        """Open alarms of all nodes."""
        return json_reply(AlarmsView(await self._endpoint.alarms()))

    async def retention(self, _request: web.Request, _by: Operator | None) -> web.Response:
        """What is kept how long, and what was deleted."""
        swept, last_ns = await self._endpoint.swept()
        return json_reply(retention_view(self._keep, swept, last_ns))

    async def records(self, request: web.Request, _by: Operator | None) -> web.Response:
        """A page of what nodes have recorded."""
        asked = request.query
        try:
            wanted = Search(
                kind=Kind[asked.get("kind", "decision").upper()],
                node=asked.get("node", ""),
                type=asked.get("type", ""),
                text=asked.get("text", ""),
                since_ns=_whole(asked.get("since_ns"), 0),
                until_ns=_whole(asked.get("until_ns"), 2**63 - 1),
                cursor=asked.get("cursor", ""),
                limit=min(PAGE_MAX, max(1, _whole(asked.get("limit"), 50))),
            )
            page = await self._endpoint.search(wanted)
        except KeyError:
            kinds = ", ".join(kind.word for kind in Kind)
            raise Refusal(400, "bad-search", f"kind is one of {kinds}") from None
        except (BadSearch, ValueError) as error:
            raise Refusal(400, "bad-search", str(error)) from None
        return json_reply(RecordsView(page.found, page.cursor))

    async def readings(self, request: web.Request, _by: Operator | None) -> web.Response:
        """A page of one node's readings."""
        asked = request.query
        try:
            page = await self._endpoint.readings(
                ReadingsWanted(
                    node=request.match_info["node"],
                    device=asked.get("device", ""),
                    since_ns=_whole(asked.get("since_ns"), 0),
                    until_ns=_whole(asked.get("until_ns"), 2**63 - 1),
                    cursor=asked.get("cursor", ""),
                    limit=_whole(asked.get("limit"), 1_000),
                )
            )
        except BadSearch as error:
            raise Refusal(400, "bad-search", str(error)) from None
        return json_reply(page)

    async def session(self, _request: web.Request, by: Operator | None) -> web.Response:
        """Who is logged in here."""
        return json_reply(await self._session(by))

    async def log_in(self, request: web.Request, _by: Operator | None) -> web.Response:
        """Log in."""
        wish = await json_of(request, LogInWish)
        try:
            begun = await self._operators.log_in(wish.name, wish.password, request.remote or "")
        except TooManyTries as error:
            raise later("too-many-tries", str(error), round(error.wait_s)) from None
        except WrongPassword as error:
            raise Refusal(
                401, "wrong-password", str(error), "`banksman-cloud operator` sets a password."
            ) from None
        reply = json_reply(await self._session(Operator(begun.name, begun.csrf)))
        reply.set_cookie(
            self._gate.cookie, begun.token, max_age=ABSOLUTE_S, httponly=True, path="/",
            samesite="Strict", secure=self._gate.remote,
        )  # fmt: skip
        return reply

    async def log_out(self, request: web.Request, _by: Operator | None) -> web.Response:
        """Log out."""
        await self._operators.log_out(request.cookies.get(self._gate.cookie, ""))
        reply = json_reply(await self._session(None))
        reply.del_cookie(self._gate.cookie, path="/", secure=self._gate.remote)
        return reply

    async def _session(self, by: Operator | None) -> SessionView:
        return SessionView(
            signed_in=by is not None,
            name=by.name if by else "",
            csrf=by.csrf if by else "",
            login_to_read=self._gate.remote,
            operators=await self._operators.any(),
        )


def _whole(text: str | None, otherwise: int) -> int:
    if text is None or text == "":
        return otherwise
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise BadSearch(f"{text[:20]} is no whole number")
    return int(text)
